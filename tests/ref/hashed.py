"""hashed: data that the references and our tests make for themselves, the same on both sides (tests/unit/hashed.h)."""
import numpy as np


def uniform(stream, n):
    """n floats in [-1, 1): splitmix64 of stream * 2^32 + i, the upper 24 bits."""
    with np.errstate(over='ignore'):
        z = np.arange(n, dtype=np.uint64) + np.uint64(stream << 32)
        z = (z + np.uint64(1)) * np.uint64(0x9e3779b97f4a7c15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xbf58476d1ce4e5b9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94d049bb133111eb)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / (1 << 23) - 1
