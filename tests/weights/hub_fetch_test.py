"""Models fetched from a hub on this machine. What is in the cache afterwards is held against huggingface_hub itself,
which gets the same files from the same server."""
import ctypes
import hashlib
import json
import os
import resource
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from hub_server import Hub, git_blob_id  # noqa: E402

try:
    import huggingface_hub
except ImportError as missing:  # the exit status that ctest shows as "skipped"
    if os.environ.get("BALR_REQUIRE_TEST_DATA") == "1":
        raise
    print(f"skipped: {missing}; configure with -DBALR_TEST_PYTHON=<a Python with huggingface_hub>", file=sys.stderr)
    sys.exit(77)

TOOL, POOR_FILE_SYSTEM = sys.argv.pop(1), sys.argv.pop(1)
REPO = "Wespeaker/wespeaker-voxceleb-resnet34-LM"
FOLDER = "models--Wespeaker--wespeaker-voxceleb-resnet34-LM"
COMMIT, OLDER = "f0c48c298fd835726c27956a5d617bad7115627e", "0123456789abcdef0123456789abcdef01234567"
WEIGHTS = hashlib.shake_256(b"weights").digest(3_000_000)
CONFIG = b"model: ResNet34\nmodel_args: {feat_dim: 80, embed_dim: 256}\n"
FILES = {"README.md": b"# model\n", "avg_model.pt": WEIGHTS, "config.yaml": CONFIG, "voxceleb.onnx": b"onnx" * 1000}
ETAG = hashlib.sha256(WEIGHTS).hexdigest()
USAGE, DATA, IO = 2, 65, 74
CAP_DAC_OVERRIDE, PR_CAPBSET_DROP = 1, 24


def as_owner():
    """Root, too, obeys the permissions of files."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


def small_files(limit):
    """Runs in the child: a file of more bytes cannot be written, as on a full disk."""
    def apply():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    return apply


def tree(folder):
    """Every file and link below, without what only we write, and locks."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = "-> " + os.readlink(path)
        elif path.is_file() and ".locks/" not in name and "/.balr/" not in name and not name.endswith("CACHEDIR.TAG"):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


class HubTestCase(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        self.cache = self.scratch / "hub"
        self.hub = Hub()
        self.addCleanup(self.hub.stop)
        self.hub.add(REPO, OLDER, {"avg_model.pt": b"older" * 100, "config.yaml": CONFIG}, ("v1", "refs/pr/1"))
        self.hub.add(REPO, COMMIT, FILES)

    @property
    def snapshot(self):
        return self.cache / FOLDER / "snapshots" / COMMIT

    @property
    def incomplete(self):
        return self.cache / FOLDER / "blobs" / f"{ETAG}.incomplete"

    def environment(self, **more):
        settings_of_others = ("HF_", "HUGGING", "TRANSFORMERS_", "XDG_", "SSL_CERT", "CURL_CA", "REQUESTS_CA")
        keep = {k: v for k, v in os.environ.items()
                if not k.upper().startswith(settings_of_others) and not k.lower().endswith("_proxy")}
        settings = {"HOME": str(self.scratch / "home"), "HF_ENDPOINT": self.hub.url, "HF_HUB_CACHE": str(self.cache),
                    "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", **more}
        return {**keep, **{k: str(v) for k, v in settings.items() if v is not None}}

    def command(self, *arguments):
        return [TOOL, *map(str, arguments)]

    def run_tool(self, *arguments, before=None, **environment):
        return subprocess.run(self.command(*arguments), env=self.environment(**environment), capture_output=True,
                              text=True, timeout=120, preexec_fn=before, restore_signals=before is None,
                              cwd=self.scratch)

    def fetch(self, *arguments, code=0, before=None, **environment):
        done = self.run_tool("fetch", REPO, *arguments, before=before, **environment)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def refused(self, done, code, *words):
        self.assertEqual(done.returncode, code, done.stderr)
        last = done.stderr.splitlines()[-1]
        self.assertTrue(last.startswith("error: "), done.stderr)
        for word in words:
            self.assertIn(word, last)

    def python(self, code, **environment):
        """What the code prints, run with huggingface_hub."""
        done = subprocess.run([sys.executable, "-W", "ignore", "-c", "from huggingface_hub import *\n" + code],
                              env=self.environment(**environment), capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def assert_fetched(self, done):
        self.assertEqual(done.stdout.splitlines(),
                         [str(self.snapshot / "avg_model.pt"), str(self.snapshot / "config.yaml"), COMMIT])
        self.assertEqual((self.snapshot / "avg_model.pt").read_bytes(), WEIGHTS)
        self.assertEqual((self.snapshot / "config.yaml").read_bytes(), CONFIG)
        self.assertEqual(list((self.cache / FOLDER / "blobs").glob("*.incomplete")), [])

    def assert_nothing_published(self):
        self.assertFalse((self.snapshot / "avg_model.pt").exists())
        self.assertFalse((self.cache / FOLDER / "refs").exists())
        self.assertFalse((self.cache / FOLDER / "blobs" / ETAG).exists())


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


class Broken(HubTestCase):
    def test_a_broken_connection_is_continued(self):
        self.hub.fail("GET", ETAG, cut=1_000_000)
        self.hub.fail("GET", ETAG, cut=700_000)
        done = self.fetch()
        self.assert_fetched(done)
        gets = self.hub.seen("GET", ETAG)
        self.assertEqual([r[3].get("Range") for r in gets if r[0] == "store"], [None, "bytes=1000000-", "bytes=1700000-"])
        self.assertIn("trying again", done.stderr)

    def test_progress_counts_attempts_anew(self):
        for _ in range(12):  # four times what is tried without progress
            self.hub.fail("GET", f"/{ETAG}", cut=100_000)
        self.assert_fetched(self.fetch())

    def test_a_killed_download_is_continued(self):
        self.hub.fail("GET", f"/{ETAG}", pace=20_000)
        child = subprocess.Popen(self.command("fetch", REPO), env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not self.incomplete.exists() or self.incomplete.stat().st_size < 200_000:
            self.assertIsNone(child.poll())
            time.sleep(0.01)
        child.kill()
        child.wait()
        here = self.incomplete.stat().st_size
        self.assertLess(here, len(WEIGHTS))
        self.assert_nothing_published()
        done = self.fetch()
        self.assert_fetched(done)
        self.assertEqual(self.hub.seen("GET", f"/{ETAG}")[-1][3]["Range"], f"bytes={here}-")
        self.assertIn("going on with avg_model.pt", done.stderr)

    def test_a_server_that_does_not_continue(self):
        self.hub.fail("GET", f"/{ETAG}", cut=1_000_000)
        self.hub.fail("GET", f"/{ETAG}", no_range=True)
        self.assert_fetched(self.fetch())

    def test_a_connection_that_stands_still(self):
        self.hub.fail("GET", f"/{ETAG}", stall=3)
        self.hub.fail("HEAD", "config.yaml", stall=3)
        self.assert_fetched(self.fetch(HF_HUB_DOWNLOAD_TIMEOUT=1, HF_HUB_ETAG_TIMEOUT=1))

    def test_a_slow_one_is_waited_for(self):
        self.hub.fail("GET", f"/{ETAG}", pace=12_000)  # longer than the time without a byte
        self.assert_fetched(self.fetch(HF_HUB_DOWNLOAD_TIMEOUT=1))
        self.assertEqual(len([r for r in self.hub.seen("GET", f"/{ETAG}") if r[0] == "store"]), 1)

    def test_garbage_of_an_older_run_is_thrown_away(self):
        for garbage in (b"x" * 1000, b"x" * len(WEIGHTS), b"x" * (len(WEIGHTS) + 5)):
            with self.subTest(size=len(garbage)):
                self.cache = self.scratch / f"hub{len(garbage)}"
                self.incomplete.parent.mkdir(parents=True)
                self.incomplete.write_bytes(garbage)
                self.assert_fetched(self.fetch())

    def test_wrong_content_is_refused(self):
        wrong = bytearray(WEIGHTS)
        wrong[12345] ^= 1
        self.hub.fail("GET", f"/{ETAG}", content=bytes(wrong))
        self.refused(self.fetch(code=DATA), DATA, "avg_model.pt", "hash", ETAG)
        self.assert_nothing_published()
        self.assertFalse(self.incomplete.exists())
        self.hub.fail("GET", "resolve-cache/.*config.yaml", content=CONFIG.replace(b"34", b"35"))
        other = self.scratch / "small"
        self.refused(self.fetch(code=DATA, HF_HUB_CACHE=other), DATA, "config.yaml", git_blob_id(CONFIG))
        self.assertEqual(tree(other), {})
        self.assert_fetched(self.fetch())

    def test_too_many_bytes_are_refused(self):
        self.hub.fail("GET", f"/{ETAG}", extra=b"x" * 100_000)
        self.refused(self.fetch(code=DATA), DATA, "more than")
        self.assert_nothing_published()
        self.assert_fetched(self.fetch())

    def test_too_few_bytes_are_asked_for_again(self):
        self.hub.fail("GET", f"/{ETAG}", content=WEIGHTS[:2_000_000])
        self.assert_fetched(self.fetch())

    def test_temporary_errors_are_tried_again(self):
        for status in (500, 502, 503, 504, 429, 408):
            self.hub.fail("GET", "/api/models/", status=status)
            self.hub.fail("HEAD", "avg_model.pt", status=status)
            self.hub.fail("GET", f"/{ETAG}", status=status)
            with self.subTest(status=status):
                self.cache = self.scratch / f"hub{status}"
                self.assert_fetched(self.fetch())

    def test_retry_after_is_obeyed(self):
        self.hub.fail("GET", "/api/models/", status=429, headers={"Retry-After": "2"})
        start = time.monotonic()
        self.assert_fetched(self.fetch())
        self.assertGreaterEqual(time.monotonic() - start, 2)

    def test_a_server_that_stays_broken_is_given_up(self):
        self.hub.fail("GET", "/api/models/", times=3, status=503)
        self.refused(self.fetch(code=IO), IO, self.hub.url, "503", "proxy")
        self.assertEqual(len(self.hub.seen("GET")), 3)
        self.hub.fail("GET", f"/{ETAG}", times=3, status=500)
        self.refused(self.fetch(code=IO), IO, "avg_model.pt", "500")
        self.assert_nothing_published()
        self.hub.stop()
        self.refused(self.fetch(code=IO), IO, self.hub.url)

    def test_redirects_without_end(self):
        self.hub.fail("GET", f"/{ETAG}", times=99, status=302, headers={"Location": f"{self.hub.store_url}/{ETAG}"})
        self.refused(self.fetch(code=DATA), DATA, "without end")

    def test_a_full_disk(self):
        self.refused(self.fetch(code=IO, before=small_files(1_000_000)), IO, "cannot write", ".incomplete")
        self.assert_nothing_published()
        self.assert_fetched(self.fetch())

    def test_answers_that_make_no_sense(self):
        cases = [b"", b"{", b"[" * 100_000, b"[]", b'{"sha": 5}', b'{"sha": "main", "siblings": []}', b"\xff\xfe",
                 json.dumps({"sha": "../" * 13 + "x", "siblings": []}).encode(), b"<html>sign in</html>"]
        for body in cases:
            with self.subTest(body=body[:20]):
                self.hub.fail("GET", "/api/models/", status=200, content=body)
                self.refused(self.fetch(code=DATA), DATA, "HF_ENDPOINT")
        self.hub.fail("HEAD", "avg_model.pt", status=200, headers={"X-Linked-Etag": '"../../../../evil"'})
        self.refused(self.fetch(code=DATA), DATA, "hash")
        self.hub.fail("HEAD", "config.yaml", status=200, headers={"X-Linked-Etag": '".."'})
        self.refused(self.run_tool("fetch", REPO, HF_HUB_CACHE=self.scratch / "x"), DATA, "hash")
        self.assertFalse(any("evil" in name for name in tree(self.scratch)))


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


class Network(HubTestCase):
    def test_offline(self):
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            self.refused(self.fetch(code=USAGE, **{name: "on"}), USAGE, "HF_HUB_OFFLINE")
        self.assertEqual(self.hub.requests, [])
        first = self.fetch(HF_HUB_OFFLINE=0)
        asked = len(self.hub.requests)
        self.assertEqual(self.fetch(HF_HUB_OFFLINE="TRUE").stdout, first.stdout)
        self.assertEqual(len(self.hub.requests), asked)

    def test_what_is_cached_is_taken_where_the_hub_cannot_be_reached(self):
        first = self.fetch()
        self.hub.stop()
        done = self.fetch()
        self.assertEqual(done.stdout, first.stdout)
        self.assertIn("in the cache is taken", done.stderr)

    def test_proxies(self):
        # Our server answers as a proxy too: then it is asked for the whole address.
        self.assert_fetched(self.fetch(HF_ENDPOINT="http://hub.invalid", http_proxy=self.hub.url))
        self.assertEqual(len(self.hub.seen("GET", "^http://hub.invalid/")), 4)  # listing, and two files with a redirect
        self.assertEqual(len(self.hub.seen("GET", f"^{self.hub.store_url}/")), 1)

    def test_no_proxy(self):
        self.assert_fetched(self.fetch(http_proxy="http://127.0.0.1:1", no_proxy="127.0.0.1"))
        self.refused(self.fetch(code=IO, http_proxy="http://127.0.0.1:1", HF_HUB_CACHE=self.scratch / "x"), IO)

    def test_encrypted_with_an_own_certificate(self):
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                               "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.scratch / "key.pem",
                               "-out", self.scratch / "cert.pem"], capture_output=True, text=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.scratch / "cert.pem", self.scratch / "key.pem")
        files = self.hub.repos
        self.hub.stop()
        self.hub = Hub(context)
        self.hub.repos = files
        asked = len(self.hub.requests)
        self.refused(self.fetch(code=USAGE), USAGE, "certificate", "SSL_CERT_FILE")
        self.assertEqual(len(self.hub.requests), asked)
        self.refused(self.fetch(code=USAGE, SSL_CERT_FILE="/no/such.pem"), USAGE, "SSL_CERT_FILE")
        # The large file lies on a server without encryption: never from https to http.
        done = self.fetch(code=DATA, SSL_CERT_FILE=self.scratch / "cert.pem")
        self.refused(done, DATA, "without encryption")
        self.assertEqual([r for r in self.hub.requests if r[0] == "store"], [])
        for file in files[REPO]["files"][COMMIT].values():
            file.large = False
        self.assert_fetched(self.fetch(REQUESTS_CA_BUNDLE=self.scratch / "cert.pem"))


class ManyProcesses(HubTestCase):
    def together(self, count, **environment):
        children = [subprocess.Popen(self.command("fetch", REPO), env=self.environment(**environment), text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(count)]
        out = [child.communicate(timeout=120) for child in children]
        self.assertEqual([c.returncode for c in children], [0] * count, out)
        self.assertEqual(len({o[0] for o in out}), 1)
        self.assertEqual((self.snapshot / "avg_model.pt").read_bytes(), WEIGHTS)
        return len([r for r in self.hub.seen("GET", f"/{ETAG}") if r[0] == "store"])

    def test_one_downloads_while_the_others_wait(self):
        self.hub.fail("GET", f"/{ETAG}", pace=50_000)
        self.assertEqual(self.together(6), 1)

    def test_so_it_is_without_flock(self):
        self.hub.fail("GET", f"/{ETAG}", pace=50_000)
        self.assertEqual(self.together(6, LD_PRELOAD=POOR_FILE_SYSTEM, BALR_TEST_NO_FLOCK=1), 1)
        self.assertEqual([p.name for p in (self.cache / ".locks" / FOLDER).iterdir() if ".lease" in p.name], [])

    def test_huggingface_hub_waits_for_us(self):
        self.hub.fail("GET", f"/{ETAG}", pace=20_000)
        ours = subprocess.Popen(self.command("fetch", REPO), env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not self.incomplete.exists():
            self.assertIsNone(ours.poll())
            time.sleep(0.01)
        self.python(f"hf_hub_download('{REPO}', 'avg_model.pt')")
        self.assertEqual(ours.wait(timeout=60), 0)
        self.assertEqual(len([r for r in self.hub.seen("GET", f"/{ETAG}") if r[0] == "store"]), 1)
        self.assertEqual((self.snapshot / "avg_model.pt").read_bytes(), WEIGHTS)

    def test_locks_that_lock_nothing_spoil_no_file(self):
        for _ in range(4):
            self.hub.fail("GET", f"/{ETAG}", pace=50_000)
        environment = self.environment(LD_PRELOAD=POOR_FILE_SYSTEM, BALR_TEST_LYING_FLOCK=1)
        children = [subprocess.Popen(self.command("fetch", REPO), env=environment, text=True, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE) for _ in range(4)]
        for child in children:
            error = child.communicate(timeout=120)[1].splitlines()[-1]
            if child.returncode != 0:  # it noticed the others
                self.assertIn(child.returncode, (IO, DATA), error)
        for path in ((self.cache / FOLDER / "blobs").glob("*")):
            if path.name == ETAG:
                self.assertEqual(path.read_bytes(), WEIGHTS)
        self.assert_fetched(self.fetch())

    def kill_a_download(self, **environment):
        self.hub.fail("GET", f"/{ETAG}", pace=20_000)
        child = subprocess.Popen(self.command("fetch", REPO), env=self.environment(**environment), stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        while not self.incomplete.exists() or self.incomplete.stat().st_size == 0:
            self.assertIsNone(child.poll())
            time.sleep(0.01)
        child.kill()
        child.wait()

    def test_the_lock_of_a_killed_process_is_no_obstacle(self):
        self.kill_a_download()
        self.assert_fetched(self.fetch())
        poor = {"LD_PRELOAD": POOR_FILE_SYSTEM, "BALR_TEST_NO_FLOCK": 1}
        self.cache = self.scratch / "poor"
        self.kill_a_download(**poor)
        self.assertEqual(len(list((self.cache / ".locks" / FOLDER).glob("*.lease"))), 1)
        self.assert_fetched(self.fetch(**poor))

    def test_a_lease_that_beats_is_waited_for(self):
        poor = {"LD_PRELOAD": POOR_FILE_SYSTEM, "BALR_TEST_NO_FLOCK": 1}
        lease = self.cache / ".locks" / FOLDER / f"{ETAG}.lock.lease"
        lease.parent.mkdir(parents=True)
        lease.write_text("another-host 1 0\n")
        child = subprocess.Popen(self.command("fetch", REPO), env=self.environment(**poor), stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True)
        self.assertIn("waiting for another process that downloads avg_model.pt", "".join(child.stderr.readline() for _ in range(2)))
        self.assertIsNone(child.poll())
        lease.unlink()
        child.communicate(timeout=60)
        self.assertEqual(child.returncode, 0)


class OtherFileSystems(HubTestCase):
    def test_a_cache_without_links(self):
        poor = {"LD_PRELOAD": POOR_FILE_SYSTEM, "BALR_TEST_NO_LINKS": 1}
        self.fetch(**poor)
        ours = tree(self.cache)
        self.assertEqual(ours[f"{FOLDER}/snapshots/{COMMIT}/avg_model.pt"], ETAG)
        theirs = self.scratch / "theirs"
        self.python(f"for name in 'config.yaml', 'avg_model.pt': hf_hub_download('{REPO}', name)", HF_HUB_CACHE=theirs,
                    HF_HUB_DISABLE_SYMLINKS_WARNING=1, **poor)
        self.assertEqual(ours, tree(theirs))
        self.assertEqual(self.python(f"print(hf_hub_download('{REPO}', 'avg_model.pt'))", HF_HUB_OFFLINE=1),
                         str(self.snapshot / "avg_model.pt"))
        gets = len(self.hub.seen("GET", ETAG))
        self.assert_fetched(self.fetch(**poor))
        self.assertEqual(len(self.hub.seen("GET", ETAG)), gets)

    def test_a_blob_that_is_here_is_copied_where_there_are_no_links(self):
        self.fetch()
        self.hub.add(REPO, "d" * 40, {"avg_model.pt": WEIGHTS, "config.yaml": CONFIG}, ("again",))
        gets = len(self.hub.seen("GET", f"/{ETAG}"))
        done = self.fetch("again", LD_PRELOAD=POOR_FILE_SYSTEM, BALR_TEST_NO_LINKS=1)
        weights = Path(done.stdout.splitlines()[0])
        self.assertFalse(weights.is_symlink())
        self.assertEqual(weights.read_bytes(), WEIGHTS)
        self.assert_fetched(self.run_tool("find", REPO))
        self.assertEqual(len(self.hub.seen("GET", f"/{ETAG}")), gets)

    def test_a_cache_that_cannot_be_written(self):
        first = self.fetch()
        folders = [p for p in self.cache.rglob("*") if p.is_dir() and not p.is_symlink()] + [self.cache]
        for folder in folders:
            folder.chmod(0o555)
        try:
            self.assertEqual(self.run_tool("find", REPO, before=as_owner).stdout, first.stdout)
            self.assertEqual(self.fetch(before=as_owner).stdout, first.stdout)
            self.refused(self.fetch("v1", code=IO, before=as_owner), IO, "HF_HUB_CACHE")
            self.refused(self.run_tool("fetch", REPO, HF_HUB_CACHE=self.cache / "no", before=as_owner), IO, "HF_HUB_CACHE")
        finally:
            for folder in folders:
                folder.chmod(0o755)

    def test_a_link_that_leads_nowhere_is_made_again(self):
        self.fetch()
        (self.snapshot / "avg_model.pt").unlink()
        (self.snapshot / "avg_model.pt").symlink_to("../../blobs/absent")
        self.refused(self.run_tool("find", REPO), USAGE, "balr model fetch")
        self.assert_fetched(self.fetch())


if __name__ == "__main__":
    print(f"huggingface_hub {huggingface_hub.__version__}", file=sys.stderr)
    unittest.main(verbosity=2)
