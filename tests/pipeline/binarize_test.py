"""`balr binarize`: the same bytes on any number of ranks, after a kill or a stop, and numpy's bits."""
import csv
import shutil

import h5py
import numpy as np
import torch

from harness import TempTestCase, by_level, main, needs_test_data, run, test_data, write_csv

ROWS, DIMENSION, ATTRIBUTES = 230, 24, 45  # 29 parts of 8 rows
EMPTY = {3, 100, 229}  # rows without an embedding


def autoencoder(seed=1):
    """State dict of a random auto-encoder in the Python balr's names."""
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=draw) / max(1, shape[-1]) ** 0.5
    d, h = DIMENSION, ATTRIBUTES
    return {
        "encoder.0.weight": normal(h, d), "encoder.0.bias": normal(h),
        "encoder.2.weight": normal(h), "encoder.2.bias": normal(h), "encoder.2.running_mean": normal(h).abs(),
        "encoder.2.running_var": normal(h) ** 2 + 0.3, "encoder.2.num_batches_tracked": torch.tensor(7),
        "encoder.3.weight": normal(h, h), "encoder.3.bias": normal(h),
        "decoder.0.weight": normal(h, h), "decoder.0.bias": normal(h), "decoder.2.weight": normal(d, h), "decoder.2.bias": normal(d)}


def codes(tensors, x):
    """Z in float64: batch-norm with the running statistics."""
    t = {name: value.double() for name, value in tensors.items()}
    h = torch.relu(torch.tensor(x).double() @ t["encoder.0.weight"].T + t["encoder.0.bias"])
    h = (h - t["encoder.2.running_mean"]) / torch.sqrt(t["encoder.2.running_var"] + 1e-5)
    h = h * t["encoder.2.weight"] + t["encoder.2.bias"]
    return torch.tanh(h @ t["encoder.3.weight"].T + t["encoder.3.bias"]).numpy()


class Binarize(TempTestCase):
    def setUp(self):
        super().setUp()
        self.tensors = autoencoder()
        self.checkpoint = self.dir / "bae.pt"
        torch.save(self.tensors, self.checkpoint)
        self.x = np.random.default_rng(5).standard_normal((ROWS, DIMENSION)).astype("f4")
        np.save(self.dir / "x.npy", self.x)
        self.csv = write_csv(self.dir / "dev.csv", ("id", "embedding", "speaker", "session"), [
            (f"r{i:03d}", "" if i in EMPTY else f"x.npy#{i}", f"s{i % 7}", f"d{i % 3}") for i in range(ROWS)])
        self.out = self.dir / "out"

    def binarize(self, *more, source=None, out=None, **kwargs):
        return run("binarize", source or self.csv, "--save-dir", out or self.out,
                   f"encoder.model.checkpoint_path={self.checkpoint}", *more, **kwargs)

    def table(self, folder=None):
        with open((folder or self.out) / "metadata.csv", newline="") as text:
            return list(csv.DictReader(text))

    def test_bits_are_those_of_the_definition(self):
        self.binarize()
        z = codes(self.tensors, self.x)
        ok = np.array([i not in EMPTY for i in range(ROWS)])
        with h5py.File(self.out / "attributes.h5") as f:
            bits = np.unpackbits(f["attributes"][:], axis=1, count=ATTRIBUTES)
            np.testing.assert_array_equal(f["status"][:] == 0, ok)
            self.assertEqual([i.decode() for i in f["id"][:]], [f"r{i:03d}" for i in range(ROWS)])
            self.assertEqual(f.attrs["number_of_attributes"], ATTRIBUTES)
        self.assertFalse(bits[~ok].any())
        clear = ok[:, None] & (np.abs(z) > 1e-5)
        np.testing.assert_array_equal(bits[clear], (z > 0)[clear])
        self.assertGreater(clear.sum(), ROWS * ATTRIBUTES * 0.95)
        rows = self.table()
        self.assertEqual(list(rows[0]), ["id", "embedding", "speaker", "session", "binary_attributes"])
        self.assertEqual([r["binary_attributes"] for r in rows], ["" if i in EMPTY else f"attributes.h5#{i}" for i in range(ROWS)])
        self.assertEqual(rows[7]["embedding"], str(self.dir / "x.npy#7"))
        self.assertEqual(rows[7]["session"], "d1")
        with open(self.out / "failures.csv", newline="") as text:
            self.assertEqual([(int(r["row"]), r["reason"]) for r in csv.DictReader(text)], [(i, "missing") for i in sorted(EMPTY)])
        self.assertFalse((self.out / "parts").exists())
        self.assertIn("all is well", run("verify", self.out))
        self.assertIn("complete", run("status", self.out))

    def test_same_bytes_on_any_ranks_and_threads(self):
        self.binarize()
        files = ("attributes.h5", "metadata.csv", "failures.csv")
        expected = {name: (self.out / name).read_bytes() for name in files}
        for ranks in by_level((2,), (2, 3, 4), (1, 2, 3, 4, 7)):
            with self.subTest(ranks=ranks):
                out = self.dir / f"ranks{ranks}"
                self.binarize(f"num_threads={1 + ranks % 2}", out=out, ranks=ranks)
                self.assertEqual({name: (out / name).read_bytes() for name in files}, expected)

    def test_killed_and_stopped_runs_go_on(self):
        self.binarize(out=self.dir / "whole")
        expected = (self.dir / "whole" / "attributes.h5").read_bytes()
        # One rank claims whole parts in order: 10 are there when the 11th is about to be published.
        self.binarize(expect=-9, BALR_FAULT="kill@binarize.publish:0=80")
        self.assertEqual(len(list((self.out / "parts").glob("part-*.h5"))), 10)
        before = {p.name: p.stat().st_mtime_ns for p in (self.out / "parts").glob("part-*.h5")}
        text = self.binarize(expect=75, BALR_FAULT="term@binarize.publish:0=160")
        self.assertIn("80 of them are there already", text)
        self.assertIn("run the same command again", text)
        after = {p.name: p.stat().st_mtime_ns for p in (self.out / "parts").glob("part-*.h5")}
        self.assertEqual({name: after[name] for name in before}, before)
        self.assertIn("stopped", run("status", self.out))
        self.assertGreaterEqual(len(after), 21)  # what was claimed is published before the end
        self.binarize(ranks=2)
        self.assertEqual((self.out / "attributes.h5").read_bytes(), expected)
        self.assertIn("nothing to do", self.binarize())

    def test_killed_while_it_ends(self):
        """Before the store is there, and after: nothing is encoded again, and the folder is tidied up."""
        self.binarize(out=self.dir / "whole")
        for place, text in (("merge", "230 of them are there already"), ("merged", "nothing to do")):
            out = self.dir / place
            self.binarize(out=out, expect=-9, BALR_FAULT=f"kill@binarize.{place}:0")
            self.assertTrue((out / "parts").exists())
            self.assertIn(text, self.binarize(out=out))
            self.assertFalse((out / "parts").exists())
            self.assertIn("complete", run("status", out))
            self.assertEqual((out / "attributes.h5").read_bytes(), (self.dir / "whole" / "attributes.h5").read_bytes())

    def test_a_damaged_part_is_made_again(self):
        self.binarize(out=self.dir / "whole")
        self.binarize(expect=-9, BALR_FAULT="kill@binarize.publish:0=80")
        part = sorted((self.out / "parts").glob("part-*.h5"))[4]
        content = bytearray(part.read_bytes())
        content[-20] ^= 1  # in the rows: its checksum tells
        part.write_bytes(content)
        self.assertIn("run the same command again", self.binarize(expect=65))
        self.binarize()
        self.assertEqual((self.out / "attributes.h5").read_bytes(), (self.dir / "whole" / "attributes.h5").read_bytes())

    def test_other_runs_are_not_mixed(self):
        self.binarize()
        first = (self.out / "attributes.h5").read_bytes()
        torch.save(autoencoder(2), self.checkpoint)
        self.assertIn("--force", self.binarize(expect=65))
        self.assertEqual((self.out / "attributes.h5").read_bytes(), first)
        self.binarize("--force")
        self.assertNotEqual((self.out / "attributes.h5").read_bytes(), first)
        # Parts of another auto-encoder.
        self.binarize(out=self.dir / "b", expect=-9, BALR_FAULT="kill@binarize.publish:0=80")
        torch.save(autoencoder(3), self.checkpoint)
        self.assertIn("parts", self.binarize(out=self.dir / "b", expect=65))

    def test_nothing_is_written_without_save_output_or_after_a_mistake(self):
        self.binarize("--no-save-output")
        self.assertFalse(self.out.exists())
        tensors = autoencoder()
        del tensors["encoder.3.bias"]
        torch.save(tensors, self.checkpoint)
        self.assertIn("encoder.3.bias is missing", self.binarize(expect=65, ranks=2))
        torch.save({"module." + k: v for k, v in autoencoder().items()}, self.checkpoint)
        self.assertIn("encoder.model.input_dim=9", self.binarize("encoder.model.input_dim=9", expect=2))
        short = write_csv(self.dir / "short.csv", ("id", "embedding", "speaker"), [("a", "y.npy#0", "s")])
        np.save(self.dir / "y.npy", np.ones((1, 5), "f4"))
        self.assertIn("have 5 numbers", self.binarize(source=short, expect=65))
        self.assertFalse(self.out.exists())
        self.assertFalse(list(self.dir.glob("*.attributes")))
        self.binarize()  # `module.` is accepted

    def test_the_pointer_and_every_form_lead_to_the_same_attributes(self):
        self.binarize()
        self.assertTrue((self.dir / "dev.csv.attributes").exists())
        forms = {}
        for name, source, more in (("csv", self.csv, ()), ("folder", self.out, ()), ("h5", self.out / "attributes.h5", ()),
                                   ("meta", self.out / "metadata.csv", ())):
            out = self.dir / f"form-{name}"
            run("export", source, "--kind", "binary_attributes", "--format", "npy", "--out", out, *more)
            forms[name] = np.load(out / "attributes.npy")
        z = codes(self.tensors, self.x)
        ok = [i not in EMPTY for i in range(ROWS)]
        self.assertEqual(forms["csv"].shape, (ROWS - len(EMPTY), ATTRIBUTES))
        self.assertGreater((forms["csv"] == (z > 0)[ok]).mean(), 0.999)
        for name in forms:
            np.testing.assert_array_equal(forms[name], forms["csv"], name)
        run("export", self.out, "--kind", "binary_attributes", "--format", "pkl", "--out", self.dir / "pkl")
        pair = np.load(self.dir / "pkl" / "r007_ba.pkl", allow_pickle=True)
        self.assertEqual((pair.shape, pair.dtype), ((ATTRIBUTES, 2), np.float32))
        np.testing.assert_array_equal(pair[:, 0], forms["csv"][6])  # r003 is left out
        np.testing.assert_array_equal(pair.sum(1), 1)

    def test_files_of_the_python_balr(self):
        """Named after the audio, else the embedding's file, in its folders; failed rows are left out of metadata.csv."""
        (self.dir / "v" / "deep").mkdir(parents=True)
        rows = []
        for i in range(12):
            name = f"v/{'deep/' if i % 2 else ''}r{i}_emb.npy"
            np.save(self.dir / name, self.x[i])
            rows.append((f"r{i}", name if i != 5 else "", "s"))
        source = write_csv(self.dir / "files.csv", ("id", "embedding", "speaker"), rows)
        for kind, load in (("pkl", lambda p: np.load(p, allow_pickle=True)), ("txt", np.loadtxt)):
            out = self.dir / f"ba-{kind}"
            self.binarize("--format", kind, source=source, out=out)
            table = self.table(out)
            self.assertEqual([r["id"] for r in table], [f"r{i}" for i in range(12) if i != 5])
            self.assertEqual(table[3]["binary_attributes"], f"deep/r3_emb_ba.{kind}")
            with h5py.File(out / "attributes.h5") as f:
                bits = np.unpackbits(f["attributes"][:], axis=1, count=ATTRIBUTES)
            for row in table:
                pair = load(out / row["binary_attributes"])
                np.testing.assert_array_equal(pair[:, 0], bits[int(row["id"][1:])])
                np.testing.assert_array_equal(pair[:, 1], 1 - pair[:, 0])
        run("binarize", source, "--format", "txt", f"encoder.model.checkpoint_path={self.checkpoint}")
        self.assertTrue((self.dir / "v" / "r0_emb_ba.txt").exists())
        self.assertTrue((self.dir / "files_attributes" / "attributes.h5").exists())
        self.assertIn("names neither audio nor a vector file", self.binarize("--format", "pkl", out=self.dir / "no", expect=65))

    def test_from_a_store_and_its_folder(self):
        run("import", self.csv, "--save-dir", self.dir / "emb")
        self.binarize()
        with h5py.File(self.out / "attributes.h5") as f:
            expected, status = f["attributes"][:], f["status"][:]
        for name, source in (("a", self.dir / "emb"), ("b", self.dir / "emb" / "embeddings.h5"),
                             ("c", self.dir / "emb" / "metadata.csv")):
            self.binarize(source=source, out=self.dir / name)
            with h5py.File(self.dir / name / "attributes.h5") as f:
                np.testing.assert_array_equal(f["attributes"][:], expected)
                np.testing.assert_array_equal(f["status"][:], status)

    def test_a_scorer_of_another_auto_encoder_is_refused(self):
        self.binarize()
        torch.save(autoencoder(2), self.checkpoint)
        self.binarize(out=self.dir / "other")
        trials = self.dir / "trials.tsv"
        trials.write_text("enrollment\ttest\nr000\tr007\nr000\tr001\n")
        scorer = ("scorer=dna", f"scorer.n_attributes={ATTRIBUTES}")
        run("score", "train", self.out, *scorer, "--save-dir", self.dir / "scorer")
        test = (trials, *scorer, f"scorer.checkpoint_path={self.dir / 'scorer' / 'scorer.pt'}", "--allow-overlap", "--save-dir")
        self.assertIn("another auto-encoder", run("score", "test", self.dir / "other", *test, self.dir / "score", expect=65))
        self.assertFalse((self.dir / "score").exists())
        run("score", "test", self.out, *test, self.dir / "score")


@needs_test_data
class Golden(TempTestCase):
    def test_the_files_of_the_reference_run(self):
        """scoring-run/: balr 2.0.0's own binarize of the shipped auto-encoder."""
        data = test_data()
        golden = data / "golden"
        for part in ("train", "test"):
            shutil.copy(golden / "scoring-run" / f"{part}.csv", self.dir)  # a pointer is left beside it
            run("binarize", self.dir / f"{part}.csv", "--root-dir", golden / "scoring-run", "--save-dir", self.dir / part,
                f"encoder.model.checkpoint_path={data / 'models' / 'BAE_mse.pt'}", ranks=2)
        with h5py.File(golden / "scoring.h5") as f:
            active = dict(zip((i.decode() for i in f["embeddings/ids"][:]), f["binarize/active"][:]))
        seen = 0
        for part in ("train", "test"):
            with h5py.File(self.dir / part / "attributes.h5") as f:
                for name, bits in zip(f["id"][:], np.unpackbits(f["attributes"][:], axis=1)):
                    np.testing.assert_array_equal(bits, active[name.decode()])
                    seen += 1
        self.assertEqual(seen, 216)
        run("export", self.dir / "test", "--kind", "binary_attributes", "--format", "pkl", "--out", self.dir / "pkl")
        ours = np.load(self.dir / "pkl" / "test00-u0_ba.pkl", allow_pickle=True)
        theirs = np.load(golden / "scoring-run" / "ba" / "test00-u0_emb_ba.pkl", allow_pickle=True)
        np.testing.assert_array_equal(ours, theirs)
        self.assertEqual(ours.dtype, theirs.dtype)


if __name__ == "__main__":
    main()
