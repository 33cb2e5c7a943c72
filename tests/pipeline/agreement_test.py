"""Ranks that were started with different arguments or see different files refuse to work: exit 70, rank and host named."""
import os
import subprocess
import unittest

from harness import MPIRUN, BALR, ModelTestCase, environment, main, run, write_csv

HOST = os.uname().nodename


def started(*each_rank):
    """One mpirun in which each rank has arguments of its own; returns (exit code, output)."""
    line = []
    for arguments in each_rank:
        line += [":"] * bool(line) + ["-n", "1", str(BALR), *map(str, arguments)]
    done = subprocess.run([*MPIRUN, *line], env=environment(), timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace")
    return done.returncode, done.stdout


class Agreement(ModelTestCase):
    corpus = dict(speakers=4, sentences=2)

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.data = cls.shared / "data"
        run("extract", "--save-dir", cls.data, cls.csv, f"embeddings.model.model_repo={cls.model}")

    def refused(self, odd, part, outputs, *each_rank):
        code, text = started(*each_rank)
        self.assertEqual(code, 70, text)
        self.assertIn("the ranks do not work on the same thing", text)
        self.assertIn(f"{part} (rank {odd} on {HOST})", text)
        self.assertFalse(list((self.dir / "out").glob(outputs)), "something was written")

    def extract(self, table, *more):
        return ("extract", "--save-dir", self.dir / "out", table, f"embeddings.model.model_repo={self.model}", *more)

    def train(self, data, *more):
        return ("train", "--save-dir", self.dir / "out", data, self.data, "trainer.epochs=2", "trainer.losses=[mse]",
                "data.N_classes_per_batch=2", "data.M_samples_per_class=2", "data.batch_size=4", *more)

    def test_extract(self):
        rows = [line.split(",") for line in self.csv.read_text().splitlines()[1:]]
        shorter = write_csv(self.csv.parent / "shorter.csv", ("id", "audio", "speaker"), rows[:-1])
        self.refused(1, "input", "*.h5", self.extract(self.csv), self.extract(shorter), self.extract(self.csv))
        other = self.shared / "other"
        run("model", "init", other, "--audio", self.csv, "--model", "ResNet18", "--seed", "9")
        self.refused(2, "model", "*.h5", self.extract(self.csv), self.extract(self.csv),
                     self.extract(self.csv, f"embeddings.model.model_repo={other}"))

    # Ranks of one node share what the first has read; other data on another node: network/namespaces_test.py.
    def test_train(self):
        normal = self.train(self.data)
        self.refused(2, "the configuration", "*.pt", normal, normal, self.train(self.data, "trainer.seed=5"))


if __name__ == "__main__":
    main()
