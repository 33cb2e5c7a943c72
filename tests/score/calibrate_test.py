"""balr score calibrate as users call it: fits, bounds, cross-validation, and what is refused. Numbers are held against
scikit-learn; who is in which set is checked by hand."""
import csv
import hashlib
import itertools
import json
import os
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

BALR = os.path.join(os.environ["BALR_BUILD_DIR"], "balr")
LN10 = np.log(10)


def rows_of(seed, speakers, recordings=2, prefix="s", scale=3.0, shift=1.0):
    """All pairs of the recordings: the score falls with their distance."""
    random = np.random.default_rng(seed)
    names = [(f"{prefix}{s}", f"{prefix}{s}-u{r}") for s in range(speakers) for r in range(recordings)]
    place = {s: random.normal(0, 1, 2) for s, _ in names}
    at = {u: place[s] + random.normal(0, 0.45, 2) for s, u in names}
    return [[a, b, sa, sb, int(sa == sb), shift + scale - 2 * scale * float(np.hypot(*(at[a] - at[b])))]
            for (sa, a), (sb, b) in itertools.combinations(names, 2)]


HEADER = ["enrollment", "test", "enrollment_speaker", "test_speaker", "label", "scores", "log10_lr", "status"]


class Calibrate(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def write(self, name, rows, header=HEADER, separator="\t", scorer=None):
        file = self.folder / name / "scores.csv"
        file.parent.mkdir()
        lines = [separator.join(header)]
        for row in rows:
            cells = dict(zip(HEADER, [*map(str, row[:5]), repr(row[5]) if row[5] is not None else "",
                                      repr(row[5] / LN10) if row[5] is not None else "", "ok" if row[5] is not None else "unknown id"]))
            lines.append(separator.join(cells[h] for h in header))
        file.write_text("\n".join(lines) + "\n")
        if scorer:
            (file.parent / "metrics.json").write_text(json.dumps({"scorer": scorer, "scorer_sha256": hashlib.sha256(scorer.encode()).hexdigest()}))
        return file

    def run_balr(self, *arguments, code=0):
        done = subprocess.run([BALR, "score", "calibrate", *map(str, arguments)], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def table(self, folder, separator="\t"):
        with open(folder / "scores.csv", newline="") as file:
            return list(csv.DictReader(file, delimiter=separator))

    def peer(self, rows):
        scores, labels = np.array([r[5] for r in rows]), np.array([r[4] for r in rows])
        weight = np.where(labels == 1, 0.5 / labels.sum(), 0.5 / (1 - labels).sum()) * len(labels)
        fit = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10000, solver="newton-cholesky").fit(scores[:, None], labels, sample_weight=weight)
        return fit.coef_[0, 0], fit.intercept_[0]

    def test_fit_apply_and_apply_again(self):
        dev, test = rows_of(1, 25, prefix="d"), rows_of(2, 20, prefix="t")
        out = self.folder / "out"
        self.run_balr(self.write("dev", dev, scorer="beta"), self.write("test", test, scorer="beta"), "--save-dir", out, "--plots",
                      "--population", "adult Breton speakers", "--propositions", "same / other speaker", "--bootstrap", "100")
        calibration = json.loads((out / "calibration.json").read_text())
        slope, offset = self.peer(dev)
        self.assertAlmostEqual(calibration["slope"], slope, delta=1e-6)
        self.assertAlmostEqual(calibration["offset"], offset, delta=1e-6)
        origin = calibration["calibration_set"]
        self.assertEqual((origin["speakers"], origin["recordings"], origin["targets"], origin["non_targets"]), (25, 50, 25, 50 * 49 // 2 - 25))
        self.assertEqual(origin["sha256"], hashlib.sha256((self.folder / "dev/scores.csv").read_bytes()).hexdigest())
        self.assertEqual(sorted(origin["speaker_hashes"]), sorted(hashlib.sha256(f"d{i}".encode()).hexdigest()[:16] for i in range(25)))
        self.assertEqual(calibration["population"], "adult Breton speakers")

        lower, upper = calibration["bounds"]["log_lr_lower"], calibration["bounds"]["log_lr_upper"]
        self.assertLess(lower, 0)
        self.assertGreater(upper, 0)
        self.assertLessEqual(upper, np.log(origin["non_targets"] + 1))
        table, cut = self.table(out), {"lower": 0, "upper": 0, "": 0}
        self.assertEqual(len(table), len(test))
        for got, row in zip(table, test):
            raw = calibration["slope"] * row[5] + calibration["offset"]
            self.assertAlmostEqual(float(got["log_lr_raw"]), raw, delta=1e-12)
            self.assertEqual(float(got["log_lr"]), min(max(float(got["log_lr_raw"]), lower), upper))
            self.assertAlmostEqual(float(got["log10_lr"]), float(got["log_lr"]) / LN10, delta=1e-14)
            self.assertAlmostEqual(float(got["log10_lr_raw"]), raw / LN10, delta=1e-12)
            self.assertEqual(got["cut"], "lower" if raw < lower else "upper" if raw > upper else "")
            self.assertEqual([got["enrollment"], got["test"], got["status"]], [row[0], row[1], "ok"])
            cut[got["cut"]] += 1
        metrics = json.loads((out / "metrics.json").read_text())
        self.assertEqual((metrics["cut_below"], metrics["cut_above"]), (cut["lower"], cut["upper"]))
        self.assertGreater(cut["lower"], 0)
        soft = lambda x: np.mean(np.logaddexp(0, x))
        lr = {label: np.array([float(g["log_lr"]) for g, r in zip(table, test) if r[4] == label]) for label in (0, 1)}
        self.assertAlmostEqual(metrics["CLLR"], (soft(-lr[1]) + soft(lr[0])) / (2 * np.log(2)), delta=1e-12)
        self.assertLess(metrics["CLLR"], metrics["CLLR_before_calibration"])
        low, high = metrics["confidence_intervals"]["CLLR"]
        self.assertTrue(low < metrics["CLLR"] < high)
        self.assertEqual(metrics["population"], "adult Breton speakers")
        self.assertAlmostEqual(metrics["empirical_cross_entropy"]["ECE"][6], metrics["CLLR"], delta=1e-12)
        for name in ("det", "tippett", "histogram", "reliability", "ece"):
            xml.parse(out / f"{name}.svg")
        self.assertIn(f"{cut['lower']} cut", (out / "tippett.svg").read_text())

        again = self.folder / "again"  # the file alone gives the same bytes
        self.run_balr(out / "calibration.json", self.folder / "test/scores.csv", "--save-dir", again, "--plots", "--bootstrap", "100")
        for name in ("scores.csv", "metrics.json", "tippett.svg", "det.svg"):
            self.assertEqual((again / name).read_bytes(), (out / name).read_bytes(), name)
        self.assertFalse((again / "calibration.json").exists())

    def test_calibrated_scores_can_be_calibrated_once_more_and_commas_and_lists_of_ids_survive(self):
        header = ["test", "scores", "enrollment", "label", "test_speaker", "enrollment_speaker", "status"]
        dev = rows_of(3, 25, prefix="d")
        test = [[f"{a},{a}x", b, *rest] for a, b, *rest in rows_of(4, 15, prefix="t")]
        test = [[f'"{row[0]}"', *row[1:]] for row in test]
        out = self.folder / "out"
        self.run_balr(self.write("dev", dev, header, ","), self.write("test", test, header, ","), "--save-dir", out, "--bootstrap", "0")
        self.assertEqual(self.table(out, ",")[0]["enrollment"], test[0][0].strip('"'))
        self.assertIsNone(json.loads((out / "metrics.json").read_text())["CLLR_before_calibration"])  # no log10_lr: no LRs
        self.run_balr(out / "calibration.json", out / "scores.csv", "--save-dir", self.folder / "twice", "--bootstrap", "0")
        self.assertEqual((self.folder / "twice/scores.csv").read_bytes(), (out / "scores.csv").read_bytes())

    def test_people_in_both_sets_are_refused(self):
        dev, test = rows_of(1, 25, prefix="d"), rows_of(2, 20, prefix="t")
        file, out = self.write("dev", dev), self.folder / "out"
        self.assertIn("25 speakers", self.run_balr(file, file, "--save-dir", out, code=65))
        one_speaker = [[r[0], r[1], *("d3" if s == "t3" else s for s in r[2:4]), *r[4:]] for r in test]
        self.assertIn("1 speaker (d3)", self.run_balr(file, self.write("speaker", one_speaker), "--save-dir", out, code=65))
        one_file = [["d3-u1" if u == "t3-u1" else u for u in r[:2]] + r[2:] for r in test]
        self.assertIn("1 recording (d3-u1)", self.run_balr(file, self.write("recording", one_file), "--save-dir", out, code=65))
        listed = [[f"x,{r[0]}".replace("t3-u1", "d3-u1"), *r[1:]] for r in test]
        self.assertIn("1 recording (d3-u1)", self.run_balr(file, self.write("listed", listed), "--save-dir", out, code=65))
        nameless = self.write("nameless", test, ["enrollment", "test", "label", "scores", "status"])
        self.assertIn("does not say who speaks", self.run_balr(file, nameless, "--save-dir", out, code=65))
        self.assertFalse(out.exists())
        self.assertIn("look better", self.run_balr(file, file, "--save-dir", out, "--allow-overlap", "--bootstrap", "0"))
        self.run_balr(file, nameless, "--save-dir", self.folder / "o2", "--allow-overlap", "--bootstrap", "0")
        # Through the calibration file too.
        self.assertIn("25 speakers", self.run_balr(out / "calibration.json", file, "--save-dir", self.folder / "o3", code=65))

    def test_casework_trials_without_labels(self):
        dev = self.write("dev", rows_of(1, 25, prefix="d"))
        case = [[*r[:2], "", "", "", r[5]] for r in rows_of(2, 4, prefix="c")]
        case[1][5] = None  # a trial without a score keeps its line
        out = self.folder / "out"
        self.assertIn("no metrics.json", self.run_balr(dev, self.write("case", case), "--save-dir", out))
        table = self.table(out)
        self.assertEqual(len(table), len(case))
        self.assertEqual([table[1][c] for c in ("log_lr_raw", "log_lr", "log10_lr_raw", "log10_lr", "cut", "status")], ["", "", "", "", "", "unknown id"])
        self.assertNotEqual(table[0]["log10_lr"], "")

    def test_cross_validation_leaves_both_speakers_out(self):
        rows, out = rows_of(5, 14), self.folder / "out"
        self.run_balr(self.write("set", rows), "--cross-validate", "speakers", "--save-dir", out, "--bounds", "none", "--bootstrap", "50")
        table = self.table(out)
        for i in range(0, len(rows), 37):
            pair = set(rows[i][2:4])
            slope, offset = self.peer([r for r in rows if not pair & set(r[2:4])])
            self.assertAlmostEqual(float(table[i]["log_lr_raw"]), slope * rows[i][5] + offset, delta=1e-5)
            self.assertEqual(table[i]["log_lr"], table[i]["log_lr_raw"])
        metrics = json.loads((out / "metrics.json").read_text())
        self.assertTrue(metrics["cross_validated"])
        self.assertEqual(metrics["bounds"], "none")
        self.assertGreaterEqual(metrics["CLLR"], json.loads((out / "calibration.json").read_text())["calibration_set"]["CLLR"])
        # Regularised, and with bounds of the folds: reported log-LRs are weaker.
        weak = self.folder / "weak"
        self.run_balr(self.folder / "set/scores.csv", "--cross-validate", "speakers", "--regularization", "5", "--save-dir", weak, "--bootstrap", "0")
        self.assertLess(max(abs(float(r["log_lr"])) for r in self.table(weak)), max(abs(float(r["log_lr"])) for r in table))

    def test_what_cannot_be_is_said(self):
        dev, out = rows_of(1, 25, prefix="d"), self.folder / "out"
        file = self.write("dev", dev, scorer="beta")
        other = self.write("other", rows_of(2, 9, prefix="t"), scorer="maxllr")
        self.assertIn("another scorer", self.run_balr(file, other, "--save-dir", out, code=65))
        separate = self.write("separate", [[*r[:5], 5.0 + r[4] * 10 + 0.001 * i] for i, r in enumerate(rows_of(3, 9))])
        self.assertIn("--regularization", self.run_balr(separate, "--save-dir", out, code=65))
        self.assertFalse(out.exists())
        self.run_balr(separate, "--save-dir", out, "--regularization", "1")
        self.assertIn("no different-speaker", self.run_balr(self.write("one", [r for r in dev if r[4]]), "--save-dir", out, code=65))
        wrong = [list(r) for r in dev]
        wrong[7][4] = 1 - wrong[7][4]
        self.assertIn("line 9: the label contradicts", self.run_balr(self.write("wrong", wrong), "--save-dir", out, code=65))
        for name, text, said in (("empty", "", "is empty"), ("columns", "a\tb\nx\ty\n", "no column `scores`"),
                                 ("nan", "enrollment\ttest\tscores\na\tb\tnan\n", "line 2"), ("words", "enrollment\ttest\tscores\na\tb\tlow\n", "line 2"),
                                 ("short", "enrollment\ttest\tscores\na\tb\n", "line 2: has 2 columns"), ("json", "{}", "format"), ("broken", "{", "format")):
            bad = self.folder / name
            bad.write_text(text)
            self.assertIn(said, self.run_balr(bad, file, "--save-dir", out, code=65), name)
        calibration = json.loads((out / "calibration.json").read_text())
        for key, value in (("slope", -1), ("slope", None), ("offset", "x"), ("format", "other"), ("bounds", {"method": "magic"}), ("calibration_set", {})):
            bad = self.folder / "bad.json"
            bad.write_text(json.dumps({**calibration, key: value}))
            self.run_balr(bad, file, "--save-dir", out, code=65)
        self.assertIn("scores.csv to calibrate", self.run_balr(out / "calibration.json", "--save-dir", out, code=2))
        self.run_balr(file, other, "--cross-validate", "speakers", code=2)
        self.run_balr(file, "--prior", "1", code=2)
        self.run_balr(file, "--bounds", "wide", code=2)
        self.run_balr(file, self.folder / "absent", code=2)

    def test_infinite_scores(self):
        dev, test = rows_of(1, 25, prefix="d"), rows_of(2, 20, prefix="t")
        same = next(i for i, r in enumerate(dev) if r[4])
        certain = [list(r) for r in dev]
        certain[same][5] = float("inf")
        test[0][5], test[1][5] = float("-inf"), float("inf")
        out = self.folder / "out"
        self.run_balr(self.write("certain", certain), self.write("test", test), "--save-dir", out, "--plots", "--bootstrap", "50")
        table = self.table(out)
        self.assertEqual([table[0]["log_lr_raw"], table[0]["cut"], table[1]["log_lr_raw"], table[1]["cut"]], ["-inf", "lower", "inf", "upper"])
        self.assertTrue(all(np.isfinite(float(r["log_lr"])) for r in table))
        free = self.folder / "free"
        self.run_balr(self.folder / "certain/scores.csv", self.folder / "test/scores.csv", "--save-dir", free, "--plots", "--bounds", "none", "--bootstrap", "50")
        metrics = json.loads((free / "metrics.json").read_text())
        self.assertEqual(metrics["CLLR"], "Infinity" if any(r[4] == k for r, k in ((test[0], 1), (test[1], 0))) else metrics["CLLR"])
        certain[same][5] = float("-inf")
        self.assertIn("-inf", self.run_balr(self.write("mistaken", certain), "--save-dir", self.folder / "o", code=65))

    def test_what_score_test_writes(self):
        """The whole way with real scorers: attributes, scorer, scores, calibration on one set, test on another."""
        random, places = np.random.default_rng(7), {}
        for name, speakers in (("train", 30), ("dev", 16), ("test", 12)):
            lines = ["id,binary_attributes,speaker"]
            for s in range(speakers):
                p = 1 / (1 + np.exp(-random.normal(0, 1.7, 48)))
                for r in range(4):
                    bits = (random.random(48) < p).astype(float)
                    np.savetxt(self.folder / f"{name}{s}-{r}_ba.txt", np.stack([bits, 1 - bits], 1))
                    lines.append(f"{name}{s}-{r},{name}{s}-{r}_ba.txt,{name}{s}")
            places[name] = self.folder / f"{name}.csv"
            places[name].write_text("\n".join(lines) + "\n")

        def balr(*arguments):
            done = subprocess.run([BALR, *map(str, arguments)], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)

        balr("score", "train", places["train"], "scorer=beta", "--save-dir", self.folder / "scorer")
        for scorer in ("beta", "cosine"):
            checkpoint = [f"scorer.checkpoint_path={self.folder / 'scorer/scorer.pt'}"] if scorer == "beta" else []
            for name in ("dev", "test"):
                balr("trials", places[name], "--all", "--seed", "1", "--out", self.folder / f"{name}-{scorer}.tsv")
                balr("score", "test", places[name], self.folder / f"{name}-{scorer}.tsv", f"scorer={scorer}", *checkpoint,
                     "--save-dir", self.folder / f"{name}-{scorer}", "--bootstrap", "0")
            out = self.folder / f"lr-{scorer}"
            self.run_balr(self.folder / f"dev-{scorer}/scores.csv", self.folder / f"test-{scorer}/scores.csv", "--save-dir", out, "--plots", "--bootstrap", "50")
            before = json.loads((self.folder / f"test-{scorer}/metrics.json").read_text())
            after = json.loads((out / "metrics.json").read_text())
            self.assertEqual((after["trials"], after["targets"], after["speakers_of_the_test"]), (48 * 47 // 2, 12 * 6, 12))
            self.assertEqual(after["scorer"], before["scorer"])
            self.assertLess(after["CLLR"], 1)
            if scorer == "beta":  # its scores are LRs
                self.assertAlmostEqual(after["CLLR_before_calibration"], before["CLLR"], delta=1e-12)
            else:
                self.assertIsNone(after["CLLR_before_calibration"])
        self.assertIn("another scorer", self.run_balr(self.folder / "lr-beta/calibration.json", self.folder / "test-cosine/scores.csv", code=65))

    def test_an_earlier_result_is_kept(self):
        file, out = self.write("dev", rows_of(1, 25)), self.folder / "out"
        self.run_balr(file, "--save-dir", out)
        first = (out / "calibration.json").read_bytes()
        self.run_balr(file, "--save-dir", out, "--prior", "0.1")
        self.assertEqual((out / "calibration.json").read_bytes(), first)
        self.assertTrue((self.folder / "out2/calibration.json").exists())
        self.run_balr(file, "--save-dir", out, "--prior", "0.1", "--exist-ok")
        self.assertNotEqual((out / "calibration.json").read_bytes(), first)


if __name__ == "__main__":
    unittest.main(verbosity=2)
