#!/bin/bash
# impute_scale with a plan: options of single columns, against numpy.
. "$(dirname "$0")/tap.sh"
/usr/bin/python3 - <<'P'
import random
random.seed(3)
with open("t.csv", "w") as f:
    f.write("id,y,group,town,amount,size,when,flat,late\n")
    for i in range(400):
        group, town = random.choice("abc"), random.choice(["Ash", "Birk", "Cove", "Dell"] + (["Elm"] if i % 40 == 0 else []))
        amount = "" if random.random() < .2 else f"{random.lognormvariate('abc'.index(group), 1):.6f}"
        size = "" if i % 7 == 0 else random.randint(1, 6)
        when = "" if i % 50 == 3 else f"20{random.randint(10, 29)}-{random.randint(1, 12):02}-{random.randint(1, 28):02} {random.randint(0, 23):02}:30"
        y = int(random.random() < {"Ash": .8, "Birk": .3}.get(town, .5))
        f.write(f"{i},{y},{group},{town},{amount},{size},{when},5,{'Zed' if i == 399 else 'Ann'}\n")
P
cat >s.yaml <<'Y'
schema: 1
tables:
  t:
    file: t.csv
    key: id
    columns: {id: int, y: category, group: category, town: category, amount: float, size: int, when: date, flat: float, late: category}
label: y
features: [group, town, amount, size, when, flat, late]
Y
"$L/import" --source t.csv --schema s.yaml --table t.h5 2>import.log || cat import.log
"$L/split" --table t.h5 --split split.h5 --method random --train 0.75 --validation 0 --test 0.25 --seed 1 2>/dev/null
impute() { "$L/impute_scale" --table t.h5 --split split.h5 --features f.h5 "$@"; }
plan() { { echo "plan: 1"; echo "columns:"; sed 's/^/  /'; } >plan.yaml; impute --plan plan.yaml "$@"; }
cat >common.py <<'P'
import h5py, numpy as np
with h5py.File("t.h5") as t, h5py.File("f.h5") as f, h5py.File("split.h5") as s:
    train = s["split/side"][()] == 0
    g = f["features/names"]; b, o = bytes(g["bytes"][()]), g["offsets"][()]
    names = [b[o[i]:o[i + 1]].decode() for i in range(len(o) - 1)]
    x = dict(zip(names, f["features/values"][()].T))
    def number(c): v = t["t/" + c + "/values"][()].astype(float); k = "t/" + c + "/valid"; return np.where(t[k][()] == 1 if k in t else True, v, np.nan)
    def category(c):
        l = t["t/" + c + "/levels"]; b, o = bytes(l["bytes"][()]), l["offsets"][()]
        l = np.array([b[o[i]:o[i + 1]].decode() for i in range(len(o) - 1)]); return l[t["t/" + c + "/values"][()]]
    amount, size, when, group, town, y = number("amount"), number("size"), number("when"), category("group"), category("town"), category("y") == "1"
def near(name, want, tolerance=1e-9): assert np.allclose(x[name], want, rtol=tolerance, atol=tolerance), (name, abs(x[name] - want).max())
P
python() { { cat common.py; cat; } | /usr/bin/python3 -; }

plan <<'Y' 2>log; ok 'a gap by group, min-max and robust scales, the most frequent number' python <<'P'
amount: {group: group, scale: min_max, indicators: false}
size: {number_missing: most_frequent, scale: robust, indicators: true}
flat: {scale: robust}
Y
a = amount.copy()
for g in "abc":
    a[np.isnan(amount) & (group == g)] = np.nanmedian(amount[train & (group == g)])
near("amount", (a - a[train].min()) / (a[train].max() - a[train].min()))
v, n = np.unique(size[train & ~np.isnan(size)], return_counts=True)
b = np.where(np.isnan(size), v[n.argmax()], size)
q = np.percentile(b[train], [25, 50, 75])
near("size", (b - q[1]) / (q[2] - q[0]))
near("size missing", np.isnan(size))
near("flat", np.zeros(400))
assert "amount missing" not in x
P
plan <<'Y' 2>log; ok 'Box-Cox, logarithms, quantiles' python <<'P'
amount: {transform: box_cox, scale: none, indicators: false}
size: {transform: quantile, scale: none, indicators: false}
Y
a = np.where(np.isnan(amount), np.nanmedian(amount[train]), amount)
t0 = amount[train & ~np.isnan(amount)]
def bc(v, l): return np.log(v) if abs(l) < 1e-12 else (v ** l - 1) / l
def fit(l): return (l - 1) * np.log(t0).sum() - len(t0) / 2 * np.log(bc(t0, l).var())
grid = np.linspace(-1, 1, 20001)
best = grid[np.argmax([fit(l) for l in grid])]
near("amount", bc(a, best), 2e-3)
b = np.where(np.isnan(size), np.nanmedian(size[train]), size)
t1 = size[train & ~np.isnan(size)]
ref = np.linspace(0, 1, len(t1)); q = np.sort(t1)
w = .5 * (np.interp(b, q, ref) - np.interp(-b, -q[::-1], -ref[::-1]))
w[b == q[-1]] = 1; w[b == q[0]] = 0
near("size", w)
P
plan <<'Y' 2>log; ok 'parts of dates, ordinal and count encodings' python <<'P'
when: {parts: [year, month, day, weekday, hour], scale: none}
group: {encode: ordinal, scale: none}
town: {encode: count, scale: none, rare_below: 0.05, rare_label: Few}
Y
import datetime
d = [datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=v) for v in when[~np.isnan(when)].tolist()]
for part, of in [("year", lambda v: v.year), ("month", lambda v: v.month), ("day", lambda v: v.day), ("weekday", lambda v: v.weekday()), ("hour", lambda v: v.hour)]:
    p = np.full(400, np.nan); p[~np.isnan(when)] = [of(v) for v in d]
    near("when." + part, np.where(np.isnan(p), np.nanmedian(p[train]), p))
near("when missing", np.isnan(when))
assert sum(n.endswith(" missing") for n in names) == 3, names
near("group", [("abc").index(v) for v in group])
few = np.where([(train & (town == v)).sum() < .05 * train.sum() for v in town], "Few", town)
near("town", [(few[train] == v).mean() for v in few])
P
has 'a date is one feature, whatever its parts' "$("$L/impute_scale" --explain-state f.h5)" '15 columns of 7 features'
plan <<'Y' 2>log; ok 'a target encoding, of training rows out of fold' python <<'P'
town: {encode: target, scale: none}
Y
rows = np.flatnonzero(train)
def code(own, rows): return (y[rows][town[rows] == own].sum() + 10 * y[rows].mean()) / ((town[rows] == own).sum() + 10)
want = np.array([code(v, rows) for v in town])
for k, i in enumerate(rows):
    want[i] = code(town[i], rows[np.arange(len(rows)) % 5 != k % 5])
near("town", want)
P
ok 'the state is printed' "$L/impute_scale" --explain-state f.h5
has 'with what each level becomes' "$out" 'town: target of 5 levels'
cp f.h5 once.h5; run impute --plan plan.yaml --threads 1
same 'the same plan gives the same bytes' once.h5 f.h5

ok 'features are dropped' impute --drop when --drop town --drop late
is 'and leave no column' "$("$L/impute_scale" --explain-state f.h5 | grep -c '^when\|^town')" 0
ok 'or the only ones kept' impute --keep amount
has 'and nothing else' "$("$L/impute_scale" --explain-state f.h5)" '2 columns of 1 features'

refuses 'a feature that is not there is refused' 65 "did you mean 'amount'?" impute --drop amuont
refuses 'also in a plan' 65 "no feature 'towm'" plan <<<'towm: {encode: count}'
refuses 'an unknown option of a column is refused with its place' 64 'plan.yaml:3:' plan <<<'town: {encodes: count}'
refuses 'an unknown encoding too' 64 "'hash' is not one of" plan <<<'town: {encode: hash}'
refuses 'a logarithm of nothing is refused with its row' 65 'has no logarithm' plan <<<'amount: {transform: log, number_missing: zero}'
refuses 'a group that is no category is refused' 65 'which is no category' plan <<<'amount: {group: size}'
refuses 'parts of what is no date are refused' 65 'no date' plan <<<'amount: {parts: [year]}'
refuses 'an option of numbers for a category is refused with its place' 65 "plan.yaml:3:21: transform is for numbers, column 'town' is category" \
    plan <<<'town: {transform: log}'
refuses 'one of categories for a number, too' 65 "encode is for categories, column 'size' is int" plan <<<'size: {encode: target}'
refuses 'and for a date' 65 "category_missing is for categories, column 'when' is date" plan <<<'when: {category_missing: never}'
refuses 'columns of an encoding that has none' 64 'one_hot: the column is encoded as target' plan <<<'town: {encode: target, one_hot: drop_last}'
refuses 'a label of rare levels that nothing makes rare' 64 'rare_label wants a rare_below' plan <<<'town: {rare_label: Few}'
refuses 'no parts at all' 64 'the list is empty' plan <<<'when: {parts: []}'
refuses '--drop and --keep together are refused' 64 'want one of them' impute --drop when --keep amount
refuses 'a file without a state is refused' 65 'refit.features' "$L/impute_scale" --explain-state t.h5

# ---- bad input
/usr/bin/python3 - <<'P'
with open("bad.csv", "w") as f:
    f.write("y,many,one,none,big,split\n")
    for i in range(3000):
        f.write(f"{i % 2 if i % 7 else ''},code{i},5,,{9223372036854775808 if i == 1 else i},{'train' if i < 2000 else 'test'}\n")
P
cat >bad.yaml <<'Y'
schema: 1
tables:
  t: {file: bad.csv, columns: {y: category, many: category, one: float, none: float, big: int, split: category}}
label: y
features: [many, one, none, big]
Y
ok 'a whole number over 64 bits is a reject, not another number' "$L/import" --source bad.csv --schema bad.yaml --table bad.h5
has 'and said' "$err" '1 not a whole number'
"$L/split" --table bad.h5 --split badsplit.h5 --method column --column split --train_value train --test_value test --validation 0 2>/dev/null
bad() { "$L/impute_scale" --table bad.h5 --split badsplit.h5 --features b.h5 "$@"; }
ok 'thousands of levels, a constant column, one without values, a target with gaps' bad --encode target
has 'the column without values is left out' "$err" "'none' is left out"
ok 'levels that only test rows have get the mean of all, the constant is 0' /usr/bin/python3 - <<'P'
import h5py, numpy as np
with h5py.File("b.h5") as f:
    x = f["features/values"][()]
    assert x.shape[1] >= 3 and np.isfinite(x).all()
    assert np.ptp(x[2000:, 0]) == 0 and (x[:, 1] == 0).all()
P
ok 'a row of zeros is left where every level is new' bad --rare_below 0 --drop one --drop none --drop big --scale none
is 'for every test row' "$(/usr/bin/python3 -c 'import h5py; x = h5py.File("b.h5")["features/values"]; print(x[2000:].sum(), x[:2000].sum(), x.shape[1])')" '0.0 1714.0 1714'
finish
