#!/bin/bash
# A number is learnt, estimated, judged and published from a YAML; which one is said on the command line.
. "$(dirname "$0")/tap.sh"
/usr/bin/python3 -c 'import h5py' 2>/dev/null || skip_all 'python3-h5py is not there'
ok 'the committed counts can be made again' "$B/data/rides" --out again.csv
same 'they are what the generator makes by default, byte for byte' again.csv "$top/data/bike.csv"
mkdir -p data/schemas pipelines && cp "$top/data/bike.csv" data/ && cp "$top/data/schemas/bike.yaml" data/schemas/ &&
    cp "$top/pipelines/bike.yaml" pipelines/
go() { refit run -f pipelines/bike.yaml --profile ci "$@"; }
w=work/bike

ok 'the pipeline file is valid' refit validate -f pipelines/bike.yaml
ok 'import to upload' go
[ $rc -eq 0 ] || { cat .refit/runs/*/*.log | tail -40 | sed 's/^/# /'; finish; exit 1; }
has 'hours without a count are told' "$(cat .refit/runs/*/split.1.log)" 'unused'
has 'the model is current' "$(cat work/ci/registry/bike_cnt/current.json)" '"version": "1"'
cp $w/metrics.json first.json
ok 'the figures are those of a walk down the trees in numpy, as docs/formats.md has them' /usr/bin/python3 - <<'P'
import h5py, json, numpy as np
m = json.load(open("first.json"))
with h5py.File("work/bike/table.h5") as t, h5py.File("work/bike/split.h5") as s, h5py.File("work/bike/features.h5") as f, \
        h5py.File("work/bike/model.h5") as h:
    side, y, known = s["split/side"][()], t["hours/cnt/values"][()].astype(float), t["hours/cnt/valid"][()] == 1
    x = f["features/values"][()].astype(np.float32)[side == 2]
    first, feature, child, threshold = (h["trees/" + k][()] for k in ("first_node", "feature", "child", "threshold"))
assert m["n"] == len(x) == ((side == 2) & known).sum() and (side[~known] == 255).all() and (~known).any()
found = np.zeros(len(x))
for begin in first[:-1]:
    at = np.full(len(x), begin)
    while (feature[at] >= 0).any():  # bit 31: a leaf
        inner = feature[at] >= 0
        right = x[np.arange(len(x)), np.where(inner, feature[at] & 0xfffffff, 0)] > threshold[at]
        at = np.where(inner, begin + child[at] + right, at)
    found += threshold[at] / (len(first) - 1)
truth, off = y[side == 2], found - y[side == 2]
def rank(v):
    order, r = np.argsort(v, kind="stable"), np.empty(len(v))
    r[order] = np.arange(len(v))
    return np.array([r[v == one].mean() for one in v])
want = {"r2": 1 - (off ** 2).sum() / ((truth - truth.mean()) ** 2).sum(), "mae": abs(off).mean(), "bias": off.mean(),
        "rmse": (off ** 2).mean() ** .5, "max_error": abs(off).max(), "train_mean": y[side == 0].mean(),
        "spearman": np.corrcoef(rank(truth), rank(found.astype(np.float32)))[0, 1]}
for key, value in want.items():
    assert abs(m[key] - value) < 2e-5 * max(1, abs(value)), (key, m[key], value)
assert m["kind"] == "extra_trees" and m["target"] == "cnt" and m["r2"] > .9, m["r2"]
assert m["permutation"][0]["column"] == "hr" and len(m["permutation"]) == 12
assert abs(sum(c["share"] for c in m["importances"]) - 1) < 1e-9
assert abs(m["error_quantiles"][1]["below"] - np.quantile(abs(off), .9)) < 1e-3
P
has 'the page has the residuals' "$(cat $w/report.html)" 'Residuals'
run grep -cE 'https?:|src=|href=|<script|url\(|[^a-z]nan[^a-z]' $w/report.html
is 'and needs nothing from outside' "$out" 0

has 'the first model has no champion to beat' "$(cat .refit/runs/*/gate.1.log)" 'there is no champion to compare with'
ok 'now it is the champion itself' go
is 'and is judged against it' "$(ls .refit/runs/*/evaluate.1.log | wc -l)" 2
same 'the figures stay' $w/metrics.json first.json
has 'nothing is packed or published anew' "$out$err" '2 done, 6 reused'
ok 'then all is settled' go
has 'nothing is to do' "$out$err" 'nothing to do'
run go -p train.trees=20 -p train.max_depth=9
is 'a model that is worse, and not by chance, does not pass the gate' "$rc" 3
has 'which says how often chance would make it so' "$out$err" 'champion.p_worse > 0.05  FAIL'
has 'though its figures alone would do' "$out$err" 'r2 > 0.75                ok'

ok 'another number is learnt because the command line says so' go -p target=casual
has 'it is the one that is judged' "$(cat $w/metrics.json)" '"target": "casual"'
has 'and has a name of its own in the registry' "$(ls work/ci/registry)" 'bike_casual'
refuses 'a target that is not there is refused, with the nearest name' 1 "did you mean 'casual'" go -p target=casua
run go -p train.min_leaf=400
is 'back to the first number, a model that says little does not pass the gate' "$rc" 3
has 'which says so' "$out$err" 'r2 > 0.75'

# ---- evaluate by hand
E=$L/evaluate data="--table $w/table.h5 --split $w/split.h5"
learn() { "$L/train" $data --features "${F:-$w/features.h5}" --target "${T:-cnt}" --model "$@"; }
evaluate() { "$E" $data --features $w/features.h5 --metrics m.json --report m.html --comparison c.json "$@"; }
get() { /usr/bin/python3 -c "import json; m = json.load(open('m.json')); c = json.load(open('c.json'))['champion']; print($1)"; }
learn trees.h5 --family extra_trees --trees 20 2>/dev/null
learn boost.h5 --family boosting 2>/dev/null
learn poor.h5 --family extra_trees --trees 2 --max_depth 2 2>/dev/null
ok 'a number has other models and a champion beside it' evaluate --model trees.h5 --others boost.h5 --champion poor.h5
is 'the champion is behind, and not by chance' "$(get 'c["difference"] > 20 and c["p_value"] < .001')" True
is 'it stands in the comparison alone' "$(get 'sorted(m["models"])')" "['boosting', 'extra_trees']"
is 'another one has the same test' "$(get '0 <= m["models"]["boosting"]["p_value"] <= 1')" True
is 'it is not the new model that is worse' "$(get 'c["p_worse"] > .999')" True
cp m.json two.json; cp c.json three.json
ok 'one thread' evaluate --model trees.h5 --others boost.h5 --champion poor.h5 --threads 1
same 'finds the same, byte for byte' m.json two.json
same 'in the comparison, too' c.json three.json
ok 'a model against itself' evaluate --model trees.h5 --champion trees.h5
is 'is not behind' "$(get '(c["difference"], c["p_value"])')" '(0.0, 1.0)'
ok 'nothing is shuffled where nobody asks for it' evaluate --model trees.h5 --shuffles 0
is 'and nothing is told of it' "$(get '"permutation" in m')" False
"$L/impute_scale" $data --features other.h5 --target cnt --scale standard 2>/dev/null
F=other.h5 learn scaled.h5 --family extra_trees --trees 20 2>/dev/null
ok 'a champion whose columns were fitted otherwise' evaluate --model trees.h5 --champion scaled.h5
has 'makes them of the table' "$err" "'scaled.h5': its feature columns were fitted on other rows"
is 'and is as good' "$(get 'c["r2"] > .9')" True
T=season learn classes.h5 --family extra_trees 2>/dev/null
refuses 'a champion that tells classes apart is none' 65 "'classes.h5' has 4 classes, the model 0" evaluate --model trees.h5 --champion classes.h5
ok 'a number that is a feature else' "$L/impute_scale" $data --features temp.h5 --target temp
has 'is none where it is learnt' "$err" 'of 11 features'
T=casual learn casual.h5 --family extra_trees --trees 2 2>/dev/null
refuses 'nor one of another number' 65 "'casual.h5' predicts 'casual', the model 'cnt'" evaluate --model trees.h5 --champion casual.h5
refuses 'a champion without room for its figures' 64 'its figures go to --comparison' "$E" $data --features $w/features.h5 --metrics m.json \
    --report m.html --model trees.h5 --champion trees.h5
echo '{}' >none.json
refuses 'a comparison that is none' 65 "'none.json' has no 'champion'" "$L/gate" --metrics m.json --comparison none.json --require 'r2 > 0'
refuses 'a rule about a champion without a comparison' 98 "no metric 'champion.p_worse'; --comparison would have it" "$L/gate" --metrics m.json --require 'champion.p_worse > 0.05'
T=temp learn leak.h5 --family extra_trees --trees 2 2>leak
has 'a target among the feature columns is a warning' "$(cat leak)" "the feature columns hold 'temp', what is to be learnt"

# ---- bad targets
cat >own.yaml <<'Y'
schema: 1
tables:
  own: {file: "*.csv", columns: {y: float, class: category, side: category, a: float, b: float}}
label: y
Y
table() { # ROWS...: y,class,side,a,b
    printf '%s\n' y,class,side,a,b "$@" >own.csv
    rm -f s.h5 f.h5
    "$L/import" --source own.csv --schema own.yaml --table t.h5 --max_reject_share 1 && "$L/impute_scale" --table t.h5 --features f.h5
} 2>log
own() { # TARGET FAMILY: split by the column, learn, evaluate
    "$L/split" --table t.h5 --split s.h5 --target "$1" --method column --column side --validation 0 &&
        "$L/train" --table t.h5 --features f.h5 --split s.h5 --target "$1" --family "$2" --trees 5 --model m.h5 &&
        "$E" --table t.h5 --features f.h5 --split s.h5 --model m.h5 --metrics m.json --report m.html
}
r() { for i in 1 2 3 4 5 6; do echo "$i,$([ $((i % 2)) = 0 ] && echo u || echo v),train,$i,$((i * i))"; done; }
table $(r) inf,u,train,7,1 1e999,u,train,7,2 -inf,v,test,8,1 9,u,test,9,3 ,v,test,4,4 7,w,test,4,5
has 'infinities are no numbers: import keeps them out' "$(cat log)" 'reject'
ok 'a target with gaps and infinities is learnt from the rest' own y extra_trees
is 'and judged on the rows that have it' "$(get 'm["n"]')" 2
ok 'a class that only the test rows have' own class extra_trees
is 'is left out and counted' "$(get '(m["n"], m["unknown_rows"])')" '(3, 1)'
table $(r) 9,u,test,9,3
ok 'one test row' own y extra_trees
is 'has no R2 and no rank, and is no error' "$(get '(m["r2"], m["spearman"])')" '(None, None)'
ok 'test rows of one class' own class boosting
is 'have no area under a curve' "$(get '(m["auc"], m["accuracy"] >= 0)')" '(None, True)'
is 'and no nan on the page' "$(grep -c '[^a-z]nan[^a-z]' m.html)" 0
refuses 'a rule about it does not pass' 98 'auc' "$L/gate" --metrics m.json --require 'auc > 0.1'
table 5,u,train,1,2 5,u,train,3,4 5,u,train,5,5 5,u,test,2,2 5,u,test,2,3
ok 'a target that does not vary' own y extra_trees
has 'is told' "$err" 'there is nothing to learn'
is 'R2 is that of scikit-learn, a rank there is not' "$(get '(m["r2"], m["spearman"], m["max_error"])')" '(1.0, None, 0.0)'
refuses 'one class only' 65 "have the same 'class', 'u'" own class extra_trees
table $(r) 1,u,test,2,4
own class extra_trees >/dev/null 2>&1
cp m.h5 old.h5
"$L/train" --table t.h5 --features f.h5 --split s.h5 --target class --family logistic --model line.h5 2>/dev/null
table $(r) 7,w,train,60,8 8,w,train,61,9 9,w,test,62,7 8,w,test,63,8 1,u,test,2,4
own class extra_trees >/dev/null 2>&1
against() { "$E" --table t.h5 --features f.h5 --split s.h5 --model "$1" --champion "$2" --metrics m.json --report m.html --comparison c.json; }
ok 'a champion of a time with fewer classes is judged all the same' against m.h5 old.h5
has 'which is told' "$err" "the champion does not know 'w', 1 of 3 classes in all"
is 'and is wrong where the new one is meant' "$(get '(m["accuracy"], round(c["accuracy"], 3))')" '(1.0, 0.333)'
ok 'one of a time with more classes, too' against old.h5 m.h5
is 'on the rows that the model knows' "$(get '(m["n"], m["unknown_rows"], c["accuracy"])')" '(1, 2, 1.0)'
refuses 'another model beside it must have the same classes' 65 'has 2 classes, the model 3' \
    "$E" --table t.h5 --features f.h5 --split s.h5 --model m.h5 --others line.h5 --metrics m.json --report m.html
table $(r) 1e300,u,test,2,2 1,u,test,2,3
ok 'a truth whose square is too large' own y boosting
is 'has no figures of squares, and null where there is none' "$(get '(m["rmse"], m["r2"], m["mae"] > 1e299)')" '(None, None, True)'
table $(r) 1e39,u,train,7,7 1,u,test,2,3
refuses 'one that no estimate can be is not learnt' 65 "column 'y' row 6: 1e+39 is too large to be learnt" own y extra_trees
table ,u,train,1,2 ,v,train,3,4 2,u,test,5,5
refuses 'no training row with a target' 65 'no row is left to train on' own y extra_trees
table 1,u,train,1,2 2,v,train,3,4 ,u,test,5,5
refuses 'no test row with a target' 65 'has no test rows with a label that the model knows' own y extra_trees
absent 'no output after that' m.json.tmp m.html.tmp
table $(r)
"$L/import" --source own.csv --schema <(sed 's/y: float/y: category/' own.yaml) --table c.h5 2>/dev/null
own y extra_trees >/dev/null 2>&1
refuses 'a table in which the number is a category' 65 "the column 'y' is category, the model predicts a number" \
    "$E" --table c.h5 --features f.h5 --split s.h5 --model m.h5 --metrics x.json --report x.html
finish
