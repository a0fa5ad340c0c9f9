"""sklearn_logistic: coefficients by scikit-learn's LogisticRegression on small cases: what tests/unit/test_logistic.c
holds the family against. Rows are a hash of their numbers, so that both sides have the same. newton-cholesky for two
classes, newton-cg for more, saga for L1, each run to the end of its precision: lbfgs stops on the value and is off by
1e-4. Not needed to run the tests.

usage: /usr/bin/python3 tests/ref/sklearn_logistic.py >tests/ref/sklearn_logistic.h"""
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression

from hashed import uniform

warnings.filterwarnings("ignore")  # "did not converge": no step made the value smaller

#        name        rows  columns  classes  C    penalty  balanced
CASES = [("two",      300, 6,  2, 1.0,   "l2", False),
         ("strong",   300, 6,  2, .0005, "l2", False),
         ("balanced", 300, 6,  2, 1.0,   "l2", True),
         ("wide",     40,  90, 2, 1.0,   "l2", False),
         ("weak",     300, 6,  2, 1e4,   "l2", False),
         ("four",     500, 5,  4, 1.0,   "l2", False),
         ("unequal",  500, 5,  4, 2.0,   "l2", True),
         ("lasso",    300, 8,  2, .1,    "l1", False),
         ("lasso3",   300, 8,  3, .1,    "l1", False)]


def rows(case, n, d, classes):
    """Columns of unequal scale, and the class of the largest of as many noisy linear functions."""
    x = uniform(2 * case, n * d).reshape(n, d) * (1 + np.arange(d) % 3)
    score = uniform(2 * case + 1, n * classes).reshape(n, classes) * 2
    for k in range(classes):
        for j in range(d):
            score[:, k] += x[:, j] * ((7 * j + 3 * k) % 5 - 2) * 0.25
    score[:, 0] += 0.5
    return x, score.argmax(1)


print("/* Made by tests/ref/sklearn_logistic.py, scikit-learn's coefficients and intercepts. */")
print("static const struct reference references[] = {")
for case, (name, n, d, classes, c, penalty, balanced) in enumerate(CASES):
    x, y = rows(case, n, d, classes)
    solver = "saga" if penalty == "l1" else "newton-cholesky" if classes == 2 else "newton-cg"
    m = LogisticRegression(C=c, penalty=penalty, solver=solver, tol=1e-14, max_iter=200000, random_state=0,
                           multi_class="auto" if classes == 2 else "multinomial",
                           class_weight="balanced" if balanced else None).fit(x, y)
    numbers = ", ".join(f"{v:.17g}" for v in np.hstack([m.coef_, m.intercept_[:, None]]).ravel())
    print(f'    {{ "{name}", {n}, {d}, {classes}, {c!r}, {int(penalty == "l1")}, {int(balanced)},\n'
          f'      (const double[]){{ {numbers} }} }},')
print("};")
