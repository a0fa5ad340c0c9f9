"""thumbs: decode the JPEG files of a folder at the scale that Pillow's draft() finds, resize them to SIZE x SIZE RGB. One process.
usage: thumbs.py DIR SIZE. Prints pictures per second of CPU time, the best of three."""
import os
import sys
import time
import numpy as np
from PIL import Image

size = int(sys.argv[2])
paths = [os.path.join(sys.argv[1], n) for n in sorted(os.listdir(sys.argv[1]))]
best = 0
for _ in range(3):
    start = time.process_time()
    for path in paths:
        try:
            picture = Image.open(path)
            picture.draft("RGB", (size, size))
            np.asarray(picture.convert("RGB").resize((size, size), Image.BOX))
        except OSError:
            pass
    best = max(best, len(paths) / (time.process_time() - start))
print(round(best))
