"""State dicts against torch itself: what torch.save writes is read, what we write torch.load(weights_only=True) reads."""
import io
import os
import pickle
import subprocess
import sys
import tempfile
import unittest
import zipfile
from collections import OrderedDict
from pathlib import Path

try:
    import torch
except ImportError as missing:  # the exit status that ctest shows as "skipped"
    if os.environ.get("BALR_REQUIRE_TEST_DATA") == "1":
        raise
    print(f"skipped: {missing}; configure with -DBALR_TEST_PYTHON=<a Python with torch>", file=sys.stderr)
    sys.exit(77)

TOOL = sys.argv.pop(1)
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
          torch.uint8, torch.bool]


def tool(*arguments):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=60)


class Exploit:
    def __reduce__(self):
        import os
        return os.system, ("touch /nonexistent/never",)


class StateDicts(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = Path(self.scratch.name)

    def copy(self, content, **options):
        torch.save(content, self.folder / "in.pt", **options)
        done = tool("copy", self.folder / "in.pt", self.folder / "out.pt")
        self.assertEqual(done.returncode, 0, done.stderr)
        back = torch.load(self.folder / "out.pt", weights_only=True)
        self.assertIs(type(back), OrderedDict)
        return back

    def assert_same(self, back, expected):
        self.assertEqual(list(back), list(expected))
        for name, tensor in expected.items():
            self.assertEqual(back[name].dtype, tensor.dtype, name)
            self.assertTrue(torch.equal(back[name], tensor), name)

    def refused(self, file, *words):
        done = tool("check", file)
        self.assertEqual(done.returncode, 65, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertIn(str(file), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def tensors(self):
        torch.manual_seed(5)
        out = OrderedDict()
        for dtype in DTYPES:
            out[f"of.{dtype}"] = (torch.randn(3, 5) * 50).to(dtype)
        base = torch.arange(120.0)
        out["transposed"] = base[:24].view(4, 6).t()
        out["slice"] = base[7:90:3]
        out["scalar"] = torch.tensor(3.5)
        out["empty"] = torch.zeros(0, 4)
        out["çµ.weight"] = torch.ones(2)
        return out

    def test_every_protocol_and_type(self):
        for protocol in (2, 3, 4, 5):
            with self.subTest(protocol=protocol):
                self.assert_same(self.copy(self.tensors(), pickle_protocol=protocol), self.tensors())

    def test_module_state_dict_with_metadata(self):
        module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8))
        self.assert_same(self.copy(module.state_dict()), module.state_dict())

    def test_nested_and_parameters(self):
        plain = {"weight": torch.ones(3), "bias": torch.zeros(2)}
        for name in ("state_dict", "model", "model_state_dict"):
            self.assert_same(self.copy({"epoch": 3, "lr": 0.1, "note": None, name: plain, "history": [1, (2, True)]}), plain)
        self.assert_same(self.copy({"weight": torch.nn.Parameter(torch.ones(3))}), {"weight": torch.ones(3)})

    def test_same_bytes_again(self):
        torch.save(self.tensors(), self.folder / "in.pt")
        for name in ("a.pt", "b.pt"):
            self.assertEqual(tool("copy", self.folder / "in.pt", self.folder / name).returncode, 0)
        self.assertEqual((self.folder / "a.pt").read_bytes(), (self.folder / "b.pt").read_bytes())
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["a.pt", "b.pt", "in.pt"])

    def test_models_of_the_reference(self):
        data = os.environ.get("BALR_TEST_DATA")
        if not data:
            self.assertNotEqual(os.environ.get("BALR_REQUIRE_TEST_DATA"), "1", "BALR_TEST_DATA is not set")
            self.skipTest("BALR_TEST_DATA is not set: the reference data are not in this clone")
        # The first has its storages on cuda:0.
        for name, tensors in (("models/BAE_mse.pt", 13), ("golden/wespeaker-resnet34-random/avg_model.pt", 219)):
            with self.subTest(file=name):
                expected = torch.load(Path(data) / name, map_location="cpu", weights_only=True)
                self.assertEqual(len(expected), tensors)
                self.assertEqual(tool("copy", Path(data) / name, self.folder / "out.pt").returncode, 0)
                back = torch.load(self.folder / "out.pt", weights_only=True)
                self.assert_same(back, expected)
                self.assertTrue(all(tensor.device.type == "cpu" for tensor in back.values()))

    def test_objects_and_functions_are_refused_by_name(self):
        torch.save({"weight": torch.ones(3), "evil": Exploit()}, self.folder / "evil.pt")
        self.refused(self.folder / "evil.pt", "system")
        torch.save(torch.nn.Linear(2, 2), self.folder / "module.pt")
        self.refused(self.folder / "module.pt", "torch.nn.modules.linear.Linear")
        torch.save([1, 2], self.folder / "list.pt")
        self.refused(self.folder / "list.pt", "state dict")
        torch.save({"weight": torch.ones(2), "step": 5}, self.folder / "mixed.pt")
        self.refused(self.folder / "mixed.pt", "step")
        torch.save({"weight": 1 << 70}, self.folder / "big.pt")
        self.refused(self.folder / "big.pt", "64 bits")

    def test_other_files_are_refused(self):
        torch.save({"weight": torch.ones(3)}, self.folder / "old.pt", _use_new_zipfile_serialization=False)
        self.refused(self.folder / "old.pt", "zip")
        (self.folder / "empty.pt").write_bytes(b"")
        self.refused(self.folder / "empty.pt")
        with zipfile.ZipFile(self.folder / "none.pt", "w") as archive:
            archive.writestr("archive/version", "3\n")
        self.refused(self.folder / "none.pt", "data.pkl")
        self.assertEqual(tool("check", self.folder / "absent.pt").returncode, 74)

    def test_compressed_records_are_refused(self):
        torch.save({"weight": torch.zeros(100000)}, self.folder / "in.pt")
        with zipfile.ZipFile(self.folder / "in.pt") as old, \
                zipfile.ZipFile(self.folder / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
        self.refused(self.folder / "bomb.pt")

    def write_pickle(self, data, **records):
        with zipfile.ZipFile(self.folder / "made.pt", "w") as archive:
            archive.writestr("archive/data.pkl", data)
            archive.writestr("archive/version", "3\n")
            for key, value in records.items():
                archive.writestr(f"archive/data/{key[1:]}", value)
        return self.folder / "made.pt"

    def tensor_pickle(self, numel, offset, size, stride):
        class Storage:
            pass

        class P(pickle.Pickler):
            def persistent_id(self, value):
                return ("storage", torch.FloatStorage, "0", "cpu", numel) if isinstance(value, Storage) else None

        class Tensor:
            def __reduce__(self):
                return torch._utils._rebuild_tensor_v2, (Storage(), offset, size, stride, False, OrderedDict())

        buffer = io.BytesIO()
        P(buffer, protocol=2).dump({"weight": Tensor()})
        return buffer.getvalue()

    def test_tensors_outside_their_storage_are_refused(self):
        good = self.write_pickle(self.tensor_pickle(6, 0, (2, 3), (3, 1)), _0=b"\0" * 24)
        self.assertEqual(tool("check", good).stdout, "weight\n")
        for case in [(6, 1, (2, 3), (3, 1)), (6, 0, (2, 3), (4, 1)), (6, -1, (2, 3), (3, 1)), (6, 0, (2, 3), (3, -1)),
                     (6, 7, (0,), (1,)), (6, 0, (1 << 62, 1 << 62), (0, 0)), (6, 1 << 62, (1 << 62,), (1 << 62,)),
                     (6, 0, (7,), (0,)), (6, 0, (2, 3), (3,)), (7, 0, (7,), (1,)), (-6, 0, (1,), (1,)),
                     (1 << 62, 0, (1,), (1,)), (6, 0, (-1,), (1,))]:
            with self.subTest(case=case):
                self.refused(self.write_pickle(self.tensor_pickle(*case), _0=b"\0" * 24), "tensor" if case[0] == 6 else "storage")

    def test_empty_tensors_of_absurd_shape_are_refused(self):
        for size in ((0, 1 << 40, 1 << 40), (1 << 62, 4, 0), (1 << 32, 0, 1 << 32)):
            with self.subTest(size=size):
                self.refused(self.write_pickle(self.tensor_pickle(6, 0, size, (1,) * 3), _0=b"\0" * 24), "tensor")

    def test_a_pickle_of_absurd_size_is_refused(self):
        self.refused(self.write_pickle(b"\x80\x02" + b"N" * (17 << 20) + b"."), "data.pkl")

    def test_hostile_pickles_do_not_crash(self):
        deep = b"\x80\x02N" + b"\x85" * 2_000_000 + b"."
        lists = b"\x80\x02" + b"](" * 500_000 + b"e" * 500_000 + b"."
        cycle = b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s."
        for data in (deep, lists, cycle, b"", b"\x80\x02.", b"\x80\x02(.", b"\x80\x02t.", b"\x80\x020.", b"\x80\x07N.",
                     b"\x80\x02X\xff\xff\xff\xffa.", b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", b"\x80\x02h\x00.",
                     b"\x80\x02ccollections\nOrderedDict\nN\x85R.", b"\x80\x02ctorch\nFloatStorage\n)R.",
                     b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.", b"\x80\x02)\x81.", b"\x80\x02}Nb.", b"\x80\x02I1\n."):
            with self.subTest(data=data[:30]):
                self.refused(self.write_pickle(data))


if __name__ == "__main__":
    unittest.main(verbosity=2)
