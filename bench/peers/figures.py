"""scikit-learn's side of bench/figures.sh, on the splits that ours were drawn with: DIR has s0.h5, s1.h5 ... (refit.split).

usage: figures.py titanic CSV DIR    per C: mean accuracy and AUC over the splits; everything from the raw file, by pandas; then those
                                     of HistGradientBoostingClassifier on the matrices g0.h5 ...
       figures.py bike DIR           mean R2 of ExtraTreesRegressor(100) over the splits, on the matrices f0.h5 ... of DIR/t.h5
       figures.py ours DIR NAME KEY...   means of KEY over NAME0.json ...; with numpy alone
"""
import glob
import json
import sys

import h5py
import numpy as np


def splits(directory):
    n = len(glob.glob(directory + "/s*.h5"))
    for k in range(n):
        with h5py.File(f"{directory}/s{k}.h5") as f:
            yield k, f["split/side"][()]


def prepared(t, train):
    """Impute, encode, scale as pipelines/titanic.yaml does, from the training rows alone."""
    from sklearn.preprocessing import StandardScaler
    import pandas as pd
    t, columns = t.copy(), {}
    for c in ["pclass", "age", "sibsp", "parch", "fare"]:
        if t[c][train].isna().any():
            columns[c + " missing"] = t[c].isna().astype(float)
        columns[c] = t[c].fillna(t[c][train].median())
    for c in ["sex", "embarked", "cabin", "title"]:
        level = t[c].fillna("Missing")
        share = level[train].value_counts(normalize=True)
        level = level.where(level.isin(share.index[share >= .05]), "Rare")
        for one in sorted(set(level[train]))[:-1]:
            columns[f"{c}={one}"] = (level == one).astype(float)
    x = pd.DataFrame(columns).to_numpy()
    return StandardScaler().fit(x[train]).transform(x)


def titanic(path, directory):
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, roc_auc_score
    t = pd.read_csv(path, na_values="?")
    t["cabin"] = t.cabin.str[0]
    t["title"] = t.name.str.extract("(Mrs|Mr|Miss|Master)")[0].fillna("Other")
    found = []
    for k, side in splits(directory):
        train, test = side == 0, side == 2
        x = prepared(t, train)
        with h5py.File(f"{directory}/g{k}.h5") as f:
            g = f["features/values"][()]
        models = [(LogisticRegression(C=c, tol=1e-8, max_iter=10000), x) for c in (1, .0005)]
        models.append((HistGradientBoostingClassifier(max_iter=60, learning_rate=.08, max_leaf_nodes=8, early_stopping=False), g))
        found.append([])
        for m, columns in models:
            p = m.fit(columns[train], t.survived[train]).predict_proba(columns[test])[:, 1]
            found[-1].append((accuracy_score(t.survived[test], p > .5), roc_auc_score(t.survived[test], p)))
    for accuracy, auc in np.mean(found, 0).round(5):
        print(accuracy, auc)


def bike(directory):
    from sklearn.ensemble import ExtraTreesRegressor
    with h5py.File(directory + "/t.h5") as f:
        y = f["hours/cnt/values"][()].astype(float)
    r2 = []
    for k, side in splits(directory):
        with h5py.File(f"{directory}/f{k}.h5") as f:
            x = f["features/values"][()]
        m = ExtraTreesRegressor(100, random_state=k, n_jobs=2).fit(x[side == 0], y[side == 0])
        r2.append(m.score(x[side == 2], y[side == 2]))
    print(round(np.mean(r2), 5))


def ours(directory, name, *keys):
    m = [json.load(open(f)) for f in glob.glob(f"{directory}/{name}[0-9]*.json")]
    print(*[round(float(np.mean([one[k] for one in m])), 5) for k in keys])


{"titanic": titanic, "bike": bike, "ours": ours}[sys.argv[1]](*sys.argv[2:])
