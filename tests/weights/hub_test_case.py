"""What the tests of the hub share: a hub on this machine, its files, and a cache to fetch them to."""
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


def main():
    print(f"huggingface_hub {huggingface_hub.__version__}", file=sys.stderr)
    unittest.main(verbosity=2)
