"""A hub whose connections break, stall or lie, and what lies between it and us."""
import json
import ssl
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from hub_server import Hub, git_blob_id  # noqa: E402
from hub_test_case import (
    COMMIT, CONFIG, DATA, ETAG, HubTestCase, IO, REPO, small_files, tree, USAGE, WEIGHTS, main)  # noqa: E402


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


if __name__ == "__main__":
    main()
