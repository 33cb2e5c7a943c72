"""A cache that several processes fill, and file systems without links, locks or space."""
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from hub_test_case import (
    as_owner, COMMIT, CONFIG, DATA, ETAG, FOLDER, HubTestCase, IO, POOR_FILE_SYSTEM, REPO, tree,
    USAGE, WEIGHTS, main)  # noqa: E402


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
    main()
