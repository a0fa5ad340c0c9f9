"""columns: a table file (docs/formats.md) as h5py alone sees it, for the tests."""


def texts(group):
    text, offsets = group["bytes"][:].tobytes(), group["offsets"][:]
    return [text[i:j].decode() for i, j in zip(offsets[:-1], offsets[1:])]


def column(c):
    """The values of a column, None where there is none."""
    if c.attrs["type"] == "string":
        values = texts(c)
    elif c.attrs["type"] == "category":
        levels = texts(c["levels"])
        values = [levels[i] if i >= 0 else "" for i in c["values"][:]]
    else:
        values = c["values"][:].tolist()
    valid = c["valid"][:] if "valid" in c else [1] * len(values)
    return [v if ok else None for v, ok in zip(values, valid)]
