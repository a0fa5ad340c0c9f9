"""text: the words of a refit.table, as preprocess_text makes them: HTML, NFKC with case folding, words of letters and digits,
French stop words, numbers in order of first appearance. One process. usage: text.py python|sklearn TABLE.h5 OUT.h5 [STOPWORDS]
Prints documents per second without the time of starting Python and its imports."""
import html
import re
import sys
import time
import unicodedata
import h5py
import numpy as np

tag = re.compile(r"<[^>]*>")
word = re.compile(r"[^\W_]+")


def texts(group):
    b, o = group["bytes"][:].tobytes(), group["offsets"][:]
    return [b[i:j].decode() for i, j in zip(o[:-1], o[1:])]


def clean(text):
    if "<" in text or "&" in text:
        text = html.unescape(tag.sub(" ", text))
    return unicodedata.normalize("NFKC", text).casefold()


def by_hand(docs, stop):
    number, ids, offsets = {}, [], [0]
    for d in docs:
        for w in word.findall(clean(d)):
            if w not in stop:
                ids.append(number.setdefault(w, len(number)))
        offsets.append(len(ids))
    return number, ids, offsets


def sklearn(docs, stop):
    x = CountVectorizer(preprocessor=clean, token_pattern=r"(?u)[^\W_]+", stop_words=sorted(stop))
    m = x.fit_transform(docs)
    return x.vocabulary_, m.indices, m.indptr


if __name__ == "__main__":
    if sys.argv[1] == "sklearn":
        from sklearn.feature_extraction.text import CountVectorizer
    stop = set(open(sys.argv[4]).read().split()) if len(sys.argv) > 4 else set()
    best = 0
    for _ in range(3):
        start = time.process_time()
        with h5py.File(sys.argv[2]) as f:
            t = f[f.attrs["main"]]
            docs = [" ".join(d) for d in zip(*(texts(t[c]) for c in t.attrs["text"]))]
        number, ids, offsets = (sklearn if sys.argv[1] == "sklearn" else by_hand)(docs, stop)
        with h5py.File(sys.argv[3], "w") as f:
            words = [w.encode() for w in number]
            f["words"] = np.frombuffer(b"".join(words), np.uint8)
            f["word_offsets"] = np.cumsum([0] + [len(w) for w in words])
            f["ids"] = np.asarray(ids, np.int32)
            f["offsets"] = np.asarray(offsets, np.int64)
        best = max(best, len(docs) / (time.process_time() - start))
    print(round(best))
