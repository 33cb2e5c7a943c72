"""balr export and import against numpy, pickle, torch, h5py and kaldiio: what they write is read, and the other way round."""
import csv
import io
import itertools
import os
import pickle
import subprocess
import sys
import tempfile
import unittest
from collections import OrderedDict
from pathlib import Path

try:
    import h5py
    import kaldiio
    import numpy as np
    import torch
except ImportError as missing:  # the exit status that ctest shows as "skipped"
    if os.environ.get("BALR_REQUIRE_TEST_DATA") == "1":
        raise
    print(f"skipped: {missing}; run tools/setup.sh --tests", file=sys.stderr)
    sys.exit(77)

BALR = str(Path(os.environ["BALR_BUILD_DIR"]) / "balr")
DIMENSION = 24


def run(*arguments):
    return subprocess.run([BALR, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def as_numpy_1(content):
    """A pickle of numpy 2 with the module's name of numpy 1, lengths corrected."""
    old, new = b"numpy._core.", b"numpy.core."
    at = content.find(old)
    if at < 0:
        return content
    out = bytearray(content)
    if out[at - 2] == 0x8C:  # SHORT_BINUNICODE, inside a frame
        out[at - 1] -= 1
        if out[2] == 0x95:
            out[3:11] = (int.from_bytes(out[3:11], "little") - 1).to_bytes(8, "little")
    return bytes(out[:at]) + new + bytes(out[at + len(old):])


def hostile(module, name, *arguments):
    out = b"\x80\x02c" + module.encode() + b"\n" + name.encode() + b"\n("
    for text in arguments:
        out += b"X" + len(text).to_bytes(4, "little") + text.encode()
    return out + b"tR."


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        rng = np.random.default_rng(3)
        self.vectors = rng.normal(size=(7, DIMENSION)).astype(np.float32)
        self.vectors[2, :4] = [np.float32(1e-40), -0.0, 3.4e38, 1 / 3]
        self.ids = [f"id{10 + i}/a.{i}.wav" for i in range(7)]

    def tearDown(self):
        self.folder.cleanup()

    def succeed(self, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def refuse(self, *arguments, code=65):
        done = run(*arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertLessEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        return done.stderr

    def write_csv(self, name, rows, columns=("id", "speaker", "embedding")):
        with open(self.root / name, "w", newline="") as out:
            csv.writer(out).writerows([columns, *rows])
        return self.root / name

    def imported(self, source, *options):
        """ids and vectors of the store made from it."""
        folder = tempfile.mkdtemp(dir=self.root)
        self.succeed("import", source, "--save-dir", folder, *options)
        with h5py.File(Path(folder) / "embeddings.h5") as store:
            return [i.decode() for i in store["id"][:]], store["embeddings"][:]

    def store(self):
        np.save(self.root / "all.npy", self.vectors)
        rows = [(i, i.split("/")[0], f"all.npy#{n}") for n, i in enumerate(self.ids)]
        folder = self.root / "store"
        self.succeed("import", self.write_csv("all.csv", rows), "--save-dir", folder)
        return folder


class Export(Case):
    def rows(self, folder):
        with open(folder / "metadata.csv", newline="") as text:
            rows = list(csv.DictReader(text))
        self.assertEqual([row["id"] for row in rows], self.ids)
        self.assertEqual([row["speaker"] for row in rows], [i.split("/")[0] for i in self.ids])
        return rows

    def test_pickles_load_as_the_python_balr_loads_them(self):
        self.succeed("export", self.store(), "--format", "pkl", "--out", self.root / "out")
        for row, vector in zip(self.rows(self.root / "out"), self.vectors):
            with open(self.root / "out" / row["embedding"], "rb") as file:
                array = pickle.load(file)
            self.assertEqual(array.dtype, np.float32)
            self.assertTrue(torch.equal(torch.from_numpy(array), torch.from_numpy(vector)))
            self.assertTrue(array.flags.writeable)
            file = (self.root / "out" / row["embedding"]).read_bytes()
            self.assertEqual(file, as_numpy_1(pickle.dumps(vector, 4)))

    def test_text_is_savetxt(self):
        self.succeed("export", self.store(), "--format", "txt", "--out", self.root / "out")
        for row, vector in zip(self.rows(self.root / "out"), self.vectors):
            expected = io.BytesIO()
            np.savetxt(expected, vector)
            self.assertEqual((self.root / "out" / row["embedding"]).read_bytes(), expected.getvalue())
            loaded = np.loadtxt(self.root / "out" / row["embedding"]).astype(np.float32)
            np.testing.assert_array_equal(loaded, vector)

    def test_npy_is_numpys(self):
        self.succeed("export", self.store(), "--format", "npy", "--out", self.root / "out")
        expected = io.BytesIO()
        np.save(expected, self.vectors)
        self.assertEqual((self.root / "out" / "embeddings.npy").read_bytes(), expected.getvalue())
        self.assertEqual([row["embedding"] for row in self.rows(self.root / "out")],
                         [f"embeddings.npy#{i}" for i in range(7)])

    def test_kaldiio_reads_the_table(self):
        out = self.root / "out"
        self.succeed("export", self.store(), "--format", "ark", "--out", out)
        for table in (dict(kaldiio.load_scp(str(out / "embeddings.scp"))),
                      dict(kaldiio.load_ark(str(out / "embeddings.ark")))):
            self.assertEqual(list(table), self.ids)
            for name, vector in zip(self.ids, self.vectors):
                self.assertEqual(table[name].dtype, np.float32)
                np.testing.assert_array_equal(table[name], vector)
        speakers = dict(line.split() for line in (out / "utt2spk").read_text().splitlines())
        self.assertEqual(speakers, {i: i.split("/")[0] for i in self.ids})


class Import(Case):
    TYPES = ["<f4", ">f4", "<f8", ">f8", "<f2", ">f2", "<i8", ">i8", "u1", "b1"]

    def arrays(self):
        """Every type, as it comes, every second element of another, read-only, and a vector of two dimensions."""
        for kind in self.TYPES:
            base = (np.arange(2 * DIMENSION) % 5 * 0.5).astype(kind)
            locked = base[:DIMENSION].copy()
            locked.setflags(write=False)
            yield from (base[:DIMENSION].copy(), base[::2], locked, base[:DIMENSION].reshape(1, -1))
            yield np.asfortranarray(base[:DIMENSION].reshape(-1, 1))

    def test_pickles_of_every_protocol_type_and_spelling(self):
        rows, expected = [], []
        for number, (array, protocol, old) in enumerate(
                itertools.product(self.arrays(), range(2, 6), (False, True))):
            content = pickle.dumps(array, protocol)
            self.assertIn(b"numpy._core", content)
            if old:
                content = as_numpy_1(content)
                self.assertIn(b"numpy.core", content)
                np.testing.assert_array_equal(pickle.loads(content), array)
            (self.root / f"{number}.pkl").write_bytes(content)
            rows.append((str(number), "s", f"{number}.pkl"))
            expected.append(array.astype(np.float32).reshape(-1))
        ids, vectors = self.imported(self.write_csv("in.csv", rows))
        self.assertEqual(len(ids), len(self.TYPES) * 5 * 4 * 2)
        np.testing.assert_array_equal(vectors, expected)

    def test_empty_and_other_arrays_are_refused(self):
        others = {
            "empty": np.zeros(0, np.float32), "object": np.array([None, 1]), "text": np.array(["a"]),
            "complex": np.zeros(3, complex), "matrix": np.zeros((3, 4), np.float32),
            "record": np.zeros(3, [("a", "f4")]), "scalar": np.float32(1), "list": [1.0, 2.0], "none": None,
            "tensor": torch.zeros(3), "masked": np.ma.zeros(3), "time": np.zeros(3, "M8[s]"),
            "dict": OrderedDict(a=1), "tuple": (np.zeros(3),), "number": 1.5, "bytes": b"x",
        }
        for (name, value), protocol in itertools.product(others.items(), range(2, 6)):
            with self.subTest(name=name, protocol=protocol):
                (self.root / "x.pkl").write_bytes(pickle.dumps(value, protocol))
                source = self.write_csv("in.csv", [("1", "s", "x.pkl")])
                message = self.refuse("import", source, "--save-dir", self.root / "none")
                self.assertIn("x.pkl", message)
        self.assertFalse((self.root / "none").exists())

    def test_no_pickle_runs_code(self):
        ran = self.root / "ran"
        command = f"touch {ran}"
        attacks = {
            "system": hostile("os", "system", command),
            "posix": hostile("posix", "system", command),
            "eval": hostile("builtins", "eval", f"open({str(ran)!r}, 'w')"),
            "old eval": hostile("__builtin__", "eval", f"open({str(ran)!r}, 'w')"),
            "popen": hostile("subprocess", "getoutput", command),
            "numpy": hostile("numpy.testing", "rundocs", str(ran)),
            "codecs": hostile("_codecs", "lookup", command),
            "text": b"(S'" + command.encode() + b"'\nios\nsystem\n.",
        }
        # The attacks are real: Python obeys the first.
        pickle.loads(attacks["system"])
        self.assertTrue(ran.exists())
        ran.unlink()
        good = pickle.dumps(self.vectors[0], 2)
        attacks["behind an array"] = good[:-1] + b"0" + attacks["system"][2:]
        for (name, content), suffix in itertools.product(attacks.items(), ("pkl", "npy", "txt", "ark")):
            with self.subTest(name=name, suffix=suffix):
                (self.root / f"x.{suffix}").write_bytes(content)
                source = self.write_csv("in.csv", [("1", "s", f"x.{suffix}")])
                if suffix == "ark":
                    source = self.root / "x.ark"
                self.refuse("import", source, "--save-dir", self.root / "none")
                self.assertFalse(ran.exists())

    def test_text_and_npy(self):
        rows = []
        for number, (name, value) in enumerate({"d": self.vectors[0].astype(np.float64), "f": self.vectors[0],
                                                "c": self.vectors[0].reshape(-1, 1)}.items()):
            np.savetxt(self.root / f"{name}.txt", value)
            np.save(self.root / f"{name}.npy", value)
            rows += [(f"{number}t", "s", f"{name}.txt"), (f"{number}n", "s", f"{name}.npy")]
        with open(self.root / "v2.npy", "wb") as two, open(self.root / "v3.npy", "wb") as three:
            np.lib.format.write_array(two, self.vectors[0], (2, 0))
            np.lib.format.write_array(three, np.asfortranarray(self.vectors), (3, 0))
        rows += [("2", "s", "v2.npy"), ("3", "s", "v3.npy#0")]
        _, vectors = self.imported(self.write_csv("in.csv", rows))
        np.testing.assert_array_equal(vectors, np.tile(self.vectors[0], (len(rows), 1)))

    def test_kaldi_tables(self):
        keys = [i.replace("/", "-") for i in self.ids]
        for dtype, text in itertools.product((np.float32, np.float64), (False, True)):
            with self.subTest(dtype=dtype, text=text):
                name = str(self.root / f"k{dtype.__name__}{text}")
                mode = ("ark,t,scp:" if text else "ark,scp:") + f"{name}.ark,{name}.scp"
                with kaldiio.WriteHelper(mode) as table:
                    for key, vector in zip(keys, self.vectors):
                        table[key] = vector.astype(dtype)
                for source in (f"{name}.ark", f"{name}.scp"):
                    ids, vectors = self.imported(source)
                    self.assertEqual(ids, keys)
                    expected = [kaldiio.load_mat(line.split(maxsplit=1)[1])
                                for line in Path(f"{name}.scp").read_text().splitlines()]
                    np.testing.assert_array_equal(vectors, np.array(expected, np.float32))
                    if not text:
                        np.testing.assert_array_equal(vectors, self.vectors)

    def test_a_table_by_another_name(self):
        with kaldiio.WriteHelper(f"ark,t:{self.root / 'vectors.txt'}") as table:
            table["utt"] = self.vectors[0]
        self.refuse("import", self.root / "vectors.txt", "--save-dir", self.root / "none")
        ids, vectors = self.imported(self.root / "vectors.txt", "--format", "ark")
        self.assertEqual(ids, ["utt"])
        np.testing.assert_allclose(vectors[0], self.vectors[0], rtol=1e-6)
        self.refuse("import", self.root / "vectors.txt", "--save-dir", self.root / "none", "--format", "zip", code=2)

    def test_what_kaldi_has_besides_vectors_is_refused(self):
        for method in range(1, 8):
            name = str(self.root / f"c{method}")
            with kaldiio.WriteHelper(f"ark,scp:{name}.ark,{name}.scp", compression_method=method) as table:
                table["utt"] = self.vectors
            for source in (f"{name}.ark", f"{name}.scp"):
                message = self.refuse("import", source, "--save-dir", self.root / "none")
                self.assertIn("'utt'", message)
                self.assertIn("compressed matrix", message)
        kaldiio.save_ark(str(self.root / "m.ark"), {"utt": self.vectors})
        self.assertIn("matrix of 7 rows", self.refuse("import", self.root / "m.ark", "--save-dir", self.root / "none"))
        kaldiio.save_ark(str(self.root / "i.ark"), {"utt": np.arange(5, dtype=np.int32)})
        self.refuse("import", self.root / "i.ark", "--save-dir", self.root / "none")
        self.assertFalse((self.root / "none").exists())

    def test_files_beside_the_audio_as_the_python_balr_leaves_them(self):
        for number, vector in enumerate(self.vectors):
            folder = self.root / "data" / f"id{number % 3}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}.wav").touch()
            if number % 2:
                np.savetxt(folder / f"{number}_emb.txt", vector)
            else:
                with open(folder / f"{number}_emb.pkl", "wb") as file:
                    pickle.dump(vector, file, protocol=pickle.HIGHEST_PROTOCOL)
        ids, vectors = self.imported(self.root / "data")
        self.assertEqual(ids, sorted(ids))
        for name, vector in zip(ids, vectors):
            np.testing.assert_array_equal(vector, self.vectors[int(Path(name).stem)])
        rows = [(f"data/{i}", "s") for i in ids]
        again, same = self.imported(self.write_csv("in.csv", rows, ("audio", "speaker")))
        self.assertEqual(again, [row[0] for row in rows])
        np.testing.assert_array_equal(same, vectors)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")  # of numpy about its old names, of kaldiio about overflows
