"""Files that no audio program likes through `balr extract`: each costs its row, none the run, and no row its neighbour's."""
import csv
import resource
import unittest
from collections import Counter

import h5py
import numpy as np

import hostile_corpus
from harness import BUILD, ModelTestCase, main, run

# What 1 hour, 64 channels or a lying header may cost beyond a run with ordinary files.
SPARE_MEMORY = 150e6


def largest_process():
    """Bytes of the largest program that this one has waited for, so far."""
    return 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


class Hostile(ModelTestCase):
    corpus = dict(speakers=2, sentences=2)

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.folder = cls.shared / "hostile"
        cls.rows = hostile_corpus.make(cls.folder, built_with_ffmpeg="FFMPEG_FOUND:INTERNAL=1" in (BUILD / "CMakeCache.txt").read_text())
        cls.hostile = hostile_corpus.write_csv(cls.folder / "hostile.csv", cls.rows)
        cls.good = hostile_corpus.write_csv(cls.folder / "good.csv", [r for r in cls.rows if r[0].startswith("good")])

    def extract(self, data, out, *more, **kwargs):
        return run("extract", "--save-dir", self.dir / out, data, f"embeddings.model.model_repo={self.model}",
                   "embeddings.model.model_name=avg_model", "embeddings.long=refuse",
                   f"embeddings.max_seconds={hostile_corpus.MAX_SECONDS}", *more, **kwargs)

    def store(self, out):
        with h5py.File(self.dir / out / "embeddings.h5") as file:
            names = {value: name for name, value in h5py.check_enum_dtype(file["status"].dtype).items()}
            ids = [id_.decode("utf-8", "surrogateescape") for id_ in file["id"][:]]
            return ids, [names[s] for s in file["status"][:]], file["embeddings"][:]

    def test_every_row_gets_its_status_and_no_more(self):
        self.assertGreater(sum(not r[0].startswith("good") for r in self.rows), 100)
        self.extract(self.good, "good", ranks=2)
        good_ids, good_status, good_values = self.store("good")
        self.assertEqual(set(good_status), {"ok"})
        ordinary = largest_process()
        texts = []
        for ranks in (1, 2):
            out = f"hostile{ranks}"
            texts.append(self.extract(self.hostile, out, "embeddings.max_failed_fraction=1", ranks=ranks))
            ids, status, values = self.store(out)
            self.assertEqual(ids, [r[0] for r in self.rows])  # rows in = rows out
            wrong = [(r[0], r[5], s) for r, s in zip(self.rows, status) if r[5] != s]
            self.assertEqual(wrong, [], texts[-1])
            ok = np.array([s == "ok" for s in status])
            self.assertTrue(np.isfinite(values[ok]).all())
            self.assertTrue(np.isnan(values[~ok]).all())
            at = {id_: i for i, id_ in enumerate(ids)}
            for id_, row in zip(good_ids, good_values):
                self.assertEqual(values[at[id_]].tobytes(), row.tobytes(), id_)
            self.check_failures(out, status)
        first, second = ((self.dir / f"hostile{r}" / "embeddings.h5").read_bytes() for r in (1, 2))
        self.assertEqual(first, second)
        hostile = largest_process()
        print(f"largest process: {ordinary / 1e6:.0f} MB with ordinary files, {hostile / 1e6:.0f} MB with hostile ones")
        self.assertLess(hostile, ordinary + SPARE_MEMORY)
        self.assertFalse((self.folder / "trace").exists(), "a name was run as a command")

    def check_failures(self, out, status):
        with open(self.dir / out / "failures.csv", newline="", encoding="utf-8", errors="surrogateescape") as lines:
            failures = list(csv.DictReader(lines))
        reasons = Counter(f["reason"].split(":")[0] for f in failures)
        self.assertEqual(reasons, Counter(s for s in status if s != "ok"))
        for failure in failures:
            self.assertEqual(failure["id"], self.rows[int(failure["row"])][0])
            self.assertRegex(failure["reason"], r"^\w+: .{5,}")
        with open(self.dir / out / "metadata.csv", newline="", encoding="utf-8", errors="surrogateescape") as lines:
            rows = list(csv.DictReader(lines))
        self.assertEqual([r["id"] for r in rows], [r[0] for r in self.rows])
        self.assertEqual([r["embedding"] != "" for r in rows], [s == "ok" for s in status])

    def test_more_failures_than_allowed_end_with_65_and_everything_good_is_there(self):
        self.extract(self.hostile, "out", expect=65)
        _, status, _ = self.store("out")
        self.assertEqual(status, [r[5] for r in self.rows])


if __name__ == "__main__":
    main()
