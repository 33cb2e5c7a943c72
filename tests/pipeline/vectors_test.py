"""`balr extract embeddings.format=pkl|txt`: vector files where and as the Python balr keeps them; its own are taken over."""
import csv
import pickle
import shutil

import h5py
import numpy as np

from harness import ModelTestCase, main, make_corpus, run

DIMENSION = 256


def load(path):
    if path.suffix == ".txt":
        return np.loadtxt(path).astype(np.float32)
    with open(path, "rb") as file:
        return pickle.load(file)


class Vectors(ModelTestCase):
    corpus = dict(speakers=4, sentences=3, seconds=(0.3, 0.5))

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.plain = cls.shared / "plain"
        cls.extract_with(cls.csv, "--save-dir", cls.plain)
        with h5py.File(cls.plain / "embeddings.h5") as store:
            cls.ids = [i.decode() for i in store["id"][:]]
            cls.expected = store["embeddings"][:]
        assert np.isfinite(cls.expected).all()

    @classmethod
    def extract_with(cls, source, *more, **kwargs):
        return run("extract", source, f"embeddings.model.model_repo={cls.model}", *more, **kwargs)

    def setUp(self):
        super().setUp()
        self.source = make_corpus(self.dir / "data", **self.corpus)

    def rows(self, folder):
        with open(folder / "metadata.csv", newline="") as text:
            return list(csv.DictReader(text))

    def store(self, folder):
        with h5py.File(folder / "embeddings.h5") as store:
            return store["embeddings"][:]

    def test_in_the_save_dir_on_any_rank_count(self):
        for ranks, kind in ((0, "pkl"), (2, "txt")):
            out = self.dir / f"out-{kind}"
            self.extract_with(self.source, "--save-dir", out, f"embeddings.format={kind}", ranks=ranks)
            np.testing.assert_array_equal(self.store(out), self.expected)
            rows = self.rows(out)
            self.assertEqual([row["embedding"] for row in rows], [f"{i}_emb.{kind}" for i in self.ids])
            for row, vector in zip(rows, self.expected):
                array = load(out / row["embedding"])
                self.assertEqual(array.shape, (DIMENSION,))
                np.testing.assert_array_equal(array, vector)
            # Again: nothing to do, but for a file that was lost.
            (out / rows[5]["embedding"]).unlink()
            self.assertIn("nothing to do", self.extract_with(self.source, "--save-dir", out, f"embeddings.format={kind}"))
            np.testing.assert_array_equal(load(out / rows[5]["embedding"]), self.expected[5])
            self.assertEqual(list(out.rglob(".*")), [], "temporary files")

    def test_beside_the_audio_and_train_from_there(self):
        self.extract_with(self.source, "embeddings.format=pkl")
        for name, vector in zip(self.ids, self.expected):
            np.testing.assert_array_equal(load(self.dir / "data" / f"{name}_emb.pkl"), vector)
        rows = self.rows(self.dir / "data" / "corpus_embeddings")
        self.assertEqual([row["embedding"] for row in rows], [str(self.dir / "data" / f"{i}_emb.pkl") for i in self.ids])
        # Without store and pointer the vector files alone serve, as in Python.
        shutil.rmtree(self.dir / "data" / "corpus_embeddings")
        (self.dir / "data" / "corpus.csv.embeddings").unlink()
        run("import", self.source, "--save-dir", self.dir / "imported")
        np.testing.assert_array_equal(self.store(self.dir / "imported"), self.expected)
        weights = []
        for source in (self.source, self.plain, self.dir / "imported"):
            out = self.dir / f"train{len(weights)}"
            run("train", source, source, "--save-dir", out, "trainer.epochs=2", "trainer.losses=[mse]",
                "data.N_classes_per_batch=2", "data.M_samples_per_class=2", "data.batch_size=4")
            weights.append((out / "last.pt").read_bytes())
        self.assertEqual(len(set(weights)), 1, "trained on the same vectors")

    def test_a_failed_row_has_no_file_and_no_line(self):
        lost = self.dir / "data" / f"{self.ids[3]}.wav"
        lost.write_bytes(b"no audio")
        out = self.dir / "out"
        self.extract_with(self.source, "--save-dir", out, "embeddings.format=pkl", "embeddings.max_failed_fraction=0.5")
        self.assertEqual([row["id"] for row in self.rows(out)], [i for i in self.ids if i != self.ids[3]])
        self.assertEqual(len(list(out.rglob("*_emb.pkl"))), len(self.ids) - 1)

    def test_what_the_python_balr_left_is_taken_over(self):
        data = self.dir / "data"
        theirs = np.random.default_rng(1).normal(size=(3, DIMENSION)).astype(np.float32)
        with open(data / f"{self.ids[0]}_emb.pkl", "wb") as file:
            pickle.dump(theirs[0], file, protocol=pickle.HIGHEST_PROTOCOL)
        np.savetxt(data / f"{self.ids[1]}_emb.txt", theirs[1])
        (data / f"{self.ids[2]}_emb.pkl").write_bytes(pickle.dumps(theirs[2])[:700])  # a killed run's
        with open(data / f"{self.ids[4]}_emb.pkl", "wb") as file:  # of audio that was too short for it
            pickle.dump(np.full(DIMENSION, np.nan, np.float32), file)
        log = self.extract_with(self.source, "embeddings.format=pkl", ranks=2)
        self.assertIn("2 rows are taken from vector files", log)
        mixed = self.expected.copy()
        mixed[:2] = theirs[:2]
        np.testing.assert_array_equal(self.store(data / "corpus_embeddings"), mixed)
        for name, vector in zip(self.ids, mixed):
            np.testing.assert_array_equal(load(data / f"{name}_emb.pkl"), vector)
        # hdf5 computes all; so does --force.
        self.extract_with(self.source, "--save-dir", self.dir / "h5")
        np.testing.assert_array_equal(self.store(self.dir / "h5"), self.expected)
        self.extract_with(self.source, "embeddings.format=pkl", "--force")
        np.testing.assert_array_equal(self.store(data / "corpus_embeddings"), self.expected)
        np.testing.assert_array_equal(load(data / f"{self.ids[0]}_emb.pkl"), self.expected[0])

    def test_a_vector_of_another_model_ends_the_run(self):
        np.savetxt(self.dir / "data" / f"{self.ids[7]}_emb.txt", np.zeros(192))
        log = self.extract_with(self.source, "embeddings.format=txt", expect=65)
        self.assertIn("192 numbers", log)
        self.assertIn("--force", log)


if __name__ == "__main__":
    main()
