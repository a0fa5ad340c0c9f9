"""pictures: decode and resize a folder to 64x64 RGB with Pillow in two processes, write HDF5. usage: pictures.py DIR OUT.h5"""
import os
import sys
from concurrent.futures import ProcessPoolExecutor
import h5py
import numpy as np
from PIL import Image


def one(path):
    try:
        picture = Image.open(path)
        picture.draft("RGB", (64, 64))
        return np.asarray(picture.convert("RGB").resize((64, 64), Image.BOX))
    except OSError:
        return np.zeros((64, 64, 3), np.uint8)


if __name__ == "__main__":
    paths = sorted(os.path.join(sys.argv[1], n) for n in os.listdir(sys.argv[1]))
    with ProcessPoolExecutor(2) as pool, h5py.File(sys.argv[2], "w") as f:
        f.create_dataset("pixels", data=np.stack(list(pool.map(one, paths, chunksize=64))))
