"""walk_trees.py MODEL FEATURES TABLE SPLIT METRICS: go down the trees of a model file as docs/formats.md says, with the test rows of a
table that miss values, and hold accuracy and loss against those of evaluate."""
import json
import sys

import h5py
import numpy as np

model, features, table, split, metrics = sys.argv[1:]
with h5py.File(model) as m, h5py.File(features) as f, h5py.File(table) as t, h5py.File(split) as s:
    boosts, trees = m.attrs["family"] == "boosting", {name: values[()] for name, values in m["trees"].items()}
    test = s["split/side"][()] == 2
    x = f["features/values"][()].astype(np.float32)[test]
    y = t["passengers/survived/values"][()].astype(int)[test]
total, gaps_left = np.zeros((len(x), len(trees["base"]))) + trees["base"], 0
for k, root in enumerate(trees["first_node"][:-1]):
    for i, row in enumerate(x):
        at = root
        while (feature := trees["feature"][at]) >= 0:
            value = row[feature & 0xfffffff]
            left = bool(feature >> 30 & 1) if np.isnan(value) else value <= trees["threshold"][at]
            gaps_left += np.isnan(value) and left
            at = root + trees["child"][at] + (not left)
        if boosts:
            total[i, 0] += trees["threshold"][at]
        elif feature >> 29 & 1:
            total[i, trees["child"][at]] += 1
        else:
            total[i] += trees["shares"][trees["first_share"][k] + trees["child"][at]]
p = 1 / (1 + np.exp(-total[:, 0])) if boosts else total[:, 1] / (len(trees["first_node"]) - 1)
found = json.load(open(metrics))
loss = -np.log(np.clip(np.where(y, p, 1 - p), 1e-15, 1)).mean()
assert np.isnan(x).any() and gaps_left, "no gap is on its way to the left"
assert abs(found["accuracy"] - ((p > .5) == y).mean()) < 1e-9, found["accuracy"]
assert abs(found["loss"] - loss) < 1e-6, (found["loss"], loss)
