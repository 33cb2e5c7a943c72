"""`balr score train`, `score test` and `explain` as a user runs them, against the Python balr's own run and plain formulas."""
import csv
import json
import math
import unittest

import numpy as np
import torch

from harness import TempTestCase, by_level, main, needs_test_data, run, test_data, write_csv

SHAPES = {"beta": {"alpha": ((512, 2), torch.float32)},
          "dna": {"typicality": ((512,), torch.float32), "dropout": ((512,), torch.float32),
                  "llrs": ((2, 512, 2), torch.float32)},
          "maxllr": {name: ((512,), torch.float64) for name in "fpq"}}
SHAPES["speech"] = SHAPES["dna"]
REFERENCE_KEYS = ["TP", "TN", "FP", "FN", "FAR", "FRR", "DER", "threshold", "precision", "recall", "F-score", "MCC", "EER",
                  "EER_thres", "CLLR"]


def read_scores(path, separator="\t"):
    with open(path, newline="") as lines:
        return list(csv.DictReader(lines, delimiter=separator))


def strict_json(path):
    def refuse(name):
        raise AssertionError(f"{name} in {path}")
    return json.loads(path.read_text(), parse_constant=refuse)


class PythonScorer(torch.nn.Module):
    """What the Python balr makes before it loads a file: buffers of these names and types."""

    def __init__(self, scorer):
        super().__init__()
        for name, (shape, dtype) in SHAPES[scorer].items():
            self.register_buffer(name, torch.zeros(shape, dtype=dtype))


@needs_test_data
class Golden(TempTestCase):
    @property
    def golden(self):
        return test_data() / "golden" / "scoring-run"

    def train(self, scorer, out, ranks=0, data="train_ba.csv", **kwargs):
        return run("score", "train", self.golden / data, f"scorer={scorer}", "--save-dir", out, ranks=ranks, **kwargs)

    def test_fits_load_in_python_and_are_the_same_bytes_on_any_number_of_ranks(self):
        for scorer, shapes in SHAPES.items():
            written = set()
            for ranks in by_level((0, 2), (0, 3), (0, 1, 2, 3, 4)):
                out = self.dir / f"{scorer}{ranks}"
                self.train(scorer, out, ranks)
                written.add((out / "scorer.pt").read_bytes() + (out / "scorer.json").read_bytes())
            self.assertEqual(len(written), 1, scorer)
            state = torch.load(out / "scorer.pt", weights_only=True)
            reference = torch.load(self.golden / f"{scorer}-train" / "scorer.pt", weights_only=True)
            PythonScorer(scorer).load_state_dict(state, strict=True)
            self.assertEqual(list(state), list(reference))
            for name, (shape, dtype) in shapes.items():
                self.assertEqual((tuple(state[name].shape), state[name].dtype), (shape, dtype))
                # The program adds the speakers in random order: 3.6e-5 of alpha (golden/README.md, 9).
                torch.testing.assert_close(state[name], reference[name], atol=1e-4 if scorer == "beta" else 1e-6, rtol=0)

    def test_scores_and_metrics_with_the_files_of_the_python_balr(self):
        for scorer in ("beta", "dna", "speech", "maxllr", "cosine"):
            for form in ("single", "multi"):
                if form == "multi" and scorer in ("dna", "speech"):
                    continue
                reference = self.golden / f"{scorer}-{form}"
                arguments = ["score", "test", self.golden / "test_ba.csv", self.golden / f"trials_{form}.csv", f"scorer={scorer}"]
                if scorer != "cosine":
                    arguments.append(f"scorer.checkpoint_path={self.golden / f'{scorer}-train' / 'scorer.pt'}")
                out = self.dir / f"{scorer}-{form}"
                said = run(*arguments, "--save-dir", out, "--bootstrap", "20", ranks=2 if form == "multi" else 0)
                self.assertEqual("scorer.json" in said, scorer != "cosine")  # nobody knows its training speakers
                theirs, ours = read_scores(reference / "scores.csv"), read_scores(out / "scores.csv")
                self.assertEqual(len(ours), 200)
                for a, b in zip(theirs, ours):
                    self.assertEqual((a["enrollment"], a["test"], "ok"), (b["enrollment"], b["test"], b["status"]))
                    self.assertAlmostEqual(float(a["scores"]), float(b["scores"]), delta=5e-5 + 1.3e-4)
                    self.assertEqual("log10_lr" in b, scorer != "cosine")
                    if scorer != "cosine":
                        self.assertAlmostEqual(float(b["log10_lr"]), float(b["scores"]) / math.log(10), places=10)
                metrics, expected = strict_json(out / "metrics.json"), json.loads((reference / "metrics.json").read_text())
                self.assertEqual(list(metrics)[:len(REFERENCE_KEYS)], REFERENCE_KEYS)
                for key in REFERENCE_KEYS:
                    if math.isinf(expected[key]):  # CLLR of dna and speech overflows in float32
                        self.assertAlmostEqual(metrics[key], {"dna": 41.43, "speech": 21.48}[scorer], delta=0.005)
                    else:
                        self.assertAlmostEqual(metrics[key], expected[key], delta=1.3e-4 if "thres" in key else 1e-6, msg=key)
                self.assertEqual((metrics["trials"], metrics["used"], metrics["left_out"]), (200, 200, 0))

    def test_the_form_of_the_python_balr(self):
        checkpoint = f"scorer.checkpoint_path={self.golden / 'maxllr-train' / 'scorer.pt'}"
        out = self.dir / "rounded"
        run("score", "test", self.golden / "test_ba.csv", self.golden / "trials_multi.csv", "scorer=maxllr", checkpoint,
            "--round", "4", "--save-dir", out)
        ours = (out / "scores.csv").read_text().splitlines()
        theirs = (self.golden / "maxllr-multi" / "scores.csv").read_text().splitlines()
        self.assertEqual(ours[0], theirs[0])
        same = sum(a == b for a, b in zip(ours, theirs))
        self.assertGreater(same, 150)  # float32 there: the last digit differs now and then
        for a, b in zip(ours[1:], theirs[1:]):
            self.assertEqual(a.rsplit("\t", 1)[0], b.rsplit("\t", 1)[0])
            self.assertEqual(len(a.rsplit(".", 1)[1]), 4)

    def test_few_speakers_give_numbers(self):
        # The Python balr's alpha is NaN here, its EER 0.0.
        out = self.dir / "few"
        said = run("score", "train", self.golden / "few_ba.csv", "--save-dir", out, expect=65)
        self.assertIn("scorer.n_iterations", said)  # 100 are not enough; nothing is saved
        self.assertFalse(out.exists())
        run("score", "train", self.golden / "few_ba.csv", "--save-dir", out, "scorer.n_iterations=2000")
        self.assertTrue(torch.load(out / "scorer.pt", weights_only=True)["alpha"].isfinite().all())

    def test_a_scorer_without_values_is_refused(self):
        said = run("score", "test", self.golden / "test_ba.csv", self.golden / "trials_single.csv",
                   f"scorer.checkpoint_path={self.golden / 'few-train' / 'scorer.pt'}", "--save-dir", self.dir / "x", expect=65)
        self.assertIn("alpha", said)
        said = run("score", "test", self.golden / "test_ba.csv", self.golden / "trials_single.csv", "scorer=dna",
                   f"scorer.checkpoint_path={self.golden / 'beta-train' / 'scorer.pt'}", "--save-dir", self.dir / "x", expect=65)
        self.assertIn("'alpha' is no part of a dna scorer", said)

    def test_the_same_people_in_training_and_test(self):
        self.train("beta", self.dir / "s")
        rows = [("train00-u0", "train00-u1"), ("train00-u0", "train01-u1")]
        trials = write_csv(self.dir / "t.csv", ("enrollment", "test"), rows)
        arguments = ["score", "test", self.golden / "train_ba.csv", trials, f"scorer.checkpoint_path={self.dir / 's' / 'scorer.pt'}",
                     "--save-dir", self.dir / "out"]
        said = run(*arguments, expect=65)
        self.assertIn("24 speakers", said)
        self.assertIn("--allow-overlap", said)
        self.assertFalse((self.dir / "out").exists())
        self.assertIn("warning", run(*arguments, "--allow-overlap"))


class Synthetic(TempTestCase):
    """60 recordings of 12 speakers, 70 attributes, in a matrix of a .npy."""

    N, SPEAKERS, ATTRIBUTES = 60, 12, 70

    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(3)
        self.p = rng.beta(0.6, 0.6, (self.SPEAKERS, self.ATTRIBUTES))
        self.speaker = np.arange(self.N) % self.SPEAKERS
        self.bits = (rng.random((self.N, self.ATTRIBUTES)) < self.p[self.speaker]).astype("f4")
        self.bits[:, 5] = 0  # a dead attribute
        self.bits[:, 6] = 1
        np.save(self.dir / "m.npy", self.bits)
        self.ids = [f"{i:03d}" for i in range(self.N)]  # numeric, with zeros in front
        self.data = self.csv_of("test.csv", "s")
        self.training = self.csv_of("train.csv", "t", "r")

    def csv_of(self, name, speaker, prefix=""):
        rows = [(prefix + i, f"m.npy#{row}", f"{speaker}{self.speaker[row]:02d}") for row, i in enumerate(self.ids)]
        return write_csv(self.dir / name, ("id", "binary_attributes", "speaker"), rows)

    def train(self, *more, scorer="beta", **kwargs):
        out = self.dir / f"{scorer}-train"
        said = run("score", "train", self.training, f"scorer={scorer}", "--save-dir", out, *more, **kwargs)
        return f"scorer.checkpoint_path={out / 'scorer.pt'}", said

    def write_trials(self, text, name="trials.txt"):
        (self.dir / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return self.dir / name

    def score(self, trials, *more, out="out", **kwargs):
        kwargs.setdefault("ranks", 0)
        return run("score", "test", self.data, trials, "--save-dir", self.dir / out, "--exist-ok", "--bootstrap", "10", *more, **kwargs)

    def beta(self, alpha, e, t):
        """The formula with lgamma, as the Python balr has it."""
        total = 0
        e, t = self.bits[e].sum(0), self.bits[t].sum(0)
        for (a1, a0), e1, t1, ne, nt in zip(alpha, e, t, [len(self.e)] * len(e), [len(self.t)] * len(t)):
            total += math.lgamma(nt + a1 + a0) + math.lgamma(ne + a1 + a0) - math.lgamma(ne + nt + a1 + a0) - math.lgamma(a1 + a0)
            for k, x, y in ((a1, e1, t1), (a0, ne - e1, nt - t1)):
                total += math.lgamma(x + y + k) + math.lgamma(k) - math.lgamma(x + k) - math.lgamma(y + k)
        return total

    def test_scores_are_the_formula(self):
        checkpoint, _ = self.train()
        alpha = torch.load(self.dir / "beta-train" / "scorer.pt", weights_only=True)["alpha"].double().numpy()
        self.assertTrue(np.isfinite(alpha).all())
        sides = [([0], [12]), ([0, 12], [1]), ([3, 15, 27], [39, 51]), ([4], [5])]
        trials = self.write_trials("enrollment\ttest\n" + "".join(
            ",".join(self.ids[i] for i in e) + "\t" + ",".join(self.ids[i] for i in t) + "\n" for e, t in sides))
        self.score(trials, checkpoint)
        for (self.e, self.t), row in zip(sides, read_scores(self.dir / "out" / "scores.csv")):
            self.assertAlmostEqual(float(row["scores"]), self.beta(alpha, self.e, self.t), places=8)
            self.assertEqual(row["label"], str(int(self.speaker[self.e[0]] == self.speaker[self.t[0]])))

    def test_the_same_bytes_on_any_number_of_ranks_and_threads(self):
        checkpoint, _ = self.train()
        rng = np.random.default_rng(5)
        lines = [f"{self.ids[a]}\t{self.ids[b]}" for a, b in rng.integers(0, self.N, (by_level(9000, 30000, 100000), 2))]
        lines[5000] = "zzz\t001"
        trials = self.write_trials("enrollment\ttest\n" + "\n".join(lines) + "\n")
        results = set()
        for ranks, threads in by_level(((0, 1), (3, 2)), ((0, 1), (2, 2), (4, 1)), ((0, 1), (1, 2), (2, 1), (3, 2), (4, 1))):
            self.score(trials, checkpoint, "--allow-missing", "0.01", f"num_threads={threads}", ranks=ranks, out=f"r{ranks}")
            results.add((self.dir / f"r{ranks}" / "scores.csv").read_bytes() + (self.dir / f"r{ranks}" / "metrics.json").read_bytes())
        self.assertEqual(len(results), 1)
        rows = read_scores(self.dir / f"r{ranks}" / "scores.csv")
        self.assertEqual([(r["enrollment"] + "\t" + r["test"]) for r in rows], lines)

    def test_every_layout_gives_the_same_scores(self):
        checkpoint, _ = self.train()
        pairs = [(a, b) for a in range(0, 30, 3) for b in (a + 12, a + 13)]
        label = [int(self.speaker[a] == self.speaker[b]) for a, b in pairs]
        ids = [(self.ids[a], self.ids[b]) for a, b in pairs]
        word = {1: "target", 0: "nontarget"}
        layouts = {
            "tabs": "enrollment\ttest\n" + "".join(f"{a}\t{b}\n" for a, b in ids),
            "swapped": "Test,x,ENROLLMENT\r\n" + "".join(f"{b},?,{a}\r\n" for a, b in ids),
            "no header": "".join(f"{a}\t{b}\n" for a, b in ids),
            "voxceleb": "".join(f"{y} {a} {b}\n" for y, (a, b) in zip(label, ids)),
            "kaldi": "\n".join(f"{a} {b} {word[y]}" for y, (a, b) in zip(label, ids)),
            "balr trials": "enrollment\ttest\tlabel\n" + "".join(f"{a}\t{b}\t{y}\n" for y, (a, b) in zip(label, ids)),
        }
        scores = set()
        for name, text in layouts.items():
            said = self.score(self.write_trials(text), checkpoint)
            self.assertIn("no header line" if name in ("no header", "voxceleb", "kaldi") else ": a header line", said)
            rows = read_scores(self.dir / "out" / "scores.csv", "," if name == "swapped" else "\t")
            self.assertEqual([(r["enrollment"], r["test"]) for r in rows], ids, name)
            self.assertEqual([int(r["label"]) for r in rows], label, name)
            scores.add(tuple(r["scores"] for r in rows))
        self.assertEqual(len(scores), 1)

    def test_hostile_trials(self):
        checkpoint, _ = self.train()
        good = "enrollment\ttest\n001\t013\n001\t002\n"
        cases = [
            (b"", 65, "is empty"),
            (b"\n\n", 65, "is empty"),
            (b"enrollment\ttest\n", 65, "no trials"),
            (b"just one column\n", 65, "no id of its first lines"),
            (b"alone\nalone\n", 65, "not two columns"),
            (b"x\ty\nz\tw\n", 65, "no id of its first lines"),
            (good.encode() + b"001\n", 65, "line 4: has 1 columns"),
            (good.encode() + b"0\x0001\t002\n", 65, "line 4: a NUL byte"),
            (good.encode() + b'"001\t002\n', 65, "line 4: a quoted cell is not closed"),
            (good.encode() + b"001\t" + b"9" * (2 << 20) + b"\n", 65, "longer than 1 MiB"),
            (b"enrollment\ttest\tlabel\n001\t013\t0\n", 65, "line 2: the label says two speakers"),
            (b"enrollment\ttest\tlabel\n001\t002\ttarget\n", 65, "line 2: the label says one speaker"),
            (b"enrollment\ttest\tlabel\n001\t002\tperhaps\n", 65, "'perhaps' is no label"),
            (b"enrollment\ttest\nnope\t001\n", 65, "none of the 1 trials could be scored"),
        ]
        for content, code, text in cases:
            said = self.score(self.write_trials(content), checkpoint, expect=code, out="hostile")
            self.assertIn(text, said)
            self.assertNotIn("Traceback", said)
            self.assertFalse((self.dir / "hostile" / "scores.csv").exists())
        self.score(self.write_trials(b"\xef\xbb\xbf" + good.replace("\n", "\r\n").encode()), checkpoint)

    def test_trials_without_a_score(self):
        checkpoint, _ = self.train()
        # Extraction failed on a row: its cell is empty.
        text = self.data.read_text().replace("002,m.npy#2,", "002,,")
        self.data.write_text(text)
        trials = self.write_trials("enrollment\ttest\n001\t013\n001\t004\n002\t001\n001\tnope\n001,003\t004\n")
        said = self.score(trials, checkpoint, expect=65)
        self.assertIn("--allow-missing", said)
        rows = read_scores(self.dir / "out" / "scores.csv")
        for row, words in zip(rows[2:], (("enrollment", "'002'", "fail"), ("test", "'nope'", "not in"), ("'003'", "another speaker"))):
            self.assertEqual((row["scores"], row["log10_lr"]), ("", ""))
            for word in words:
                self.assertIn(word, row["status"])
        metrics = strict_json(self.dir / "out" / "metrics.json")
        self.assertEqual([metrics[k] for k in ("trials", "used", "left_out", "left_out_unknown_id", "left_out_failed_recording",
                                               "left_out_several_speakers")], [5, 2, 3, 1, 1, 1])
        self.score(trials, checkpoint, "--allow-missing", "0.6")
        self.score(trials, checkpoint, "--allow-missing", "0.59", expect=65)

    def test_one_kind_of_trial_has_no_error_rate(self):
        checkpoint, _ = self.train()
        self.score(self.write_trials("001\t013\n002\t014\n"), checkpoint)
        metrics = strict_json(self.dir / "out" / "metrics.json")
        self.assertIsNone(metrics["EER"])
        self.assertEqual((metrics["targets"], metrics["non_targets"]), (2, 0))

    def test_people_nobody_knows(self):
        checkpoint, _ = self.train()
        rows = [(i, f"m.npy#{row}") for row, i in enumerate(self.ids)]
        self.data = write_csv(self.dir / "case.csv", ("id", "binary_attributes"), rows)
        said = self.score(self.write_trials("001\t013\n"), checkpoint)
        self.assertIn("without metrics", said)
        self.assertNotEqual(read_scores(self.dir / "out" / "scores.csv")[0]["scores"], "")

    def test_what_the_scorer_was_fitted_on_goes_with_it(self):
        self.train("population='men, Dutch'", "propositions=one speaker against two of the population")
        card = strict_json(self.dir / "beta-train" / "scorer.json")
        self.assertEqual((card["scorer"], card["speakers"], card["recordings"]), ("beta", 12, 60))
        self.assertEqual(card["population"], "men, Dutch")
        self.assertEqual(card["constant_attributes"], [5, 6])
        self.assertEqual((self.dir / "beta-train" / "config.yaml").read_text().count("men, Dutch"), 1)

    def test_a_fit_that_has_not_converged_is_not_saved(self):
        _, said = self.train("scorer.n_iterations=2", expect=65)
        self.assertIn("scorer.n_iterations", said)
        self.assertFalse((self.dir / "beta-train").exists())

    def test_results_are_not_overwritten(self):
        for name in ("beta-train", "beta-train2"):
            self.train()
            self.assertTrue((self.dir / name / "scorer.pt").exists())
        self.train("--exist-ok")
        self.assertFalse((self.dir / "beta-train3").exists())

    def test_the_cosine_of_embeddings(self):
        rng = np.random.default_rng(8)
        x = (rng.standard_normal((self.N, 16)) + 3).astype("f4")
        np.save(self.dir / "x.npy", x)
        np.save(self.dir / "dev.npy", dev := (rng.standard_normal((9, 16)) + 3).astype("f4"))
        rows = [(i, f"x.npy#{row}", f"s{self.speaker[row]:02d}") for row, i in enumerate(self.ids)]
        self.data = write_csv(self.dir / "emb.csv", ("id", "embedding", "speaker"), rows)
        sides = [([0], [12]), ([0, 12, 24], [1]), ([1], [3, 15])]
        trials = self.write_trials("".join(
            ",".join(self.ids[i] for i in e) + "\t" + ",".join(self.ids[i] for i in t) + "\n" for e, t in sides))
        for mean in (None, dev.astype("f8").mean(0)):
            more = [f"scorer.mean={self.dir / 'dev.npy'}"] if mean is not None else []
            self.score(trials, "scorer=embedding_cosine", *more, ranks=2)
            z = x.astype("f8") - (0 if mean is None else mean)
            z /= np.linalg.norm(z, axis=1, keepdims=True)
            got = read_scores(self.dir / "out" / "scores.csv")
            self.assertNotIn("log10_lr", got[0])
            for (e, t), row in zip(sides, got):
                a, b = z[e].mean(0), z[t].mean(0)
                self.assertAlmostEqual(float(row["scores"]), a @ b / np.linalg.norm(a) / np.linalg.norm(b), places=12)
        # A row that extraction failed on is told from one that nobody knows.
        self.data.write_text(self.data.read_text().replace("002,x.npy#2,", "002,,"))
        self.score(self.write_trials("002\t013\nnope\t013\n001\t013\n"), "scorer=embedding_cosine", ranks=2, expect=65)
        failed, unknown, good = [row["status"] for row in read_scores(self.dir / "out" / "scores.csv")]
        self.assertIn("'002' failed: no embedding in", failed)
        self.assertIn("'nope' is not in the data set", unknown)
        self.assertEqual(good, "ok")

    def test_explain_takes_the_score_apart(self):
        checkpoint, _ = self.train()
        trials = self.write_trials("enrollment\ttest\n001\t013\n003,015\t004\n")
        self.score(trials, checkpoint)
        scores = [float(r["scores"]) for r in read_scores(self.dir / "out" / "scores.csv")]
        for row, score in enumerate(scores, 1):
            run("explain", self.data, trials, "--row", row, checkpoint, "--save-dir", self.dir / "e")
            e = strict_json(self.dir / "e" / "explanation.json")
            self.assertAlmostEqual(e["score"], score, places=9)
            adds = [c["adds"] for c in e["contributions"]]
            self.assertAlmostEqual(sum(adds), score, places=9)
            self.assertEqual(sorted(c["attribute"] for c in e["contributions"]), list(range(self.ATTRIBUTES)))
            self.assertEqual(adds, sorted(adds, key=abs, reverse=True))
            for c in e["contributions"]:
                self.assertEqual(c["test_active"], self.bits[13 if row == 1 else 4, c["attribute"]])
        said = run("explain", self.data, trials, "--row", 2, "--top", 3, checkpoint)
        self.assertIn("speaker s03", said)
        self.assertIn("67 others add", said)
        self.assertIn("--row", run("explain", self.data, trials, checkpoint, expect=65))
        self.assertIn("no trial 9", run("explain", self.data, trials, "--row", 9, checkpoint, expect=65))


if __name__ == "__main__":
    main()
