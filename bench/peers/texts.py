"""texts: a CSV file of N products whose words have the frequencies of a language (Zipf), with tags, references, accents and
capitals as shops write them; and a file of French stop words. usage: texts.py OUT.csv N STOPWORDS"""
import csv
import random
import sys

r = random.Random(7)
onset = "b c d f g l m n p r s t v ch bl br cr dr fl gr pl pr tr qu gn j".split() + [""]
nucleus = "a e i o u é è ê ou ai oi eau an en on in eu ie".split()
coda = ["", "", "", "", *"r s l n t que re le ment tion ge x ille age ée ure".split()]
stop = "de la le et pour en avec les des un une du à sur par dans est l d ou au plus votre ce".split()
words, seen = list(stop), set(stop)
while len(words) < 60000:
    w = "".join(r.choice(onset) + r.choice(nucleus) for _ in range(r.randint(1, 3))) + r.choice(coda)
    if w not in seen and len(w) > 1:
        seen.add(w)
        words.append(w)
weights, total = [], 0
for i in range(len(words)):
    total += 1 / (i + 1) ** 1.05
    weights.append(total)
entity = ["&nbsp;", "&eacute;", "&amp;", "&#39;", "&egrave;", "&agrave;", "&quot;", "&lt;", "&deg;"]


def draw(n):
    return r.choices(words, cum_weights=weights, k=n)


def sentence(n):
    s = " ".join(draw(n)).capitalize()
    return s.replace(" ", ", ", 1) if r.random() < 0.2 else s + " " + r.choice(entity) if r.random() < 0.1 else s


with open(sys.argv[1], "w", newline="", encoding="utf-8") as f:
    out = csv.writer(f)
    out.writerow(["row", "title", "description"])
    for i in range(int(sys.argv[2])):
        text = ""
        if r.random() > 0.3:
            n, html, parts = min(1800, max(4, int(r.lognormvariate(4.55, 0.85)))), r.random() < 0.55, []
            while n > 0:
                k = r.randint(5, 22)
                parts.append(sentence(k))
                n -= k
            text = "<p>" + ".<br /><b>".join(parts) + "</b></p>" if html else ". ".join(parts)
        out.writerow([i, sentence(min(35, max(3, int(r.gauss(11, 4.5))))), text])
with open(sys.argv[3], "w", encoding="utf-8") as f:
    f.write("\n".join(stop))
