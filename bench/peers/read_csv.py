"""read_csv: read a file with pandas' C engine, every column typed, and print the CPU seconds of read_csv alone (the least of three)
and the peak memory of the process in MB. usage: read_csv.py X.csv"""
import resource
import sys
import time
import pandas as pd

types = {0: "int64", "designation": str, "description": str, "productid": str, "imageid": str, "price": "float64",
         "brand": "category"}
best = 1e9
for _ in range(3):
    start = time.process_time()
    frame = pd.read_csv(sys.argv[1], dtype=types, engine="c")
    best = min(best, time.process_time() - start)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 if _ == 0 else memory
    del frame
print(f"{best:.3f} {memory:.1f}")
