"""sklearn_trees: predictions and importances of scikit-learn's decision trees on small cases: what tests/unit/test_tree_reference.c
holds ours against, the best of all thresholds of all columns. Rows are a hash of their numbers, so that both sides have the same.
Not needed to run the tests.

usage: /usr/bin/python3 tests/ref/sklearn_trees.py >tests/ref/sklearn_trees.h"""
import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from hashed import uniform

ROWS, COLUMNS, NEW = 400, 6, 20

#        name                 criterion        classes depth leaf split weighted
CASES = [("mse",              "squared_error", 0,      5,    4,   2,    False),
         ("mse, weights",     "squared_error", 0,      5,    4,   2,    True),
         ("mse, large nodes", "squared_error", 0,      None, 8,   60,   False),
         ("gini, weights",    "gini",          3,      5,    6,   2,    True),
         ("entropy, weights", "entropy",       3,      5,    6,   2,    True),
         ("gini",             "gini",          2,      4,    9,   2,    False),
         ("entropy",          "entropy",       2,      None, 9,   80,   False)]

print("/* Made by tests/ref/sklearn_trees.py: of every row a number, or the shares of the classes. */")
print("static const struct reference references[] = {")
for case, (name, criterion, classes, depth, leaf, split, weighted) in enumerate(CASES):
    x = uniform(4 * case, (ROWS + NEW) * COLUMNS).reshape(-1, COLUMNS)
    y = np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.3 * uniform(4 * case + 1, ROWS + NEW)
    if classes:
        y = (y > 0).astype(int) + ((y > 0.6) if classes > 2 else 0)
    weight = 1.5 + uniform(4 * case + 2, ROWS) if weighted else None
    kind = DecisionTreeClassifier if classes else DecisionTreeRegressor
    m = kind(criterion=criterion, max_depth=depth, min_samples_leaf=leaf, min_samples_split=split, random_state=0)
    m.fit(x[:ROWS], y[:ROWS], sample_weight=weight)
    p = m.predict_proba(x[ROWS:]) if classes else m.predict(x[ROWS:])
    print(f'    {{ "{name}", {["squared_error", "gini", "entropy"].index(criterion)}, {classes}, {depth or 0}, {leaf}, {split}, '
          f'{int(weighted)}, {m.get_depth()}, {m.tree_.node_count},\n'
          f'      (const double[]){{ {", ".join(f"{v:.12g}" for v in m.feature_importances_)} }},\n'
          f'      (const double[]){{ {", ".join(f"{v:.9g}" for v in p.ravel())} }} }},')
print("};")
