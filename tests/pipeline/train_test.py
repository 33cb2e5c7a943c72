"""`balr train` as a user runs it: the same bytes on any number of ranks and threads, files that others can read."""
import csv
import hashlib
import random
import unittest
from pathlib import Path

import h5py
import numpy as np
import torch

from harness import ModelTestCase, by_level, main, run, test_data, write_csv

MSE = ("trainer.losses=[mse]", "data.N_classes_per_batch=8", "data.M_samples_per_class=8", "data.batch_size=64",
       "trainer.val_period=5", "trainer.log_period=1")


class Synthetic(ModelTestCase):
    corpus = dict(speakers=10, sentences=10, seconds=(0.4, 0.6))

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.extract()

    @classmethod
    def extract(cls):
        run("extract", "--save-dir", cls.shared / "embeddings", cls.csv, f"embeddings.model.model_repo={cls.model}",
            "embeddings.model.model_name=avg_model", ranks=2)

    def train(self, out, *more, data=None, ranks=0, **kwargs):
        data = data or self.csv
        return run("train", "--save-dir", out, data, data, *MSE, *more, ranks=ranks, **kwargs)

    def weights(self, out, name="last.pt"):
        return torch.load(out / name, weights_only=True)

    def digest(self, out):
        h = hashlib.sha256()
        for name, tensor in self.weights(out).items():
            h.update(name.encode())
            h.update(tensor.numpy().tobytes())
        return h.hexdigest()

    def test_equal_bytes_on_any_number_of_ranks_and_threads(self):
        digests = {}
        histories = set()
        for ranks, threads in ((0, 1), (0, 2), (2, 1), (3, 1), (4, 1), (8, 1)):
            out = self.dir / f"r{ranks}t{threads}"
            self.train(out, "trainer.epochs=10", f"num_threads={threads}", ranks=ranks)
            digests[ranks, threads] = self.digest(out)
            histories.add((out / "history.csv").read_text())
        self.assertEqual(len(set(digests.values())), 1, digests)
        self.assertEqual(len(histories), 1)
        # 10 speakers in batches of 8 are 2 batches: 20 steps.
        self.assertEqual(self.weights(out)["encoder.2.num_batches_tracked"].item(), 20)

    def test_a_shuffled_csv_gives_the_same_weights(self):
        with open(self.csv) as lines:
            rows = list(csv.reader(lines))
        random.Random(1).shuffle(body := rows[1:])
        folder = self.dir / "corpus"
        folder.mkdir()
        body = [(i, self.csv.parent / a, s) for i, a, s in body]
        shuffled = write_csv(folder / "shuffled.csv", rows[0], body)
        run("extract", "--save-dir", self.dir / "embeddings", shuffled, f"embeddings.model.model_repo={self.model}",
            "embeddings.model.model_name=avg_model")
        self.train(self.dir / "a", "trainer.epochs=3")
        self.train(self.dir / "b", "trainer.epochs=3", data=shuffled)
        self.assertEqual(self.digest(self.dir / "a"), self.digest(self.dir / "b"))

    def test_mse_falls_and_others_can_read_the_files(self):
        out = self.dir / "mse"
        self.train(out, "trainer.epochs=20", "trainer.save_period=10", ranks=2)
        with open(out / "history.csv") as lines:
            history = list(csv.DictReader(lines))
        losses = [float(row["train/MSE"]) for row in history]
        self.assertEqual(len(losses), 20)
        self.assertLess(losses[-1], 0.8 * losses[0])
        names = ["encoder.0.weight", "encoder.0.bias", "encoder.2.weight", "encoder.2.bias", "encoder.2.running_mean",
                 "encoder.2.running_var", "encoder.2.num_batches_tracked", "encoder.3.weight", "encoder.3.bias",
                 "decoder.0.weight", "decoder.0.bias", "decoder.2.weight", "decoder.2.bias"]
        for file in ("last.pt", "best.pt", "epoch9.pt", "epoch19.pt"):
            self.assertEqual(list(self.weights(out, file)), names)

        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        events = EventAccumulator(str(out))
        events.Reload()
        self.assertEqual(set(events.Tags()["scalars"]),
                         {"train/total_loss", "train/MSE", "test/total_loss", "test/MSE", "codes/always_on", "codes/never_on",
                          "codes/entropy", "optimizer/learning_rate", "optimizer/gradient_norm", "speed/rows_per_second"})
        train = events.Scalars("train/MSE")
        self.assertEqual([point.step for point in train], list(range(20)))
        self.assertEqual([point.step for point in events.Scalars("test/MSE")], [4, 9, 14, 19])
        np.testing.assert_allclose([point.value for point in train], losses, rtol=1e-6)

        # The last validation, computed by torch from the weights and the store.
        weights = self.weights(out)
        with h5py.File(self.shared / "embeddings" / "embeddings.h5") as store:
            x = torch.from_numpy(store["embeddings"][:])
        h = torch.relu(x @ weights["encoder.0.weight"].T + weights["encoder.0.bias"])
        h = torch.nn.functional.batch_norm(h, weights["encoder.2.running_mean"], weights["encoder.2.running_var"],
                                           weights["encoder.2.weight"], weights["encoder.2.bias"])
        z = torch.tanh(h @ weights["encoder.3.weight"].T + weights["encoder.3.bias"])
        d = torch.tanh((z > 0).float() @ weights["decoder.0.weight"].T + weights["decoder.0.bias"])
        mse = ((d @ weights["decoder.2.weight"].T + weights["decoder.2.bias"] - x) ** 2).mean().item()
        self.assertAlmostEqual(events.Scalars("test/MSE")[-1].value / mse, 1, places=4)

    def test_the_recipes_options_work_and_cuda_without_a_gpu_is_a_usage_error(self):
        recipe = ("trainer.losses=[mse]", "data.N_classes_per_batch=5", "data.M_samples_per_class=8",
                  "data.batch_size=40", "data.num_workers=16", "trainer.epochs=2")
        run("train", "--save-dir", self.dir / "mse", "--device", "cpu", self.csv, self.csv, *recipe)
        self.assertTrue((self.dir / "mse" / "last.pt").is_file())
        if not torch.cuda.is_available():
            text = run("train", "--save-dir", self.dir / "gpu", "--device", "cuda", self.csv, self.csv, *recipe, expect=2)
            self.assertIn("--device cpu", text)
            self.assertFalse((self.dir / "gpu").exists())

    def test_errors_leave_nothing_behind(self):
        text = self.train(self.dir / "a", "trainer.epoch=3", expect=2)
        self.assertIn("trainer.epochs", text)
        self.train(self.dir / "a", "data.batch_size=63", expect=2)
        self.train(self.dir / "a", "data.N_classes_per_batch=11", "data.batch_size=88", expect=65)
        stranger = write_csv(self.dir / "new.csv", ("id", "audio", "speaker"), [("a", "a.wav", "s")])
        text = self.train(self.dir / "a", data=stranger, expect=65)
        self.assertIn("balr extract", text)
        self.assertFalse((self.dir / "a").exists())

    def test_the_same_command_again_and_another_command_in_the_same_folder(self):
        out = self.dir / "mse"
        self.train(out, "trainer.epochs=2")
        before = self.digest(out)
        self.assertIn("finished", self.train(out, "trainer.epochs=2"))
        self.train(out, "trainer.epochs=3")
        self.assertEqual(self.digest(out), before)
        self.assertTrue((self.dir / "mse2" / "last.pt").is_file())


class Golden(Synthetic):
    """The same tests on real speech with the reference's model: 100 utterances of 10 speakers."""

    @classmethod
    def prepare(cls):
        if not test_data():
            raise unittest.SkipTest("BALR_TEST_DATA is not set: the reference data are not in this clone")
        source = test_data() / "data" / "librispeech"
        with open(source / "all.csv", newline="") as lines:
            rows = [(r["id"], source / r["audio"], r["speaker"]) for r in csv.DictReader(lines)]
        cls.csv = write_csv(cls.shared / "all.csv", ("id", "audio", "speaker"), rows)
        cls.model = test_data() / "golden" / "wespeaker-resnet34-random"
        cls.extract()

    # Needs a second extraction of all the speech, and proves the same as on synthetic voices.
    test_a_shuffled_csv_gives_the_same_weights = unittest.skipIf(by_level(1, 0, 0), "level quick")(
        Synthetic.test_a_shuffled_csv_gives_the_same_weights)


if __name__ == "__main__":
    main()
