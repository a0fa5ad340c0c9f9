"""import: read a CSV with pandas' C parser and write its columns to HDF5. usage: import.py IN.csv OUT.h5"""
import sys
import h5py
import pandas as pd

frame = pd.read_csv(sys.argv[1], dtype={"designation": str, "description": str, "brand": str, "condition": str})
with h5py.File(sys.argv[2], "w") as f:
    for name, column in frame.items():
        if column.dtype == object:
            f.create_dataset(str(name), data=column.fillna("").tolist(), dtype=h5py.string_dtype())
        else:
            f.create_dataset(str(name), data=column.to_numpy())
