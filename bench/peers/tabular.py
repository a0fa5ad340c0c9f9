"""scikit-learn's side of bench/tabular.sh. CPU seconds, the least of three.

usage: tabular.py logistic DIR COLUMNS TOLERANCE    {"fit": .., "wall": .., "predict": .., "gradient": ..} of the rows that bench_logistic
                                                    left in DIR; gradient: largest item, of the mean over the rows, where it ended
       tabular.py make CSV                          100,000 rows of 20 numbers and 10 categories with gaps
       tabular.py impute CSV                        {"memory": .., "file": ..} a ColumnTransformer's fit_transform on them; and with the
                                                    frame read (pickle) and the matrix written (npy)
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
    p, w = m.predict_proba(x)[:, 1], m.coef_[0]
    gradient = max(abs(x.T @ (p - y) + w).max(), abs((p - y).sum())) / len(y)
    print(json.dumps({"fit": round(fit, 4), "wall": round(wall, 4), "predict": round(predict, 4), "gradient": format(gradient, ".9f")}))
elif what == "make":
    import pandas as pd
    r, n = np.random.default_rng(0), 100000
    d = {f"n{j}": np.where(r.random(n) < .1, np.nan, r.normal(size=n).round(4)) for j in range(20)}
    for j in range(10):
        level = np.array([f"level{k}" for k in range(4 + 2 * j)])[r.integers(0, 4 + 2 * j, n)]
        d[f"c{j}"] = np.where(r.random(n) < .1, None, level)
    d["y"] = r.integers(0, 2, n)
    pd.DataFrame(d).to_csv(path, index=False)
else:
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    f = pd.read_csv(path, dtype={f"c{j}": object for j in range(10)})
    f.to_pickle(path + ".pkl")
    t = ColumnTransformer([
        ("n", make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), [f"n{j}" for j in range(20)]),
        ("c", make_pipeline(SimpleImputer(strategy="constant", fill_value="Missing"),
                            OneHotEncoder(min_frequency=.05, handle_unknown="infrequent_if_exist", sparse_output=False)),
         [f"c{j}" for j in range(10)])])
    memory = least(lambda: t.fit_transform(f))[0][0]
    file = least(lambda: np.save(path + ".npy", t.fit_transform(pd.read_pickle(path + ".pkl"))))[0][0]
    print(json.dumps({"memory": round(memory, 4), "file": round(file, 4)}))
