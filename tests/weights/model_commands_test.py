"""The way of a model on a cluster: `balr model fetch` on the login node, `balr model info`, `balr extract` without a
network, with the model by name, by commit, by model_dir and by path."""
import csv
import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest
import wave
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from hub_server import Hub  # noqa: E402

try:
    import h5py
    import safetensors.torch
    import torch
except ImportError as missing:  # the exit status that ctest shows as "skipped"
    if os.environ.get("BALR_REQUIRE_TEST_DATA") == "1":
        raise
    print(f"skipped: {missing}; configure with -DBALR_TEST_PYTHON=<a Python with torch, h5py and safetensors>", file=sys.stderr)
    sys.exit(77)

BALR = Path(os.environ["BALR_BUILD_DIR"]) / "balr"
COMMIT = "f0c48c298fd835726c27956a5d617bad7115627e"
REPO = "Wespeaker/wespeaker-voxceleb-resnet18"


def write_speech(file, seed, seconds=1):
    rng = random.Random(seed)
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(b"".join(struct.pack("<h", rng.randint(-8000, 8000)) for _ in range(16000 * seconds)))


class ModelCommands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.folder = Path(cls.scratch.name)
        for number in range(3):
            write_speech(cls.folder / f"{number}.wav", number)
        with open(cls.folder / "in.csv", "w", newline="") as out:
            csv.writer(out).writerows([["id", "audio", "speaker"]] + [[f"u{n}", f"{n}.wav", "s"] for n in range(3)])
        cls.model = cls.folder / "model"
        cls.balr("model", "init", cls.model, "--audio", cls.folder / "in.csv", "--model", "ResNet18")
        cls.files = {"avg_model.pt": (cls.model / "avg_model.pt").read_bytes(), "config.yaml": (cls.model / "config.yaml").read_bytes()}
        cls.hub = Hub()
        cls.addClassCleanup(cls.hub.stop)
        cls.hub.add(REPO, COMMIT, {**cls.files, "other.onnx": b"x"}, ("main", "v1"))

    @classmethod
    def balr(cls, *arguments, code=0, **environment):
        settings = {"HF_HOME": cls.folder / "hf", "HF_ENDPOINT": getattr(cls, "hub", None) and cls.hub.url, **environment}
        keep = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and not k.lower().endswith("_proxy")}
        done = subprocess.run([BALR, *map(str, arguments)], capture_output=True, text=True, timeout=300, cwd=cls.folder,
                              env={**keep, **{k: str(v) for k, v in settings.items() if v is not None}})
        if done.returncode != code:
            raise AssertionError(f"{arguments}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def embeddings(self, *overrides, **environment):
        out = Path(tempfile.mkdtemp(dir=self.folder))
        self.balr("extract", "in.csv", "--save-dir", out, "--force", *overrides, HF_ENDPOINT="http://127.0.0.1:1", **environment)
        with h5py.File(out / "embeddings.h5") as store:
            return store["embeddings"][:].tobytes()

    def test_fetched_on_one_machine_and_used_on_another(self):
        asked = len(self.hub.requests)
        refused = self.balr("extract", "in.csv", f"embeddings.model.model_repo={REPO}", "embeddings.model.model_name=avg_models", code=2)
        self.assertIn(f"`balr model fetch {REPO} --model-name avg_models`", refused.stderr)
        self.assertEqual(len(self.hub.requests), asked, "extract never asks the network")

        done = self.balr("model", "fetch", REPO, "--model-name", "avg_models")
        snapshot = Path(done.stdout.strip())
        self.assertEqual(snapshot.name, COMMIT)
        self.assertIn("avg_model.pt", done.stderr)
        self.assertEqual({p.name: p.read_bytes() for p in snapshot.iterdir()}, self.files)

        by_path = self.embeddings(f"embeddings.model.model_repo={self.model}")
        by_name = [f"embeddings.model.model_repo={REPO}", "embeddings.model.model_name=avg_models"]
        self.assertEqual(self.embeddings(*by_name), by_path)
        self.assertEqual(self.embeddings(*by_name, f"embeddings.model.revision={COMMIT}"), by_path)
        refused = self.balr("extract", "in.csv", *by_name, "embeddings.model.revision=v1", code=2)
        self.assertIn(f"`balr model fetch {REPO} --revision v1 --model-name avg_models`", refused.stderr)
        # As the Python balr's users name a folder of their own; other models are not in this cache.
        self.assertEqual(self.embeddings("+embeddings.model.model_dir=model", HF_HOME=self.folder / "none"), by_path)
        # The same weights in the other format.
        other = self.folder / "other"
        other.mkdir()
        (other / "config.yaml").write_bytes(self.files["config.yaml"])
        safetensors.torch.save_file(torch.load(self.model / "avg_model.pt", weights_only=True), other / "avg_model.safetensors")
        self.assertEqual(self.embeddings("embeddings.model.model_repo=./other"), by_path)

    def test_info_says_what_torch_says(self):
        self.balr("model", "fetch", REPO)
        expected = torch.load(self.model / "avg_model.pt", weights_only=True)
        for model, revision in ((REPO, COMMIT), (self.model, None), (self.model / "avg_model.pt", None)):
            with self.subTest(model=model):
                info = json.loads(self.balr("model", "info", model, "--json").stdout)
                self.assertEqual(info["sha256"], hashlib.sha256(self.files["avg_model.pt"]).hexdigest())
                self.assertEqual((info["revision"], info["fits"], info["format"]), (revision, True, "pt"))
                self.assertEqual([(t["name"], "torch." + t["dtype"], tuple(t["shape"])) for t in info["tensors"]],
                                 [(name, str(t.dtype), tuple(t.shape)) for name, t in expected.items()])
                self.assertEqual(info["parameters"], 4105440)
                self.assertIn("ResNet18", info["architecture"])
        text = self.balr("model", "info", self.model).stdout
        self.assertIn("parameters    4105440", text)
        self.assertRegex(text, r"layer2\.0\.conv1\.weight +float32 +64 x 32 x 3 x 3\n")

    def test_info_of_weights_that_do_not_fit(self):
        wrong = self.folder / "wrong"
        wrong.mkdir()
        (wrong / "config.yaml").write_bytes(self.files["config.yaml"].replace(b"ResNet18", b"ResNet34"))
        (wrong / "avg_model.pt").write_bytes(self.files["avg_model.pt"])
        done = self.balr("model", "info", wrong, "--json", code=65)
        self.assertIs(json.loads(done.stdout)["fits"], False)
        self.assertIn("layer1.2.conv1.weight", done.stderr)
        self.assertEqual(self.balr("model", "info", "no/such", code=2).stderr.count("\n"), 1)
        self.assertEqual(self.balr("model", "info", "./no", code=2).stderr.count("\n"), 1)

    def test_paths_are_never_fetched(self):
        asked = len(self.hub.requests)
        for path in ("/x/y", "./x", "~/x", "~"):
            self.assertIn("path", self.balr("model", "fetch", path, code=2).stderr)
        self.assertEqual(len(self.hub.requests), asked)


if __name__ == "__main__":
    unittest.main(verbosity=2)
