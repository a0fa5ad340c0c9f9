"""scikit-learn's side of bench/tabular.sh. CPU seconds, the least of three.

usage: tabular.py logistic DIR COLUMNS TOLERANCE    {"fit": .., "wall": .., "predict": ..} of the rows that bench_logistic left in DIR
       tabular.py make CSV                          100,000 rows of 10 numbers and 5 categories with gaps
       tabular.py impute CSV                        seconds of a ColumnTransformer's fit_transform on them, in memory
"""
import json
import sys
import time

import numpy as np

what, path = sys.argv[1:3]


def least(f):
    best = [9e9, 9e9]
    for _ in range(3):
        cpu, wall = time.process_time(), time.perf_counter()
        result = f()
        best = [min(best[0], time.process_time() - cpu), min(best[1], time.perf_counter() - wall)]
    return best, result


if what == "logistic":
    from sklearn.linear_model import LogisticRegression
    x = np.fromfile(path + "/x.f64").reshape(-1, int(sys.argv[3]))
    y = np.fromfile(path + "/y.i32", np.int32)
    (fit, wall), m = least(lambda: LogisticRegression(tol=float(sys.argv[4]), max_iter=1000).fit(x, y))
    (predict, _), _ = least(lambda: m.predict_proba(x))
    print(json.dumps({"fit": round(fit, 4), "wall": round(wall, 4), "predict": round(predict, 4)}))
elif what == "make":
    import pandas as pd
    r, n = np.random.default_rng(0), 100000
    d = {f"n{j}": np.where(r.random(n) < .1, np.nan, r.normal(size=n).round(4)) for j in range(10)}
    for j in range(5):
        level = np.array([f"level{k}" for k in range(5 + 5 * j)])[r.integers(0, 5 + 5 * j, n)]
        d[f"c{j}"] = np.where(r.random(n) < .1, None, level)
    d["y"] = r.integers(0, 2, n)
    pd.DataFrame(d).to_csv(path, index=False)
else:
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    f = pd.read_csv(path, dtype={f"c{j}": object for j in range(5)})
    t = ColumnTransformer([
        ("n", make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), [f"n{j}" for j in range(10)]),
        ("c", make_pipeline(SimpleImputer(strategy="constant", fill_value="Missing"),
                            OneHotEncoder(min_frequency=.05, handle_unknown="infrequent_if_exist", sparse_output=False)),
         [f"c{j}" for j in range(5)])])
    print(round(least(lambda: t.fit_transform(f))[0][0], 4))
