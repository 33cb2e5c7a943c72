"""The recipe's two commands, as the documentation gives them, with the model in a hub cache."""
import os
import shlex
import subprocess
import unittest
from pathlib import Path

from harness import BALR, SOURCE, TempTestCase, environment, main, make_corpus, run

COMMANDS = """
balr extract --save-dir $DEV_EMBEDDINGS --device cuda --save-output $DEV_METADATA embeddings.model.model_repo=Wespeaker/wespeaker-voxceleb-resnet34-LM embeddings.model.model_name=avg_models
balr train --save-dir train/mse --device cuda $DEV_METADATA $TEST_METADATA trainer.epochs=200 'trainer.losses=[mse]' data.N_classes_per_batch=32 data.M_samples_per_class=16 data.batch_size=512 data.num_workers=16
"""


class Recipe(TempTestCase):
    def make_hub_cache(self, corpus):
        """The layout of a Hugging Face cache, with a random model under the recipe's name."""
        repo = self.dir / "hf" / "hub" / "models--Wespeaker--wespeaker-voxceleb-resnet34-LM"
        revision = "f0c48c298fd835726c27956a5d617bad7115627e"
        snapshot = repo / "snapshots" / revision
        run("model", "init", self.dir / "model", "--audio", corpus)
        (repo / "refs").mkdir(parents=True)
        (repo / "refs" / "main").write_text(revision)
        (repo / "blobs").mkdir()
        snapshot.mkdir(parents=True)
        for blob, name in (("a" * 64, "avg_model.pt"), ("b" * 40, "config.yaml")):
            (self.dir / "model" / name).rename(repo / "blobs" / blob)
            (snapshot / name).symlink_to(f"../../blobs/{blob}")

    def shell(self, line, **variables):
        env = environment(HF_HOME=self.dir / "hf", PATH=f"{BALR.parent}:{os.environ['PATH']}", **variables)
        return subprocess.run(["bash", "-euc", line], cwd=self.dir, env=env, text=True, timeout=280,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def test_both_commands(self):
        dev = make_corpus(self.dir / "dev", speakers=33, sentences=2, seconds=(0.3, 0.5))
        test = make_corpus(self.dir / "test", speakers=32, sentences=1, seconds=(0.3, 0.5))
        self.make_hub_cache(dev)
        extract, train = COMMANDS.strip().splitlines()
        gpu = os.path.exists("/dev/nvidia0")
        names = dict(DEV_METADATA=dev, DEV_EMBEDDINGS=self.dir / "dev-embeddings")
        if not gpu:
            refused = self.shell(extract, **names)
            self.assertEqual(refused.returncode, 2, refused.stdout)
            self.assertIn("--device cpu", refused.stdout)
            self.assertFalse((self.dir / "dev-embeddings").exists())
            extract, train = (line.replace("--device cuda", "--device cpu") for line in (extract, train))
        done = self.shell(extract, **names)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("avg_model.pt", done.stdout)  # says which file stands for avg_models
        done = self.shell(extract, DEV_METADATA=test, DEV_EMBEDDINGS=self.dir / "test-embeddings")
        self.assertEqual(done.returncode, 0, done.stdout)
        done = self.shell(train, DEV_METADATA=dev, TEST_METADATA=test)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("tensorboard --logdir train/mse", done.stdout)
        lines = (self.dir / "train" / "mse" / "history.csv").read_text().splitlines()
        self.assertEqual(len(lines), 201)
        self.assertTrue((self.dir / "train" / "mse" / "best.pt").is_file())

    def test_the_readme_gives_these_commands(self):
        readme = (SOURCE / "README.md").read_text()
        for line in COMMANDS.strip().splitlines():
            for word in shlex.split(line):
                self.assertIn(word, readme)


if __name__ == "__main__":
    main()
