"""Models fetched from a hub on this machine. What is in the cache afterwards is held against huggingface_hub itself,
which gets the same files from the same server."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from hub_server import git_blob_id  # noqa: E402
from hub_test_case import (
    COMMIT, CONFIG, ETAG, FOLDER, HubTestCase, OLDER, REPO, tree, USAGE, WEIGHTS, main)  # noqa: E402


class SameCacheAsPython(HubTestCase):
    def test_same_files_and_links_as_huggingface_hub(self):
        self.assert_fetched(self.fetch("main", "avg_models"))
        ours = tree(self.cache)
        theirs = self.scratch / "theirs"
        self.python(f"for name in 'config.yaml', 'avg_model.pt': hf_hub_download('{REPO}', name)", HF_HUB_CACHE=theirs)
        self.assertEqual(ours, tree(theirs))
        self.assertEqual(ours[f"{FOLDER}/snapshots/{COMMIT}/avg_model.pt"], f"-> ../../blobs/{ETAG}")
        self.assertEqual(ours[f"{FOLDER}/snapshots/{COMMIT}/config.yaml"], f"-> ../../blobs/{git_blob_id(CONFIG)}")
        self.assertEqual((self.cache / FOLDER / "refs" / "main").read_bytes(), COMMIT.encode())
        # Only what is needed: not the ONNX file, nor the README.
        self.assertEqual(len([n for n in ours if "/blobs/" in n]), 2)
        self.assertEqual(self.hub.seen("GET", "onnx|README"), [])

    def test_python_finds_ours_without_the_server(self):
        self.fetch()
        self.hub.stop()
        found = self.python(f"""
print(hf_hub_download('{REPO}', 'avg_model.pt'))
print(snapshot_download('{REPO}'))
info = scan_cache_dir()
print(info.warnings, [(r.repo_id, r.size_on_disk) for r in info.repos])""", HF_HUB_OFFLINE=1)
        size = len(WEIGHTS) + len(CONFIG)
        self.assertEqual(found.splitlines(), [str(self.snapshot / "avg_model.pt"), str(self.snapshot),
                                              f"[] [('{REPO}', {size})]"])

    def test_we_find_what_python_cached(self):
        self.assertEqual(self.python(f"print(snapshot_download('{REPO}'))"), str(self.snapshot))
        before, asked = tree(self.cache), len(self.hub.requests)
        self.assert_fetched(self.run_tool("find", REPO))
        self.assertEqual(len(self.hub.requests), asked)
        self.assert_fetched(self.fetch())
        self.assertEqual(len(self.hub.requests), asked + 1)  # the listing
        self.assertEqual(tree(self.cache), before)

    def test_python_goes_on_with_our_download_and_we_with_its(self):
        for ours_first in (True, False):
            with self.subTest(ours_first=ours_first):
                self.cache = self.scratch / f"hub{ours_first}"
                self.incomplete.parent.mkdir(parents=True)
                self.incomplete.write_bytes(WEIGHTS[:1_234_567])
                if ours_first:
                    self.fetch()
                else:
                    self.python(f"for name in 'config.yaml', 'avg_model.pt': hf_hub_download('{REPO}', name)")
                self.assert_fetched(self.run_tool("find", REPO))
                self.assertEqual(self.hub.seen("GET", ETAG)[-1][3]["Range"], "bytes=1234567-")

    def test_every_place_of_the_cache(self):
        places = {"a": {"HF_HUB_CACHE": "$PLACE/a"}, "b": {"HUGGINGFACE_HUB_CACHE": "$PLACE/b"}, "c/hub": {"HF_HOME": "${PLACE}/c"},
                  "home/.cache/huggingface/hub": {}, "home/e/hub": {"HF_HOME": "~/e"},
                  "f": {"HF_HUB_CACHE": "$PLACE/f", "HUGGINGFACE_HUB_CACHE": "$PLACE/x", "HF_HOME": "~/y"}}
        theirs = self.python(f"""
import importlib, json, os
from huggingface_hub import constants
for settings in {list(places.values())}:
    os.environ.update(settings)
    print(importlib.reload(constants).HF_HUB_CACHE)
    for name in settings:
        del os.environ[name]""", PLACE=self.scratch, HF_HUB_CACHE=None).splitlines()
        self.assertEqual(theirs, [str(self.scratch / place) for place in places])
        places["d/huggingface/hub"] = {"XDG_CACHE_HOME": "$PLACE/d"}  # huggingface_hub leaves a variable in that one as it is
        for place, settings in places.items():
            with self.subTest(place=place):
                self.cache = self.scratch / place
                self.fetch(**{"PLACE": self.scratch, "HF_HUB_CACHE": None, **settings})
                self.assertTrue((self.snapshot / "avg_model.pt").is_symlink())

    def test_permissions_follow_the_umask(self):
        self.fetch(before=lambda: os.umask(0o027))
        self.assertEqual((self.snapshot / "avg_model.pt").stat().st_mode & 0o777, 0o640)


class Revisions(HubTestCase):
    def test_branch_tag_and_commit(self):
        for revision in ("v1", "refs/pr/1"):
            done = self.fetch(revision)
            self.assertEqual(done.stdout.splitlines()[2], OLDER)
            self.assertEqual((self.cache / FOLDER / "refs" / revision).read_text(), OLDER)
            self.assertEqual(self.run_tool("find", REPO, revision).stdout, done.stdout)
        found = self.python(f"for r in 'v1', 'refs/pr/1': print(hf_hub_download('{REPO}', 'avg_model.pt', revision=r))", HF_HUB_OFFLINE=1)
        self.assertEqual(found.splitlines(), [str(self.cache / FOLDER / "snapshots" / OLDER / "avg_model.pt")] * 2)
        self.assertFalse((self.cache / FOLDER / "refs" / "main").exists())
        self.refused(self.run_tool("find", REPO), USAGE, f"`balr model fetch {REPO}`")

    def test_a_commit_that_is_here_needs_no_server(self):
        first = self.fetch(COMMIT)
        self.assert_fetched(first)
        self.assertFalse((self.cache / FOLDER / "refs").exists())
        self.hub.stop()
        self.assertEqual(self.fetch(COMMIT).stdout, first.stdout)

    def test_a_branch_that_moved_on_is_fetched_again(self):
        self.fetch()
        newer = "a" * 40
        self.hub.add(REPO, newer, {"avg_model.pt": b"newer" * 100, "config.yaml": CONFIG})
        configs = len(self.hub.seen("GET", "config.yaml"))
        self.assertEqual(self.fetch().stdout.splitlines()[2], newer)
        self.assertEqual(self.run_tool("find", REPO).stdout.splitlines()[2], newer)
        self.assertEqual(len(self.hub.seen("GET", "config.yaml")), configs, "the same content is not fetched twice")
        self.assertEqual(self.run_tool("find", REPO, COMMIT).stdout.splitlines()[2], COMMIT)

    def test_names_that_would_leave_the_cache_are_refused(self):
        for arguments in (("../x",), ("a/../../x",), ("",), ("main", "avg_model", "../config.yaml")):
            with self.subTest(arguments=arguments):
                self.refused(self.run_tool("fetch", REPO, *arguments), USAGE)
        for repo in ("../x", "a/../b", "a/b/c", "", "a b", "a/.b", "./x", "/x", "~/x", "~"):
            with self.subTest(repo=repo):
                self.refused(self.run_tool("fetch", repo), USAGE)
        self.assertEqual(self.hub.requests, [r for r in self.hub.requests if "/api/models/" in r[2]])
        self.assertEqual(tree(self.scratch), {})


class Names(HubTestCase):
    def test_the_rule_goes_over_the_whole_repository(self):
        for wanted in ("avg_model.pt", "avg_model", "avg_models", "anything"):
            self.assert_fetched(self.fetch("main", wanted))
            self.assert_fetched(self.run_tool("find", REPO, "main", wanted))
        note = self.run_tool("find", REPO, "main", "avg_models").stderr
        self.assertIn("has no file avg_models: avg_model.pt is taken", note)

    def test_weights_that_are_here_are_not_taken_for_others(self):
        other = "b" * 40
        self.hub.add("A/two", other, {"one.pt": b"1", "two.pt": b"2", "config.yaml": CONFIG})
        self.assertEqual(self.run_tool("fetch", "A/two", "main", "one").returncode, 0)
        self.assertEqual(self.run_tool("find", "A/two", "main", "one").returncode, 0)
        # In the snapshot one.pt is the only one, but two.pt is what is asked for.
        self.refused(self.run_tool("find", "A/two", "main", "twos"), USAGE, "balr model fetch A/two --model-name twos")
        self.refused(self.run_tool("fetch", "A/two", "main", "three"), USAGE, "one.pt", "two.pt")
        self.assertEqual(self.run_tool("fetch", "A/two", "main", "twos").returncode, 0)
        self.assertTrue(self.run_tool("find", "A/two", "main", "twos").stdout.startswith(
            str(self.cache / "models--A--two" / "snapshots" / other / "two.pt")))

    def test_safetensors_and_folders(self):
        self.hub.add("plain", "c" * 40, {"model.safetensors": b"s" * 10, "sub/config.yaml": b""})
        done = self.run_tool("fetch", "plain", "main", "models", "sub/config.yaml")
        self.assertEqual(done.returncode, 0, done.stderr)
        weights, config, _ = map(Path, done.stdout.splitlines())
        self.assertEqual((weights.name, config.read_bytes()), ("model.safetensors", b""))
        self.assertEqual(os.readlink(config), f"../../../blobs/{git_blob_id(b'')}")
        self.refused(self.run_tool("fetch", "plain"), USAGE, "config.yaml", "sub/config.yaml")

    def test_a_model_dir_is_taken_where_the_model_is_not_cached(self):
        folder = self.scratch / "own"
        folder.mkdir()
        (folder / "avg_model.pt").write_bytes(b"own")
        (folder / "config.yaml").write_bytes(CONFIG)
        rest = ("main", "avg_models", "config.yaml")
        done = self.run_tool("find", REPO, *rest, "own")
        self.assertEqual(done.stdout.splitlines()[0], str(folder / "avg_model.pt"))
        self.assertIn("model_dir=own is taken", done.stderr)
        self.fetch()
        self.assert_fetched(self.run_tool("find", REPO, *rest, "own"))
        self.refused(self.run_tool("find", "no/such", *rest, "absent"), USAGE, "model_dir=absent", "balr model fetch no/such")
        (folder / "avg_model.pt").unlink()
        self.refused(self.run_tool("find", "no/such", *rest, "own"), USAGE, "no weights called avg_models")


class Refused(HubTestCase):
    def test_unknown_things(self):
        self.refused(self.run_tool("fetch", "no/such"), USAGE, "no/such", "HF_TOKEN", "401")
        self.refused(self.run_tool("fetch", REPO, "v9"), USAGE, "v9", "--revision", "404")
        self.refused(self.run_tool("fetch", REPO, "main", "avg_model", "other.yaml"), USAGE, "other.yaml", "config.yaml")
        self.hub.fail("HEAD", "avg_model.pt", status=404, headers={"X-Error-Code": "EntryNotFound"})
        self.refused(self.fetch(code=USAGE), USAGE, "avg_model.pt", "404")
        self.assertFalse((self.cache / FOLDER / "refs").exists())

    def test_gated_and_forbidden(self):
        self.hub.fail("HEAD", "config.yaml", status=403, headers={"X-Error-Code": "GatedRepo"})
        self.refused(self.fetch(code=USAGE), USAGE, "conditions", "HF_TOKEN")
        self.hub.fail("GET", f"/{ETAG}", status=403)
        self.refused(self.fetch(code=USAGE, HF_TOKEN="mine"), USAGE, "403", "the token in HF_TOKEN")
        self.assert_nothing_published()

    def test_tokens(self):
        self.hub.token = "hf_secret"
        self.refused(self.fetch(code=USAGE), USAGE, "401", "set HF_TOKEN")
        self.refused(self.fetch(code=USAGE, HF_TOKEN="wrong"), USAGE, "401", "the token in HF_TOKEN")
        self.refused(self.fetch(code=USAGE, HF_TOKEN="two words"), USAGE, "HF_TOKEN", "space")
        self.refused(self.fetch(code=USAGE, HF_TOKEN="a\r\nX-Evil: 1"), USAGE, "HF_TOKEN")
        (self.scratch / "home/.cache/huggingface").mkdir(parents=True)
        (self.scratch / "home/.cache/huggingface/token").write_text("hf_secret\n")
        (self.scratch / "mine").write_text(" hf_secret ")
        self.refused(self.fetch(code=USAGE, HF_HUB_DISABLE_IMPLICIT_TOKEN=1), USAGE, "401")
        for number, settings in enumerate(({"HF_TOKEN": "hf_secret\n"}, {"HUGGING_FACE_HUB_TOKEN": "hf_secret"}, {},
                                           {"HF_TOKEN_PATH": "$HOME/../mine", "HF_HOME": "~/none"})):
            with self.subTest(settings=settings):
                self.cache = self.scratch / f"hub{number}"
                self.assert_fetched(self.fetch(**settings))
        # The other server, which refuses a token, was asked; none went there.
        to_store = [r for r in self.hub.requests if r[0] == "store"]
        self.assertEqual(len(to_store), 4)
        for _, _, _, headers in to_store:
            self.assertNotIn("hf_secret", str(headers))

    def test_the_token_is_not_shown(self):
        self.hub.token = "other"
        done = self.fetch(code=USAGE, HF_TOKEN="hf_secret")
        self.assertNotIn("hf_secret", done.stderr + done.stdout)

    def test_settings_that_cannot_be(self):
        self.refused(self.fetch(code=USAGE, HF_ENDPOINT="ftp://x"), USAGE, "HF_ENDPOINT")
        self.refused(self.fetch(code=USAGE, HF_HUB_ETAG_TIMEOUT="soon"), USAGE, "HF_HUB_ETAG_TIMEOUT")
        self.assert_fetched(self.fetch(HF_ENDPOINT=self.hub.url + "///"))


if __name__ == "__main__":
    main()
