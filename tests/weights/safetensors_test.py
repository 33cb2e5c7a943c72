"""Safetensors files against the Python library: it reads what we write, we read what it writes, and what it refuses we do."""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import safetensors.torch
    import torch
except ImportError as missing:  # the exit status that ctest shows as "skipped"
    if os.environ.get("BALR_REQUIRE_TEST_DATA") == "1":
        raise
    print(f"skipped: {missing}; configure with -DBALR_TEST_PYTHON=<a Python with torch and safetensors>", file=sys.stderr)
    sys.exit(77)

TOOL = sys.argv.pop(1)
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
          torch.uint8, torch.bool]
ROUNDS = {"quick": 200, "ci": 2000, "full": 20000}[os.environ.get("BALR_TEST_LEVEL", "quick")]


def tool(*arguments):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=200)


def some_tensors():
    torch.manual_seed(5)
    out = {f"of.{dtype}": (torch.randn(3, 5) * 50).to(dtype) for dtype in DTYPES}
    out.update({"scalar": torch.tensor(3.5), "empty": torch.zeros(0, 4), "odd": torch.ones(3, dtype=torch.uint8),
                "çµ \"quoted\"\\\n\x01": torch.ones(2), "a.half": torch.ones(1, dtype=torch.float16)})
    return out


def raw(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def info(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


class Safetensors(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def put(self, content, name="made.safetensors"):
        (self.folder / name).write_bytes(content)
        return self.folder / name

    def copied(self, source, name):
        done = tool("copy", source, self.folder / name)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.folder / name

    def assert_same(self, back, expected):
        self.assertEqual(sorted(back), sorted(expected))
        for name, tensor in expected.items():
            self.assertEqual((back[name].dtype, back[name].shape), (tensor.dtype, tensor.shape), name)
            self.assertTrue(torch.equal(back[name], tensor), name)

    def verdicts(self, contents):
        """What the tool says of each: "ok ..." or "error: ..."."""
        folder = self.folder / "each"
        folder.mkdir()
        for number, content in enumerate(contents):
            (folder / f"{number:06}.safetensors").write_bytes(content)
        done = tool("each", folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), len(contents), "one line each")
        return [line.split(maxsplit=1)[1] for line in lines]

    def refused(self, cases):
        """cases: (content, word of the message)"""
        for (content, word), verdict in zip(cases, self.verdicts([content for content, _ in cases])):
            with self.subTest(word=word, content=content[:60]):
                self.assertTrue(verdict.startswith("error: cannot load the weights in " + str(self.folder)), verdict)
                self.assertIn(word, verdict)

    def accepted_by_python(self, content):
        try:
            return safetensors.torch.load(content)
        except Exception:
            return None

    def test_we_write_the_same_bytes(self):
        torch.save(some_tensors(), self.folder / "in.pt")
        safetensors.torch.save_file(some_tensors(), self.folder / "theirs.safetensors")
        ours = self.copied(self.folder / "in.pt", "ours.safetensors")
        self.assertEqual(ours.read_bytes(), (self.folder / "theirs.safetensors").read_bytes())
        self.assert_same(safetensors.torch.load_file(ours), some_tensors())

    def test_we_read_what_python_writes(self):
        safetensors.torch.save_file(some_tensors(), self.folder / "in.safetensors", metadata={"format": "pt", "x": "ä"})
        self.assert_same(torch.load(self.copied(self.folder / "in.safetensors", "out.pt"), weights_only=True), some_tensors())
        again = self.copied(self.folder / "in.safetensors", "again.safetensors")
        self.assert_same(safetensors.torch.load_file(again), some_tensors())

    def test_the_name_of_the_file_does_not_matter(self):
        safetensors.torch.save_file(some_tensors(), self.folder / "avg_model")
        self.assert_same(torch.load(self.copied(self.folder / "avg_model", "out.pt"), weights_only=True), some_tensors())
        torch.save(some_tensors(), self.folder / "pt.safetensors")  # a .pt file, by its content
        self.assert_same(torch.load(self.copied(self.folder / "pt.safetensors", "out2.pt"), weights_only=True), some_tensors())

    def test_what_is_not_aligned_is_read_too(self):
        data = b"\1" + struct.pack("<2f", 1.5, -2)
        content = raw({"a": info("U8", [1], 0, 1), "b": info("F32", [2], 1, 9)}, data)
        self.assertTrue(len(content) % 8)
        back = torch.load(self.copied(self.put(content), "out.pt"), weights_only=True)
        self.assert_same(back, {"a": torch.ones(1, dtype=torch.uint8), "b": torch.tensor([1.5, -2])})
        self.assert_same(self.accepted_by_python(content), back)

    def test_files_that_break_the_format_are_refused(self):
        good = {"a": info("F32", [2], 0, 8)}
        data = bytes(8)
        self.assertIsNotNone(self.accepted_by_python(raw(good, data)))
        self.assertEqual(tool("check", self.put(raw(good, data))).stdout, "a\n")
        text = json.dumps(good).encode()
        cases = {
            "too short": [b"", b"\0" * 7],
            "ends within its header": [raw(good)[:-1], struct.pack("<Q", 1000) + text],
            "far more than a state dict needs": [struct.pack("<Q", 1 << 63) + text, struct.pack("<Q", 17 << 20) + text],
            "header": [raw(b""), raw(b"[]", data), raw(b"{", data), raw(text + b"x", data), raw(b"\xff" * 8),
                       raw(b'{"a\xff": {}}'), raw(b"{" * 100_000), raw(b'{"a":' * 5 + b"1" + b"}" * 5)],
            "twice": [raw(b'{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', data)],
            "broken": [raw({"a": 5}, data), raw({"a": {}}, data), raw({"a": info("F32", 2, 0, 8)}, data),
                       raw({"a": info("F32", [-2], 0, 8)}, data), raw({"a": info("F32", [2.0], 0, 8)}, data),
                       raw({"a": info("F32", ["2"], 0, 8)}, data), raw({"a": info("F32", [True, 2], 0, 8)}, data),
                       raw({"a": info("F32", [2], 0, -8)}, data), raw({"a": info("F32", [2], 8, 0)}, data),
                       raw({"a": info("F32", [1 << 62, 4], 0, 0)}), raw({"a": info("F32", [1 << 32, 1 << 32], 0, 0)}),
                       raw({"a": info("F32", [1 << 64], 0, 0)}), raw({"a": {**good["a"], "data_offsets": [0, 8, 8]}}, data)],
            "does not fit its": [raw({"a": info("F32", [3], 0, 8)}, data), raw({"a": info("F64", [2], 0, 8)}, data),
                                 raw({"a": info("F32", [1], 0, 8)}, data), raw({"a": info("F32", [2], 0, 7)}, data[:7])],
            "outside": [raw(good, data[:7]), raw(good), raw({"a": info("F32", [1 << 40], 0, 1 << 42)}, data)],
            "overlaps": [raw({**good, "b": info("F32", [1], 4, 8)}, data), raw({**good, "b": info("F32", [2], 0, 8)}, data)],
            "gap": [raw({"a": info("F32", [1], 4, 8)}, data), raw({"a": info("F32", [1], 0, 4), "b": info("U8", [1], 7, 8)}, data)],
            "belong to no tensor": [raw(good, data + b"\0")],
            "metadata": [raw({**good, "__metadata__": {"x": 1}}, data), raw({**good, "__metadata__": []}, data)],
            "is not read": [raw({"a": info("F31", [2], 0, 8)}, data)],
        }
        flat = [(content, word) for word, contents in cases.items() for content in contents]
        self.refused(flat)
        for content, word in flat:
            with self.subTest(word=word, content=content[:60]):
                self.assertIsNone(self.accepted_by_python(content))

    def test_we_are_stricter_here(self):
        good = json.dumps({"a": info("F32", [2], 0, 8)}).encode()
        self.refused([(raw(b" " + good, bytes(8)), "header"), (raw(good[:-1] + b"," + good[1:], bytes(8)), "twice"),
                      (raw({"a": info("BOOL", [2], 0, 2)}, b"\0\2"), "truth values"),
                      (raw({"a": info("U16", [1], 0, 2)}, bytes(2)), "U16"),
                      (raw({"a": info("F8_E5M2", [1], 0, 1)}, bytes(1)), "F8_E5M2"),
                      (raw({"__metadata__": {}}), "no tensors"),
                      (raw({"a": info("F32", [0] * 17, 0, 0)}), "short list"),
                      (raw({"a": info("F32", [0, 1 << 62, 4], 0, 0)}), "too large"),
                      (raw({"a\x1b[31m": info("F31", [2], 0, 8)}, bytes(8)), "a?[31m")])

    def test_exit_code_and_line(self):
        done = tool("check", self.put(b"x"))
        self.assertEqual((done.returncode, done.stderr.count("\n")), (65, 1), done.stderr)

    def test_broken_files_as_python_judges_them(self):
        """Whatever byte is changed: tensors that Python reads too, the same ones, or an error."""
        safetensors.torch.save_file({"a": torch.arange(6.0).view(2, 3), "b": torch.arange(4), "c": torch.ones(3, dtype=torch.uint8)},
                                    self.folder / "good.safetensors")
        good = (self.folder / "good.safetensors").read_bytes()
        header = struct.unpack("<Q", good[:8])[0]
        rng = random.Random(7)
        contents = []
        for _ in range(ROUNDS):
            content = bytearray(good)
            for _ in range(rng.randint(1, 2)):
                at = rng.randrange(8 + header) if rng.random() < 0.9 else rng.randrange(len(content))
                content[at] = rng.choice(b'0123456789{}[]",:FU" ab') if rng.random() < 0.8 else rng.randrange(256)
            if rng.random() < 0.05:
                del content[rng.randrange(len(content)):]
            contents.append(bytes(content))
        kept = self.folder / "kept"
        kept.mkdir()
        expected, accepted = [], 0
        for number, verdict in enumerate(self.verdicts(contents)):
            if verdict.startswith("error:"):
                continue
            theirs = self.accepted_by_python(contents[number])
            self.assertIsNotNone(theirs, contents[number])
            accepted += 1
            torch.save(theirs, kept / f"{number:06}.pt")
            expected.append(f"{number:06}.pt {verdict}")
        self.assertGreater(accepted, ROUNDS // 50)
        self.assertGreater(ROUNDS - accepted, ROUNDS // 4)
        # The same tensors: read by Python and saved as .pt, which we read by another way.
        self.assertEqual(tool("each", kept).stdout.splitlines(), expected)


if __name__ == "__main__":
    unittest.main(verbosity=2)
