#!/bin/bash
# The classic package of a table, from its own YAML: CSV to a published version, on the list of data/passengers.c.
. "$(dirname "$0")/tap.sh"
ok 'the committed list can be made again' "$B/data/passengers" --out again.csv
same 'it is what the generator makes by default, byte for byte' again.csv "$top/data/titanic.csv"
mkdir -p data/schemas pipelines && cp "$top/data/titanic.csv" data/ && cp "$top/data/schemas/titanic.yaml" data/schemas/ &&
    cp "$top"/pipelines/titanic.* pipelines/
go() { refit run -f pipelines/titanic.yaml --profile ci "$@"; }

ok 'the pipeline file is valid' refit validate -f pipelines/titanic.yaml
ok 'import to upload' go
[ $rc -eq 0 ] || { cat .refit/runs/*/*.log | tail -40 | sed 's/^/# /'; finish; exit 1; }
is 'VERSION names the version' "$(ls work/ci/registry/titanic | grep '^[0-9]')" 0.1.7
has 'which is the current one' "$(cat work/ci/registry/titanic/current.json)" '"0.1.7"'
ok 'a copy of the model is named by it' cmp work/titanic/model.h5 work/ci/registry/titanic_0.1.7.h5
has 'the log states the convergence' "$(cat .refit/runs/*/train.1.log)" 'converged after'
has 'and the coefficients by name' "$(cat .refit/runs/*/train.1.log)" 'sex=female'
ok 'the package holds model, schema, data and version' tar tf work/titanic/models.tar
has 'the schema' "$out" titanic.yaml
has 'the data' "$out" titanic.csv
ok 'a second run' go
has 'has nothing to do' "$out$err" 'nothing to do'

ok 'the model is that of a reference written in numpy, by Newton, on the training rows alone' /usr/bin/python3 - <<'P'
import h5py, json, numpy as np
with h5py.File("work/titanic/table.h5") as t, h5py.File("work/titanic/features.h5") as f, \
        h5py.File("work/titanic/split.h5") as s, h5py.File("work/titanic/model.h5") as m:
    side, y = s["split/side"][()], t["passengers/survived/values"][()]
    x = np.hstack([f["features/values"][()], np.ones((len(y), 1))])
    text, cut = bytes(f["features/names/bytes"][()]).decode(), f["features/names/offsets"][()]
    names = [text[a:b].split("=")[0].replace(" missing", "") for a, b in zip(cut, cut[1:])]
    found = np.append(m["logistic/coefficients"][0], m["logistic/intercepts"][0])
    assert m.attrs["family"] == "logistic" and json.loads(m.attrs["training"])["convergence"]["ending"] == "converged"
train, test, w = side == 0, side == 2, np.zeros(x.shape[1])
ridge = np.diag(np.append(np.ones(len(w) - 1), 0))
for _ in range(40):
    p = 1 / (1 + np.exp(-x[train] @ w))
    w -= np.linalg.solve((x[train].T * (p * (1 - p))) @ x[train] + ridge, x[train].T @ (p - y[train]) + ridge @ w)
assert abs(w - found).max() < 1e-6, abs(w - found).max()
right = ((x[test] @ w > 0) == y[test]).mean()
metrics = json.load(open("work/titanic/metrics.json"))
assert abs(right - metrics["accuracy"]) < 1e-9 and right > .75, (right, metrics["accuracy"])
said, true = 1 / (1 + np.exp(-x[test] @ w)), y[test]
pairs = said[true == 1][:, None] - said[true == 0][None]
bin = np.clip(np.ceil(said * 10).astype(int) - 1, 0, 9)
want = {"auc": (pairs > 0).mean() + (pairs == 0).mean() / 2, "brier": ((said - true) ** 2).mean(),
        "loss": -np.log(np.where(true == 1, said, 1 - said)).mean(),
        "calibration_error": sum(abs((said - true)[bin == k].sum()) for k in range(10)) / len(true)}
for key, value in want.items():
    assert abs(metrics[key] - value) < 1e-5, (key, metrics[key], value)
assert metrics["curves"]["calibration"]["rows"] == [int((bin == k).sum()) for k in range(10)]
drawn = np.random.RandomState(0)
for one in metrics["permutation"]:
    drop, columns = [], [j for j, name in enumerate(names) if name == one["column"]]
    for _ in range(300):
        shuffled = x[test].copy()
        shuffled[:, columns] = shuffled[drawn.permutation(len(shuffled))][:, columns]
        drop.append(right - ((shuffled @ w > 0) == true).mean())
    assert columns and abs(np.mean(drop) - one["drop"]) < .03, (one, np.mean(drop), np.std(drop))
assert len(metrics["permutation"]) == len(set(names)) == 9
P

ask() { "$B/bin/refit-predict" --model work/ci/registry/titanic/0.1.7/models.tar "$@"; }
echo 'pclass,survived,name,sex,age,sibsp,parch,ticket,fare,cabin,embarked,boat,body,home.dest
1,?,"Vale, Mrs. Ida",female,34,1,0,77,80.5,C22 C26,S,?,?,?' >one.csv
ok 'the package predicts a CSV of one row' ask --rows one.csv --json
has 'with the class' "$out" '"row": 1, "class": "1"'
has 'and its version' "$out" '"version": "0.1.7"'
for wrong in 's/^1,?/4,?/ out of range, want 1 to 3' 's/,34,/,-34,/ out of range, want at least 0' 's/,34,/,old,/ not a number' 's/80.5/1e999/ not a number'; do
    sed "${wrong%% *}" one.csv >wrong.csv
    run ask --rows wrong.csv --json
    is "a value that no passenger has ends with 65 (${wrong%% *})" "$rc" 65
    has 'is an error of its row' "$out" '"row": 1, "error": "column'
    has 'that says what is wanted' "$out" "${wrong#* }"
done
sed 's/^1,?/4,?/; s/80.5/cheap/' one.csv >wrong.csv
run ask --rows wrong.csv --json
has 'all that is wrong is told at once' "$out" "\"error\": \"column 'pclass': '4': out of range, want 1 to 3; column 'fare': 'cheap': not a number\""
sed 's/female/robot/' one.csv >odd.csv
ok 'a level that was not seen is answered' ask --rows odd.csv
has 'and told' "$out" 'no training row has '
cut -d, -f1-5 one.csv >few.csv
refuses 'a file without a column is refused with its name' 65 "no column 'sibsp'" ask --rows few.csv

cp work/titanic/model.h5 first.h5
ok 'one thread makes the same model' env REFIT_THREADS=1 refit run -f pipelines/titanic.yaml --profile ci -F -s train
same 'byte for byte' first.h5 work/titanic/model.h5
refuses 'another model under the same VERSION is refused, and the old one stays current' 1 '0.1.7' go -p train.c=0.5
echo 0.1.8 >pipelines/titanic.VERSION
ok 'under a new VERSION it is published' go -p train.c=0.5
has 'and becomes current' "$(cat work/ci/registry/titanic/current.json)" '"0.1.8"'
run go -p train.penalty=l1 -p train.c=0.0001
is 'a model without coefficients does not pass the gate' "$rc" 3
has 'which says so' "$out$err" 'accuracy > 0.75'

/usr/bin/python3 - >list.csv <<'P'
import csv, sys
out = csv.writer(sys.stdout)
out.writerow("PassengerId,Survived,Pclass,Name,Sex,Age,SibSp,Parch,Ticket,Fare,Cabin,Embarked".split(","))
rows = list(csv.DictReader(open("data/titanic.csv")))
for i in range(891):
    r = rows[i % len(rows)]
    out.writerow([i + 1] + ["" if r[k] == "?" else r[k] for k in
                            "survived pclass name sex age sibsp parch ticket fare cabin embarked".split()])
P
ok 'the list of 891 rows with other names of the columns, and empty for no value' "$L/import" --source list.csv --schema data/schemas/titanic.yaml --table l.h5
ok 'is divided' "$L/split" --table l.h5 --split l.split --method random --train 0.8 --validation 0 --test 0.2 --seed 0
has 'into 712 and 179 rows' "$err" '712 training, 0 validation, 179 test'
ok 'it gives columns of the same features' "$L/impute_scale" --table l.h5 --split l.split --features l.features
has 'nine' "$err" 'of 9 features'

# ---- train --family logistic by hand
fit() { "$L/train" --table work/titanic/table.h5 --split work/titanic/split.h5 --model m.h5 "$@"; }
f=work/titanic/features.h5
ok 'a weight of classes is used and written' fit --family logistic --features $f --class_weight balanced
has 'and another model comes of it' "$(cmp m.h5 work/titanic/model.h5 2>&1)" differ
ok 'its coefficients are printed' "$L/train" --describe-model m.h5
has 'with their names' "$out" 'title=Mr'
ok 'a limit of iterations is a warning, not an error' fit --family logistic --features $f --max_iterations 2
has 'that says how far it is' "$err" 'NOT converged after 2 iterations'
refuses 'logistic without features is refused' 64 '--features' fit --family logistic
refuses 'an option of networks is not taken silently' 64 '--epochs is only for --family=network' fit --family logistic --features $f --epochs 3
refuses 'nor one of logistic by a network' 64 '--c is only for --family=logistic' fit --c 2 --network n.yaml --history h.json
refuses 'a network still needs its file' 64 '--network is missing' fit --history h.json
refuses 'a c of nothing is refused' 64 'out of range' fit --family logistic --features $f --c 0
refuses 'features of other rows are refused' 65 'other.h5' bash -c "'$B/data/passengers' --out o.csv --rows 50 2>/dev/null; sed 's/\*.csv/o.csv/' data/schemas/titanic.yaml >o.yaml; '$L/import' --source o.csv --schema o.yaml --table o.h5 2>/dev/null; '$L/impute_scale' --table o.h5 --features other.h5 2>/dev/null; '$L/train' --family logistic --table work/titanic/table.h5 --split work/titanic/split.h5 --model m.h5 --features other.h5"
finish
