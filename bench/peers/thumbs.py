"""thumbs: decode the pictures of a folder and resize them to SIZE x SIZE RGB by area, in one process: with Pillow at the scale that
its draft() finds, with Pillow or OpenCV in full. usage: thumbs.py draft|pillow|opencv DIR SIZE [MOST]. Prints pictures per second
of CPU time, the best of three."""
import os
import sys
import time


def pillow(path):
    picture = Image.open(path)
    if how == "draft":
        picture.draft("RGB", (size, size))
    return np.asarray(picture.convert("RGB").resize((size, size), Image.BOX))


def opencv(path):
    picture = cv2.imread(path, cv2.IMREAD_COLOR)
    return cv2.cvtColor(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)


how, size = sys.argv[1], int(sys.argv[3])
if how == "opencv":
    import cv2
    cv2.setNumThreads(1)
    one, bad = opencv, cv2.error
else:
    import numpy as np
    from PIL import Image
    one, bad = pillow, OSError
paths = [os.path.join(sys.argv[2], n) for n in sorted(os.listdir(sys.argv[2]))]
paths = paths[:int(sys.argv[4])] if len(sys.argv) > 4 else paths
best = 0
for _ in range(3):
    start = time.process_time()
    for path in paths:
        try:
            one(path)
        except bad:
            pass
    best = max(best, len(paths) / (time.process_time() - start))
print(round(best))
