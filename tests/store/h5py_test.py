"""Our stores in the hands of an independent reader (h5py), and hostile files made with it in ours."""
import hashlib
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
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
SANITIZED = b"__asan_init" in Path(TOOL).read_bytes()  # reserves terabytes of addresses: limited by its own option
IDS = ["a", "été/naïve.wav", "語-2", "日本語の長い名前.flac", "007", 'x y,"z"', "ö", "crash"]
STATUS = {"ok": 0, "missing": 1, "decode": 2, "too_short": 3, "too_long": 4, "out_of_range": 5, "nonfinite": 6, "crashed": 7}
ROWS, DIMENSION = 19, 5


def tool(*arguments, memory=None, **environment):
    """Runs store_tool; (exit status, stdout, stderr)."""
    if memory and SANITIZED:
        environment["ASAN_OPTIONS"] = f"max_allocation_size_mb={memory >> 20}:detect_leaks=0"  # HDF5 leaks on errors

    def limit():
        if memory and not SANITIZED:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    clean = {k: v for k, v in os.environ.items() if k != "HDF5_USE_FILE_LOCKING"}
    run = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=60, preexec_fn=limit,
                         env={**clean, **environment})
    return run.returncode, run.stdout, run.stderr


class StoreTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("BALR_BUILD_DIR"))
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "embeddings.h5"
        status, _, errors = tool("write", self.file, ROWS, DIMENSION)
        self.assertEqual((status, errors), (0, ""))


class WhatOthersRead(StoreTest):
    def test_columns(self):
        with h5py.File(self.file) as f:
            self.assertEqual(list(f), ["embeddings", "id", "seconds", "source_rate", "speaker", "status"])
            status = np.arange(ROWS) % 8
            expected = np.arange(ROWS)[:, None] + np.arange(DIMENSION)[None, :] / 8
            expected[status != 0] = np.nan
            np.testing.assert_array_equal(f["embeddings"][:], expected.astype("<f4"))
            self.assertEqual(f["embeddings"].dtype, np.dtype("<f4"))
            np.testing.assert_array_equal(f["status"][:], status)
            self.assertEqual(h5py.check_enum_dtype(f["status"].dtype), STATUS)
            self.assertEqual(f["status"].dtype, np.dtype("u1"))
            ids = [IDS[i % 8] + (str(i) if i >= 8 else "") for i in range(ROWS)]
            self.assertEqual(list(f["id"].asstr()[:]), ids)
            self.assertEqual(f["id"].dtype.itemsize, max(len(i.encode()) for i in ids))
            self.assertEqual(list(f["speaker"].asstr()[:]), ["" if i % 3 == 0 else f"спикер{i % 3}" for i in range(ROWS)])
            np.testing.assert_array_equal(f["seconds"][:], (np.arange(ROWS) * 0.25).astype("f4"))
            np.testing.assert_array_equal(f["source_rate"][:], np.where(np.arange(ROWS) % 2, 44100, 16000))
            self.assertEqual(f["source_rate"].dtype, np.dtype("<i4"))

    def test_layout(self):
        with h5py.File(self.file) as f:
            for name in f:
                properties = f[name].id.get_create_plist()
                self.assertEqual(properties.get_layout(), h5py.h5d.CONTIGUOUS, name)
                self.assertEqual(properties.get_external_count(), 0, name)
                self.assertIsInstance(f.get(name, getlink=True), h5py.HardLink, name)
            for name in ("id", "speaker"):
                text = f[name].id.get_type()
                self.assertFalse(text.is_variable_str())
                self.assertEqual((text.get_strpad(), text.get_cset()), (h5py.h5t.STR_NULLPAD, h5py.h5t.CSET_UTF8))
        self.assertEqual(self.file.read_bytes()[8], 0)  # superblock 0: every HDF5 since 1.0 opens it

    def test_attributes(self):
        with h5py.File(self.file) as f:
            attributes = {k: v.decode() if isinstance(v, bytes) else int(v) for k, v in f.attrs.items()}
        text = "".join(f"{k}={attributes[k]}\n" for k in (
            "format", "format_version", "model_repo", "model_name", "model_sha256", "features", "precision", "input_hash",
            "identity", "recipe", "program_version", "total_rows", "first_row"))
        self.assertEqual(attributes.pop("attributes_sha256"), hashlib.sha256(text.encode()).hexdigest())
        self.assertEqual(attributes, {
            "format": "balr-embeddings", "format_version": 2, "model_repo": "Wespeaker/wespeaker-voxceleb-resnet34-LM",
            "model_name": "modèle", "model_sha256": "c" * 64, "features": "fbank 80 mel", "precision": "fp32",
            "input_hash": "a" * 64, "identity": "b" * 64, "recipe": "d" * 64, "program_version": "0.1.0", "total_rows": ROWS, "first_row": 0})

    def test_reasons_of_parts(self):
        tool("write", self.file, ROWS, DIMENSION, "reasons")
        with h5py.File(self.file) as f:
            self.assertEqual(list(f["reason"].asstr()[:3]), ["", "cassé 1", "cassé 2"])
            self.assertEqual(list(f["file_size"][:3]), [1000, 1001, 1002])
            self.assertEqual(int(f["file_time"][2]), 1_700_000_000_000_000_002)

    def test_checksums_are_those_of_hashlib(self):
        for more in ((), ("reasons",)):
            tool("write", self.file, ROWS, DIMENSION, *more)
            with h5py.File(self.file) as f:
                for name in f:
                    # h5py's text arrays drop the padding: read the bytes as they lie in the file.
                    with open(self.file, "rb") as raw:
                        raw.seek(f[name].id.get_offset())
                        content = raw.read(f[name].id.get_storage_size())
                    self.assertEqual(f[name].attrs["sha256"].decode(), hashlib.sha256(content).hexdigest(), name)
                self.assertEqual(f["embeddings"].attrs["sha256"].decode(),
                                 hashlib.sha256(f["embeddings"][:].tobytes()).hexdigest())

    def test_same_bytes_a_second_later(self):
        time.sleep(1.1)  # a time stamp in the file would differ
        tool("write", self.folder / "again.h5", ROWS, DIMENSION)
        self.assertEqual(self.file.read_bytes(), (self.folder / "again.h5").read_bytes())


class WhatWeRefuse(StoreTest):
    def refused(self, why, memory=1 << 30):
        status, _, errors = tool("read", self.file, memory=memory)
        self.assertEqual(status, 65, errors)
        self.assertIn(why, errors)
        self.assertEqual(errors.count("\n"), 1, errors)  # one sentence; nothing from HDF5 itself
        self.assertNotIn("HDF5-DIAG", errors)

    def replace(self, name, make):
        with h5py.File(self.file, "r+") as f:
            old = f[name][:]
            del f[name]
            make(f, old)

    def test_the_store_itself_is_accepted(self):
        status, text, _ = tool("read", self.file)
        self.assertEqual((status, text.split()[:2]), (0, [str(ROWS), str(DIMENSION)]))

    def test_rewritten_by_h5py_is_accepted(self):
        self.replace("embeddings", lambda f, old: f.create_dataset("embeddings", data=old))
        self.replace("status", lambda f, old: f.create_dataset("status", data=old, dtype=h5py.enum_dtype(STATUS, "u1")))
        self.assertEqual(tool("read", self.file)[0], 0)

    def test_not_hdf5(self):
        self.file.write_bytes(b"id,audio\n")
        self.refused("HDF5 cannot open it")

    def test_fifo(self):
        self.file.unlink()
        os.mkfifo(self.file)
        self.refused("not a regular file")

    def test_other_hdf5(self):
        with h5py.File(self.file, "w") as f:
            f["embeddings"] = np.zeros((3, 2), "f4")
        self.refused("format")

    def test_other_version(self):
        with h5py.File(self.file, "r+") as f:
            f.attrs["format_version"] = 3
        self.refused("format version 3")

    def test_missing_attribute(self):
        with h5py.File(self.file, "r+") as f:
            del f.attrs["identity"]
        self.refused("identity is missing")

    def test_attribute_types(self):
        for name, value in (("identity", "variable length"), ("identity", 7), ("identity", np.array([b"a", b"b"])),
                            ("total_rows", 19.0), ("total_rows", np.array([19])), ("first_row", h5py.Empty("i8"))):
            with self.subTest(name=name, value=value):
                tool("write", self.file, ROWS, DIMENSION)
                with h5py.File(self.file, "r+") as f:
                    f.attrs[name] = value
                self.refused(f"{name} has another type")

    def test_contradicting_attributes(self):
        for name, value in (("total_rows", 18), ("first_row", 1), ("first_row", -1), ("total_rows", -5)):
            with self.subTest(name=name, value=value):
                tool("write", self.file, ROWS, DIMENSION)
                with h5py.File(self.file, "r+") as f:
                    f.attrs[name] = value
                self.refused("total_rows")

    def test_missing_dataset(self):
        for name in ("embeddings", "id", "speaker", "status", "seconds", "source_rate"):
            with self.subTest(name=name):
                tool("write", self.file, ROWS, DIMENSION)
                with h5py.File(self.file, "r+") as f:
                    del f[name]
                self.refused(f"/{name} is missing")

    def test_types(self):
        wrong = {"embeddings": ("f8", ">f4", "f2", "i4"), "status": ("u1", "i4"), "seconds": ("f8", "i4"),
                 "source_rate": ("i8", "u4", "f4")}
        for name, types in wrong.items():
            for kind in types:
                with self.subTest(name=name, kind=kind):
                    tool("write", self.file, ROWS, DIMENSION)
                    self.replace(name, lambda f, old: f.create_dataset(name, data=np.nan_to_num(old).astype(kind)))
                    self.refused(f"/{name} has another type")

    def test_enum_with_other_names(self):
        kind = h5py.enum_dtype({**STATUS, "ok": 1, "missing": 0}, "u1")
        self.replace("status", lambda f, old: f.create_dataset("status", data=old, dtype=kind))
        self.refused("/status has another type")

    def test_text_types(self):
        for kind in (h5py.string_dtype(), "i4"):
            for name in ("id", "speaker"):
                with self.subTest(name=name, kind=kind):
                    tool("write", self.file, ROWS, DIMENSION)
                    self.replace(name, lambda f, old: f.create_dataset(name, shape=(ROWS,), dtype=kind))
                    self.refused(f"/{name} is not fixed-length text")

    def test_ranks_and_rows(self):
        cases = {"embeddings": (ROWS,), "status": (ROWS, 1), "seconds": (ROWS - 1,), "source_rate": (ROWS + 1,), "id": ()}
        for name, shape in cases.items():
            with self.subTest(name=name):
                tool("write", self.file, ROWS, DIMENSION)
                self.replace(name, lambda f, old: f.create_dataset(
                    name, data=np.zeros(shape, old.dtype), dtype=h5py.enum_dtype(STATUS, "u1") if name == "status" else old.dtype))
                self.refused(f"/{name} has another ")

    def test_no_rows(self):
        self.replace("embeddings", lambda f, old: f.create_dataset("embeddings", shape=(0, DIMENSION), dtype="f4"))
        self.refused("/embeddings")

    def test_unknown_status(self):
        self.replace("status", lambda f, old: f.create_dataset(
            "status", data=np.full(ROWS, 255, "u1"), dtype=h5py.enum_dtype(STATUS, "u1")))
        self.refused("/status holds an unknown value")

    def test_external_storage(self):
        secret = self.folder / "secret"
        secret.write_bytes(b"\0" * ROWS * DIMENSION * 4)
        self.replace("embeddings", lambda f, old: f.create_dataset(
            "embeddings", shape=(ROWS, DIMENSION), dtype="f4", external=[(str(secret), 0, ROWS * DIMENSION * 4)]))
        self.refused("/embeddings lies in another file")

    def test_virtual_dataset(self):
        def make(f, old):
            layout = h5py.VirtualLayout(shape=old.shape, dtype=old.dtype)
            layout[:] = h5py.VirtualSource("other.h5", "embeddings", shape=old.shape)
            f.create_virtual_dataset("embeddings", layout)
        self.replace("embeddings", make)
        self.refused("/embeddings is not stored contiguously")

    def test_links(self):
        os.link(self.file, self.folder / "other.h5")
        for link in (h5py.SoftLink("/elsewhere"), h5py.ExternalLink("other.h5", "/seconds")):
            with self.subTest(link=link):
                tool("write", self.file, ROWS, DIMENSION)

                def make(f, old):
                    f["elsewhere"] = old
                    f["seconds"] = link
                self.replace("seconds", make)
                self.refused("/seconds is a link")

    def test_link_to_reason(self):
        with h5py.File(self.file, "r+") as f:
            f["reason"] = h5py.SoftLink("/id")
        self.refused("/reason is a link")

    def test_group_in_place_of_a_dataset(self):
        self.replace("id", lambda f, old: f.create_group("id"))
        self.refused("/id cannot be opened as a dataset")

    def test_chunks_and_filters(self):
        for options in ({"chunks": (1, DIMENSION)}, {"compression": "gzip"}, {"chunks": True, "shuffle": True}):
            with self.subTest(options=options):
                tool("write", self.file, ROWS, DIMENSION)
                self.replace("embeddings", lambda f, old: f.create_dataset("embeddings", data=old, **options))
                self.refused("/embeddings is not stored contiguously")

    def test_huge_shape_without_data(self):
        for shape in ((1 << 40, 256), (1 << 60, 1), (ROWS, 1 << 50)):
            with self.subTest(shape=shape):
                tool("write", self.file, ROWS, DIMENSION)
                self.replace("embeddings", lambda f, old: f.create_dataset("embeddings", shape=shape, dtype="f4"))
                with h5py.File(self.file, "r+") as f:
                    f.attrs["total_rows"] = np.int64(1 << 62)
                self.refused("is larger than the file")

    def test_shape_forged_in_the_bytes(self):
        content = self.file.read_bytes()
        honest = struct.pack("<QQ", ROWS, DIMENSION)
        self.assertGreaterEqual(content.count(honest), 1)
        for rows, dimension in ((1 << 40, 5), (1 << 63, 4), (ROWS, 1 << 61), (ROWS, 1 << 20), (0, 5), (ROWS, 0)):
            with self.subTest(rows=rows, dimension=dimension):
                self.file.write_bytes(content.replace(honest, struct.pack("<QQ", rows, dimension)))
                self.refused("not a usable embedding store")

    def test_damaged_metadata_never_hangs_or_takes_memory(self):
        """Random bytes over the metadata: an answer or an error of ours, within 1 GiB.

        HDF5 1.10's own parser reads beyond its buffers for about 1 in 100 of these files (AddressSanitizer names
        H5O__msg_iterate_real): such a crash is not ours, and is tolerated up to 1 in 20, anything else is not."""
        content = self.file.read_bytes()
        level = {"quick": 60, "ci": 400, "full": 3000}[os.environ.get("BALR_TEST_LEVEL", "quick")]
        refused, crashed = 0, []
        for seed in range(level):
            generator = random.Random(seed)
            damaged = bytearray(content)
            for _ in range(generator.choice((1, 2, 8))):
                damaged[generator.randrange(min(4096, len(damaged)))] = generator.randrange(256)
            self.file.write_bytes(bytes(damaged))
            status, _, errors = tool("read", self.file, memory=1 << 30)
            self.assertNotIn("HDF5-DIAG", errors)
            refused += status in (65, 74)
            report = "\n".join(errors.splitlines()[:6])
            if status == -signal.SIGSEGV or (SANITIZED and status == 1 and "libhdf5" in report):
                crashed.append(seed)
            else:
                self.assertIn(status, (0, 65, 74), f"seed {seed}: {errors}")
        self.assertGreater(refused, level // 10)
        self.assertLessEqual(len(crashed), level // 20, crashed)


class Verify(StoreTest):
    def columns(self):
        """All that a reader gets from the file."""
        with h5py.File(self.file) as f:
            return ([(k, v if isinstance(v, bytes) else int(v)) for k, v in sorted(f.attrs.items())],
                    [(name, str(f[name].dtype), f[name].shape, f[name][:].tobytes()) for name in sorted(f)])

    def test_a_good_store(self):
        self.assertEqual(tool("verify", self.file), (0, "", ""))
        tool("write", self.file, ROWS, DIMENSION, "reasons")
        self.assertEqual(tool("verify", self.file), (0, "", ""))

    def test_a_flipped_bit_is_found_or_changes_nothing(self):
        """Any bit of the file: verify says so, or nothing that a reader gets from the file has changed."""
        content, expected, found = self.file.read_bytes(), self.columns(), 0
        count = {"quick": 150, "ci": 600, "full": 5000}[os.environ.get("BALR_TEST_LEVEL", "quick")]
        for seed in range(count):
            place = random.Random(seed).randrange(8 * len(content))
            damaged = bytearray(content)
            damaged[place // 8] ^= 1 << place % 8
            self.file.write_bytes(bytes(damaged))
            status, text, errors = tool("verify", self.file)
            if status == 0:
                try:
                    self.assertEqual(self.columns(), expected, f"bit {place}")
                except OSError as error:
                    self.fail(f"bit {place}: verified, but h5py cannot read it: {error}")
            else:
                self.assertIn(status, (65, -signal.SIGSEGV), f"bit {place}: {errors}")  # HDF5 1.10's parser: see above
                found += 1
        self.assertGreater(found, count // 20)

    def test_every_column_is_covered(self):
        tool("write", self.file, ROWS, DIMENSION, "reasons")
        content = self.file.read_bytes()
        with h5py.File(self.file) as f:
            places = {name: f[name].id.get_offset() for name in f}
        for name, place in places.items():
            damaged = bytearray(content)
            damaged[place] ^= 1
            self.file.write_bytes(bytes(damaged))
            status, text, errors = tool("verify", self.file)
            self.assertEqual(status, 65)
            self.assertIn(f"the checksum of its /{name} is wrong", text)

    def test_rows_against_their_status(self):
        with h5py.File(self.file, "r+") as f:
            f["embeddings"][0, 1] = np.inf
            f["embeddings"][1, 0] = 7
            f.attrs["total_rows"] = np.int64(ROWS + 1)
        status, text, _ = tool("verify", self.file)
        self.assertEqual(status, 65)
        for said in ("1 rows are ok but have values that are not finite", "1 rows failed but have values other than NaN",
                     f"it has {ROWS} rows, and the input had {ROWS + 1}", "/embeddings is wrong", "attributes is wrong"):
            self.assertIn(said, text)


class Locks(StoreTest):
    def test_a_file_system_without_locks(self):
        for error in (11, 37, 38, 524):  # seen on Lustre, NFS and DVS
            for setting in ({}, {"HDF5_USE_FILE_LOCKING": "FALSE"}):
                with self.subTest(error=error, setting=setting):
                    environment = {"BALR_TEST_FLOCK_ERRNO": str(error), **setting}
                    self.assertEqual(tool("write", self.file, ROWS, DIMENSION, **environment), (0, "", ""))
                    self.assertEqual(tool("read", self.file, **environment)[0], 0)

    def test_best_effort(self):
        environment = {"HDF5_USE_FILE_LOCKING": "BEST_EFFORT"}
        self.assertEqual(tool("read", self.file, **environment)[0], 0)
        self.assertEqual(tool("read", self.file, BALR_TEST_FLOCK_ERRNO="38", **environment)[0], 0)

    def test_locks_asked_for_but_denied(self):
        status, _, errors = tool("read", self.file, BALR_TEST_FLOCK_ERRNO="37", HDF5_USE_FILE_LOCKING="TRUE")
        self.assertEqual(status, 74, errors)
        self.assertIn("set HDF5_USE_FILE_LOCKING=FALSE", errors)
        self.assertEqual(errors.count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
