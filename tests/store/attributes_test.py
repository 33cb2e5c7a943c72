"""Our stores of attributes in the hands of an independent reader (h5py, numpy), and damaged ones in ours."""
import hashlib
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import h5py
    import numpy as np
except ImportError as missing:  # the exit status that ctest shows as "skipped"
    if os.environ.get("BALR_REQUIRE_TEST_DATA") == "1":
        raise
    print(f"skipped: {missing}; configure with -DBALR_TEST_PYTHON=<a Python with h5py>", file=sys.stderr)
    sys.exit(77)

TOOL = sys.argv.pop(1)
ROWS, ATTRIBUTES = 19, 21


def tool(*arguments):
    """Runs store_tool; (exit status, stdout, stderr)."""
    run = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    return run.returncode, run.stdout, run.stderr


def expected():
    row, attribute = np.arange(ROWS)[:, None], np.arange(ATTRIBUTES)[None, :]
    active = (row + 7 * attribute * attribute + attribute) % 5 < 2
    active[np.arange(ROWS) % 8 != 0] = False
    return active


class AttributesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("BALR_BUILD_DIR"))
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "attributes.h5"
        self.write()

    def write(self):
        status, _, errors = tool("write-attributes", self.file, ROWS, ATTRIBUTES)
        self.assertEqual((status, errors), (0, ""))

    def refused(self, why):
        status, _, errors = tool("read-attributes", self.file)
        self.assertEqual(status, 65, errors)
        self.assertIn(why, errors)
        self.assertIn("balr binarize", errors)
        self.assertEqual(errors.count("\n"), 1, errors)

    def test_numpy_unpacks_them(self):
        with h5py.File(self.file) as f:
            self.assertEqual(list(f), ["attributes", "id", "speaker", "status"])
            self.assertEqual(f["attributes"].shape, (ROWS, (ATTRIBUTES + 7) // 8))
            bits = np.unpackbits(f["attributes"][:], axis=1)
            np.testing.assert_array_equal(bits[:, :ATTRIBUTES], expected())
            self.assertFalse(bits[:, ATTRIBUTES:].any())
            np.testing.assert_array_equal(f["attributes"][:], np.packbits(expected(), axis=1))
            self.assertEqual(f.attrs["format"].decode(), "balr-attributes")
            self.assertEqual(int(f.attrs["number_of_attributes"]), ATTRIBUTES)
            self.assertEqual(f.attrs["encoder_sha256"].decode(), "e" * 64)
            for name in f:
                self.assertEqual(f[name].id.get_create_plist().get_layout(), h5py.h5d.CONTIGUOUS, name)

    def test_checksums_are_those_of_hashlib(self):
        with h5py.File(self.file) as f:
            for name in ("attributes", "status"):
                self.assertEqual(f[name].attrs["sha256"].decode(), hashlib.sha256(f[name][:].tobytes()).hexdigest())
            names = ("format", "format_version", "encoder_sha256", "embeddings_sha256", "model", "identity",
                     "program_version", "number_of_attributes", "total_rows", "first_row")
            values = {k: v.decode() if isinstance(v, bytes) else int(v) for k, v in f.attrs.items()}
            text = "".join(f"{name}={values[name]}\n" for name in names)
            self.assertEqual(values.pop("attributes_sha256"), hashlib.sha256(text.encode()).hexdigest())
            self.assertEqual(set(values), set(names))

    def test_verify_finds_what_was_changed(self):
        self.assertEqual(tool("verify-attributes", self.file)[:2], (0, ""))
        for name, change, message in (
                ("attributes", (0, 0, 0xFF), "checksum"), ("attributes", (1, 0, 1), "failed but have attributes"),
                ("attributes", (0, 2, 1), "after the last attribute"), ("status", (8, None, 1), "checksum")):
            self.write()
            with h5py.File(self.file, "r+") as f:
                values = f[name][:]
                if change[1] is None:
                    values[change[0]] = change[2]
                else:
                    values[change[0], change[1]] ^= change[2]
                f[name][...] = values
            status, text, _ = tool("verify-attributes", self.file)
            self.assertEqual(status, 65)
            self.assertIn(message, text)

    def test_contradictions_are_refused(self):
        for number in (0, -1, 16, 25, 1 << 62, -(1 << 62), (1 << 63) - 1):
            with self.subTest(number=number):
                self.write()
                with h5py.File(self.file, "r+") as f:
                    f.attrs["number_of_attributes"] = number
                self.refused("number_of_attributes")
        for name, value in (("total_rows", 18), ("first_row", 1), ("first_row", -1)):
            with self.subTest(name=name, value=value):
                self.write()
                with h5py.File(self.file, "r+") as f:
                    f.attrs[name] = value
                self.refused("total_rows")

    def test_other_types_and_ranks_are_refused(self):
        for name, shape, kind in (("attributes", (ROWS, 3), "i1"), ("attributes", (ROWS,), "u1"), ("attributes", (ROWS, 3), "u2"),
                                  ("status", (ROWS,), "u1"), ("id", (ROWS,), h5py.string_dtype())):
            with self.subTest(name=name, kind=kind):
                self.write()
                with h5py.File(self.file, "r+") as f:
                    del f[name]
                    f.create_dataset(name, shape=shape, dtype=kind)
                self.refused("/" + name)


if __name__ == "__main__":
    unittest.main()
