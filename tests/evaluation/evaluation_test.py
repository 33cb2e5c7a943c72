"""The evaluation module's numbers, held against scikit-learn, scipy and lir (Netherlands Forensic Institute)."""
import json
import os
import subprocess
import unittest
import warnings

import numpy as np
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, det_curve, f1_score, matthews_corrcoef, precision_score, recall_score

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from lir.algorithms.bayeserror import elub
    from lir.data.models import LLRData
    from lir.metrics import cllr, cllr_min
    from lir.plotting.expected_calibration_error import calculate_ece

TOOL = os.path.join(os.environ["BALR_BUILD_DIR"], "tests/evaluation/evaluation_tool")
CASES = {"quick": 12, "ci": 40, "full": 400}[os.environ.get("BALR_TEST_LEVEL", "quick")]


def evaluate(scores, labels, prior=0.5, kappa=0.0, df=0):
    text = "".join(f"{int(t)} {float(s)!r}\n" for s, t in zip(scores, labels))
    out = subprocess.run([TOOL, repr(prior), repr(kappa), str(df)], input=text, capture_output=True, text=True, check=True)
    return json.loads(out.stdout)


def cases():
    """Calibrated, over-confident, under-confident and shifted scores; few and many; with ties in every other one."""
    for seed in range(CASES):
        random = np.random.default_rng(seed)
        targets, others = int(random.integers(15, 200)), int(random.integers(15, 600))
        m = random.uniform(0.5, 2)
        scores = np.concatenate([random.normal(m, np.sqrt(2 * m), targets), random.normal(-m, np.sqrt(2 * m), others)])
        scores = scores * random.uniform(0.3, 2) + random.normal(0, 0.5)
        if seed % 2:
            scores = np.round(scores, 1)
        yield seed, scores, np.concatenate([np.ones(targets, int), np.zeros(others, int)])


class Evaluation(unittest.TestCase):
    def test_reference_metrics_against_scikit_learn(self):
        for seed, scores, labels in cases():
            got = evaluate(scores, labels)["metrics"]
            decided = scores > got["threshold"]
            tn, fp, fn, tp = confusion_matrix(labels, decided).ravel()
            self.assertEqual((got["TP"], got["TN"], got["FP"], got["FN"]), (tp, tn, fp, fn), seed)
            for name, value in (("precision", precision_score(labels, decided)), ("recall", recall_score(labels, decided)),
                                ("F-score", f1_score(labels, decided)), ("MCC", matthews_corrcoef(labels, decided))):
                self.assertAlmostEqual(got[name], value, delta=1e-8, msg=(seed, name))
            # Every threshold's rates; scikit-learn decides by >=, so its curve has one point more.
            far, frr, _ = det_curve(labels, scores)
            far, frr = np.append(far, 0.0), np.append(frr, 1.0)
            best = np.min(np.abs(far - frr))
            self.assertAlmostEqual(abs(got["FP"] / (tn + fp) - got["FN"] / (tp + fn)), best, delta=1e-12)
            self.assertTrue(np.any(np.isclose((far + frr)[np.abs(far - frr) < best + 1e-12] / 2, got["EER"], atol=1e-12)), seed)

    def test_min_dcf_against_scikit_learns_det_curve(self):
        for seed, scores, labels in cases():
            got = evaluate(scores, labels)["min_dcf"]
            far, frr, _ = det_curve(labels, scores)
            far, frr = np.concatenate([[1.0], far, [0.0]]), np.concatenate([[0.0], frr, [1.0]])
            for cost, prior in zip(got, (0.01, 0.001, 0.5)):
                self.assertAlmostEqual(cost, np.min(prior * frr + (1 - prior) * far) / min(prior, 1 - prior), delta=1e-9, msg=seed)

    def test_pav_against_scikit_learn(self):
        for seed, scores, labels in cases():
            got = evaluate(scores, labels)["pav"]
            fitted = IsotonicRegression(out_of_bounds="clip").fit(scores, labels).predict(scores)
            share = np.full(len(scores), np.nan)
            for low, high, targets, others in got:
                share[(scores >= low) & (scores <= high)] = targets / (targets + others)
            np.testing.assert_allclose(share, fitted, atol=1e-9, err_msg=str(seed))

    def test_cllr_and_ece_against_lir(self):
        for seed, scores, labels in cases():
            got = evaluate(scores, labels)
            data = LLRData(features=scores / np.log(10), labels=labels)
            self.assertAlmostEqual(got["metrics"]["CLLR"], cllr(data), delta=1e-9, msg=seed)
            self.assertAlmostEqual(got["min_cllr"], cllr_min(data), delta=1e-9, msg=seed)
            priors = 1 / (1 + np.exp(-np.array([-3.0, 0.0, 2.0])))
            ece = calculate_ece(np.exp(scores), labels, priors)
            neutral = calculate_ece(np.ones(len(scores)), labels, priors)
            np.testing.assert_allclose([row[0] for row in got["ece"]], ece, rtol=1e-9)
            np.testing.assert_allclose([row[2] for row in got["ece"]], neutral, rtol=1e-9)

    def test_elub_against_lir(self):
        """lir steps outwards by 0.01 and takes the last good step; here the end is solved for."""
        clipped = 0
        for seed, scores, labels in cases():
            lower, upper = np.array(evaluate(scores, labels)["elub"]) / np.log(10)
            their_lower, their_upper = elub(scores / np.log(10), labels, add_misleading=1)
            # lir never looks at steps beyond the data, rounded outwards to a whole step.
            self.assertLessEqual(their_upper, upper + 0.0101, seed)
            self.assertGreaterEqual(their_upper, upper - 0.0101, seed)
            self.assertLessEqual(their_lower, lower + 0.0101, seed)
            self.assertGreaterEqual(their_lower, lower - 0.0101, seed)
            clipped += upper > 0 and lower < 0
        self.assertGreater(clipped, CASES // 2)

    def test_calibration_against_scikit_learn(self):
        """Prior-weighted logistic regression is one with sample weights, whose offset is then freed of the prior."""
        for seed, scores, labels in cases():
            for prior in (0.5, 0.05):
                got = evaluate(scores, labels, prior)["fit"]
                weight = np.where(labels == 1, prior / labels.sum(), (1 - prior) / (1 - labels).sum())
                peer = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10000, solver="newton-cholesky")
                peer.fit(scores[:, None], labels, sample_weight=weight * len(labels))
                self.assertAlmostEqual(got[0], peer.coef_[0, 0], delta=1e-6, msg=seed)
                self.assertAlmostEqual(got[1], peer.intercept_[0] - np.log(prior / (1 - prior)), delta=1e-6, msg=seed)

    def test_regularised_calibration_against_scikit_learn(self):
        """Morrison and Poh's pseudo-data: each score once more with both labels, at weight kappa / (2 df)."""
        for seed, scores, labels in cases():
            kappa, df, count = 2.0, 20, len(labels)
            got = evaluate(scores, labels, 0.5, kappa, df)["fit"]
            share = labels.mean()
            weight = np.concatenate([np.where(labels == 1, 0.5 / share, 0.5 / (1 - share)), np.full(2 * count, kappa / (2 * df))])
            peer = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10000, solver="newton-cholesky")
            peer.fit(np.concatenate([scores] * 3)[:, None], np.concatenate([labels, np.ones(count), np.zeros(count)]), sample_weight=weight)
            self.assertAlmostEqual(got[0], peer.coef_[0, 0], delta=1e-6, msg=seed)
            self.assertAlmostEqual(got[1], peer.intercept_[0], delta=1e-6, msg=seed)

    def test_calibration_minimises_cllr(self):
        """At prior 0.5 the objective is the CLLR: no other line has a lower one (scipy's search over lir's CLLR)."""
        for seed, scores, labels in list(cases())[:6]:
            slope, offset = evaluate(scores, labels)["fit"]

            def cost(line):
                return cllr(LLRData(features=(line[0] * scores + line[1]) / np.log(10), labels=labels))

            peer = minimize(cost, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000})
            self.assertAlmostEqual(cost([slope, offset]), peer.fun, delta=1e-9, msg=seed)
            self.assertAlmostEqual(slope, peer.x[0], delta=1e-3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
