"""trees.py prepare DIR | extra|classes|boost THREADS TREES DIR: scikit-learn's trees on the matrix that bench_trees reads. Prints CPU
seconds of fit and predict (the least of three), and the most memory used in MB."""
import resource
import sys
import time

import numpy as np

what, folder = sys.argv[1], sys.argv[-1]
if what == "prepare":
    r = np.random.default_rng(1)
    x = r.standard_normal((100000, 30))
    y = np.sin(x[:, :10]).sum(1) + x[:, 0] * x[:, 1] + 0.5 * r.standard_normal(len(x))
    x.tofile(folder + "/x.bin")
    y.tofile(folder + "/y.bin")
    sys.exit()
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, HistGradientBoostingRegressor

threads, n = int(sys.argv[2]), int(sys.argv[3])
x = np.fromfile(folder + "/x.bin").reshape(-1, 30).astype(np.float32)
y = np.fromfile(folder + "/y.bin")
if what == "extra":
    model = ExtraTreesRegressor(n, n_jobs=threads, random_state=1)
elif what == "classes":
    model, y = ExtraTreesClassifier(n, n_jobs=threads, random_state=1), y > 0
else:
    model = HistGradientBoostingRegressor(max_iter=n, early_stopping=False)
t = time.process_time()
model.fit(x, y)
fit = time.process_time() - t
predict = model.predict_proba if what == "classes" else model.predict
least = float("inf")
for _ in range(3):
    t = time.process_time()
    predict(x)
    least = min(least, time.process_time() - t)
print(f"{fit:.3f} {least:.4f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}")
