#!/bin/bash
# Families of trees, from a CSV to a model: classes (the passengers of data/titanic.csv) and numbers (a table made here).
. "$(dirname "$0")/tap.sh"
P="$B/libexec/refit"
"$P/import" --source "$top/data/titanic.csv" --schema "$top/data/schemas/titanic.yaml" --table t.h5 2>/dev/null
"$P/split" --table t.h5 --split s.h5 --method random --train .8 --validation 0 --test .2 --seed 0 2>/dev/null
"$P/impute_scale" --table t.h5 --split s.h5 --features f.h5 --scale none 2>/dev/null
train() { "$P/train" --table t.h5 --features f.h5 --split s.h5 --model "${M:-m.h5}" "$@"; }
accuracy() { "$P/evaluate" --model "$1" --table t.h5 --features f.h5 --split s.h5 --metrics m.json --report r.html &&
    /usr/bin/python3 -c 'import json; m = json.load(open("m.json")); assert m["accuracy"] > .7, m["accuracy"]'; }

ok 'extra trees learn classes' train --family extra_trees --seed 1 --min_leaf 3
has 'the log ranks the columns' "$err" 'sex=female'
ok 'evaluate reads the model: more than 7 of 10 are right' accuracy m.h5
ok 'it can be handed on as an ONNX file' "$B/bin/refit-models" export m.h5 --onnx m.onnx
has 'with its trees and its labels' "$(tr -cd '[:print:]' <m.onnx)" TreeEnsembleRegressor
cp m.h5 first.h5
ok 'one thread' env REFIT_THREADS=1 "$P/train" --table t.h5 --features f.h5 --split s.h5 --model m.h5 --family extra_trees --seed 1 --min_leaf 3
same 'makes the same model, byte for byte' first.h5 m.h5
ok 'a random forest' train --family extra_trees --splitter best --bootstrap true --out_of_bag true --criterion entropy --max_depth 6
has 'tells what it is worth by the rows out of the bag' "$err" 'out of bag: accuracy 0.'
ok 'and is read, too' accuracy m.h5
ok 'a number of the table is learnt in place of the label' train --family extra_trees --target age --bootstrap true --out_of_bag true --trees 30
has 'as a regression' "$err" 'out of bag: r2'
ok 'the model has no classes and a root mean in every leaf' /usr/bin/python3 - <<'Q'
import h5py
with h5py.File("m.h5") as m:
    assert m.attrs["family"] == "extra_trees" and "classes" not in m and len(m["trees/first_node"]) == 31
    f, t = m["trees/feature"][()], m["trees/threshold"][()]
    assert 0 <= t[f < 0].min() and t[f < 0].max() < 100
Q

"$P/split" --table t.h5 --split v.h5 --method random --train .6 --validation .2 --test .2 --seed 0 2>/dev/null
boost() { "$P/train" --table t.h5 --features f.h5 --split v.h5 --model "${M:-m.h5}" --family boosting --learning_rate .05 "$@"; }
ok 'boosting learns classes' boost
has 'and keeps the round of least validation loss' "$err" 'is kept: loss 0.'
ok 'evaluate reads the model' accuracy m.h5
cp m.h5 first.h5
ok 'one thread' env REFIT_THREADS=1 "$P/train" --table t.h5 --features f.h5 --split v.h5 --model m.h5 --family boosting --learning_rate .05
same 'makes the same model, byte for byte' first.h5 m.h5
ok 'boosting learns more than two classes' boost --target title --patience 0 --trees 5
ok 'and numbers' boost --target age

ok 'columns are shuffled' boost --importance i.csv
has 'on the validation rows' "$err" 'validation rows, accuracy'
has 'the one that tells most comes first' "$(sed -n 2p i.csv)" '"'
cp i.csv j.csv
ok 'again, by one thread' env REFIT_THREADS=1 "$P/train" --table t.h5 --features f.h5 --split v.h5 --model m.h5 --family boosting --learning_rate .05 --importance i.csv
same 'the same bytes' i.csv j.csv
ok 'of a number' train --family extra_trees --target age --trees 9 --importance i.csv
ok 'age itself tells most of age' grep -q '^"age",[01]' <(sed -n 2p i.csv)

# Gaps that are kept, down the trees of the file by a reader of our own.
"$P/impute_scale" --table t.h5 --split s.h5 --features gaps.h5 --scale none --number_missing keep 2>/dev/null
gaps() { "$P/train" --table t.h5 --features gaps.h5 --split s.h5 --model m.h5 --trees 20 "$@" &&
    "$P/evaluate" --model m.h5 --table t.h5 --features gaps.h5 --split s.h5 --metrics m.json --report r.html &&
    /usr/bin/python3 "$top/tests/cli/walk_trees.py" m.h5 gaps.h5 t.h5 s.h5 m.json; }
ok 'extra trees take gaps as a branch, and evaluate finds what the file says' gaps --family extra_trees --min_leaf 3
ok 'a random forest, too' gaps --family extra_trees --splitter best --bootstrap true --criterion entropy --max_depth 8
ok 'the model is described' "$P/train" --describe-model m.h5
has 'by its size' "$out" '20 trees, '
has 'and its columns by what they tell' "$out" 'sex=female  '
refuses 'trees have no layers' 65 'of the family extra_trees, which has no layers to tell as JSON' "$P/train" --describe-model m.h5 --json
ok 'and boosting' gaps --family boosting

refuses 'a target that the table has not' 65 "--target 'wealth': table 'passengers' has no such column" train --family extra_trees --target wealth
refuses 'a criterion of the other kind' 64 'the label is a category, want gini or entropy' train --family extra_trees --criterion mse
refuses 'a text that is no number of columns' 64 "--max_features 'many': want auto, all, sqrt, log2, a count or a share below 1" \
    train --family extra_trees --max_features many
refuses 'a weight with gaps' 65 "--weight 'age': row" train --family extra_trees --weight age
refuses 'out of bag without bags' 64 'without --bootstrap every tree sees every row' train --family extra_trees --out_of_bag true
refuses 'a number is nothing for logistic regression' 65 "the label 'age' is float, want category (the schema says what it is)" train --family logistic --target age
refuses 'weights of classes where there are none' 64 'it has no classes to weigh' train --family extra_trees --target age --class_weight balanced
refuses 'an option of another family' 64 'c' train --family extra_trees --c 1

# One class, a constant and an all-missing column, more columns than rows.
table() { # HEADER LINES...
    printf '%s\n' "$@" >own.csv
    "$P/import" --source own.csv --schema own.yaml --table t.h5 && "$P/impute_scale" --table t.h5 --features f.h5 && rm -f s.h5
} 2>>log
cat >own.yaml <<'YAML'
schema: 1
tables:
  own: {file: "*.csv", columns: {y: float, class: category, a: float, b: float, c: float, d: float, e: float}}
label: y
YAML
bare() { "$P/train" --table t.h5 --features f.h5 --model m.h5 --family extra_trees --trees 5 "$@"; }
table y,class,a,b,c,d,e 1,x,1,7,,0,3 2,x,2,7,,1,2 ,x,3,7,,5,5 4,x,9,7,,2,2
ok 'more columns than rows, one constant, one empty, a target with a gap' bare
has 'the gap is told' "$err" "1 rows have no 'y' and are left out"
refuses 'a target of gaps alone' 65 "'c'" bare --target c
refuses 'one class only' 65 "have the same 'class', 'x'" bare --target class
table y,class,a,b,c,d,e 5,x,1,7,,0,3 5,y,2,7,,1,2
ok 'a target that does not vary' bare
has 'is told' "$err" "have the same 'y', 5: there is nothing to learn"
finish
