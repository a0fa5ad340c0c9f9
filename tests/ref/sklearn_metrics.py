"""sklearn_metrics: figures of scikit-learn and scipy on small cases: what tests/unit/test_figures.c holds ours against.
Scores are steps of 1/64 of a hash, so that many are equal. Not needed to run the tests.

usage: /usr/bin/python3 tests/ref/sklearn_metrics.py >tests/ref/sklearn_metrics.h"""
import numpy as np
from scipy.stats import permutation_test, spearmanr
from sklearn.calibration import calibration_curve
from sklearn.metrics import (average_precision_score, brier_score_loss, max_error, mean_absolute_error, mean_squared_error,
                             precision_recall_curve, r2_score, roc_auc_score, roc_curve)

from hashed import uniform


def listed(values):
    return "{ " + ", ".join(f"{float(v):.17g}" for v in values) + " }"


def ranked(case, n, noise):
    """Scores in [0, 1] by 1/64, and labels that follow them the less the more noise there is."""
    score = np.floor((uniform(2 * case, n) + 1) * 32) / 64
    return score, (score + noise * uniform(2 * case + 1, n) > .6).astype(int)


print("/* Made by tests/ref/sklearn_metrics.py, figures of scikit-learn and scipy. */")
print("static const struct ranking rankings[] = {")
for case, (n, noise) in enumerate([(40, .8), (500, .5), (500, 3.)]):
    s, y = ranked(case, n, noise)
    false, true, _ = roc_curve(y, s, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(y, s)
    share, said = calibration_curve(y, s, n_bins=10)
    print(f"    {{ {n}, {noise}, {roc_auc_score(y, s):.17g}, {average_precision_score(y, s):.17g}, {brier_score_loss(y, s):.17g}, "
          f"{len(false)}, {listed([false.sum(), true.sum(), precision.sum()])}, {listed(said)}, {listed(share)} }},")
print("};\nstatic const struct estimate estimates[] = {")
for case, (n, noise) in enumerate([(30, .3), (400, 1.), (400, 4.)]):
    truth = np.round(uniform(100 + 2 * case, n) * 20)
    found = (truth + noise * 10 * uniform(101 + 2 * case, n)).astype(np.float32)
    print(f"    {{ {n}, {noise}, " + ", ".join(f"{v:.17g}" for v in (
        r2_score(truth, found), mean_absolute_error(truth, found), mean_squared_error(truth, found, squared=False),
        max_error(truth, found), (found - truth).mean(), spearmanr(truth, found)[0])) + " },")
print("};\nstatic const struct pairing pairings[] = {")
for case, (n, shift, right) in enumerate([(12, .2, False), (12, -.6, False), (60, .3, True), (60, -.5, True)]):
    d = uniform(200 + case, n) + shift
    if right:
        d = np.sign(np.round(d))
    p = [permutation_test((d,), lambda x, axis: x.mean(axis), permutation_type="samples", alternative=a,
                          n_resamples=1 << 13 if not right else 10).pvalue for a in ("two-sided", "less")]
    if right:  # the exact binomial test of the signs
        from scipy.stats import binomtest
        p = [binomtest(int((d > 0).sum()), int((d != 0).sum()), alternative=a).pvalue for a in ("two-sided", "less")]
    print(f"    {{ {n}, {shift}, {int(right)}, {d.mean():.17g}, {p[0]:.17g}, {p[1]:.17g} }},")
print("};")
