#!/bin/bash
# impute_scale: what was learnt, made again of another table; columns that it does not have; gaps that are kept.
. "$(dirname "$0")/tap.sh"
awk 'BEGIN {
    srand(5); print "id,y,age,fare,town"
    for (i = 0; i < 300; i++) {
        age = i % 6 ? int(rand() * 60) : ""; town = substr("ABC", 1 + int(rand() * 3), 1)
        y = age == "" ? 1 : age > 30 || town == "A" # a gap tells the class
        print i "," y "," age "," int(rand() * 1000) / 10 "," (i % 11 ? town : "")
    }
}' >t.csv
head -51 t.csv >next.csv
cut -d, -f1,2,4,5 next.csv >no_age.csv
awk -F, -v OFS=, '{ print $0, NR == 1 ? "deck" : "D" NR % 2 }' next.csv >deck.csv
schema() { # FILE COLUMN...
    printf 'schema: 1\ntables:\n  t:\n    file: %s\n    key: id\n    columns:\n      id: int\n      y: category\n' "$1"; shift
    for c; do case $c in age | fare) echo "      $c: float" ;; *) echo "      $c: category" ;; esac; done
    printf 'label: y\nfeatures: [%s]\n' "$(tr ' ' , <<<"$*")"
}
table() { schema "$1.csv" "${@:2}" >"$1.yaml"; "$L/import" --source "$1.csv" --schema "$1.yaml" --table "$1.h5" 2>>log; }
for f in t next; do table $f age fare town; done
table no_age fare town; table deck age fare town deck
"$L/split" --table t.h5 --split split.h5 --method random --train 0.8 --validation 0 --test 0.2 --seed 1 2>>log
impute() { "$L/impute_scale" --table "$1.h5" --features "$2.h5" "${@:3}"; }
values() { h5dump -d /features/values -w 0 "$1.h5" | sed -n 's/,$//; /^ *([0-9]*,0)/p' | head -n "${2:-50}"; }

# ---- the state of before
ok 'a matrix is made' impute t f --split split.h5 --category_missing Missing
ok 'and another table goes through the same state' impute next n --state f.h5
has 'which is said' "$err" "7 columns of 3 features, as 'f.h5' has learnt them"
is 'its rows become what they were' "$(values n | head -5)" "$(values f 5)"
is 'to the last' "$(values n | tail -1)" "$(values f | tail -1)"
is 'and the state is the same word for word' "$(h5dump -d /features/state n.h5 | tail -n +2)" "$(h5dump -d /features/state f.h5 | tail -n +2)"
ok 'a column that was not there is left out' impute deck d --state f.h5
has 'with a warning' "$err" "warning: column 'deck' is left out: 'f.h5' has learnt nothing of it"
same 'and changes nothing' n.h5 d.h5
ok 'one that is absent is a gap in every row' impute no_age a --state f.h5
is 'the median, and missing' "$(values a | sed 's/.*: *//' | cut -d, -f1 | sort -u | wc -l)" 1
ok 'a model has a state, too' "$L/train" --family logistic --table t.h5 --features f.h5 --split split.h5 --model m.h5
ok 'that makes features' impute next n2 --state m.h5
same 'the same ones' n.h5 n2.h5
refuses 'what is learnt anew has no place beside it' 64 '--state has learnt already' impute next x --state f.h5 --split split.h5
for how in '--scale robust' '--missing zero' '--indicators false' '--rare_below 0.1' '--drop age' '--absent refuse' '--encode count'; do
    # shellcheck disable=SC2086
    refuses "nor $how" 64 "${how% *} has no effect beside it" impute next x --state f.h5 $how
done
refuses 'a table is no state' 65 'refit.features' impute next x --state t.h5

# ---- absent columns
ok 'a column can be 0 where it is absent' impute t z --absent zero
ok 'in all its columns' impute no_age a --state z.h5
is 'of every row' "$(values a | sed 's/.*: *//' | cut -d, -f1,2 | sort -u)" '0, 0'
printf 'plan: 1\ncolumns:\n  age: {absent: refuse}\n' >plan.yaml
ok 'or be refused' impute t r --plan plan.yaml
refuses 'with its name' 65 "'no_age.h5': the table has no column 'age', which must not be absent" impute no_age x --state r.h5
ok 'others may be absent still' impute next a --state r.h5
has 'the state tells it' "$("$L/impute_scale" --explain-state r.h5)" 'must not be absent'
refuses 'another word is refused with its place' 64 'plan.yaml:3:' bash -c "sed -i s/refuse/forbid/ plan.yaml; '$L/impute_scale' --table t.h5 --features x.h5 --plan plan.yaml"

# ---- gaps that are kept
ok 'gaps are kept' impute t k --split split.h5 --number_missing keep --indicators false
is 'as NaN' "$(values k 300 | grep -c -i 'nan')" 50
has 'the state tells it' "$("$L/impute_scale" --explain-state k.h5)" 'age: gap kept'
if [ -w /dev/full ]; then
    refuses 'a state that cannot be printed is said' 74 'cannot write to standard output' sh -c "'$L/impute_scale' --explain-state k.h5 >/dev/full"
else
    skip 'a state that cannot be printed is said' 'there is no /dev/full'
fi
fit() { "$L/train" --table t.h5 --features k.h5 --split split.h5 --model "$1.h5" --family "$@"; }
for family in extra_trees boosting; do
    ok "$family takes them" fit $family
    "$L/evaluate" --table t.h5 --features k.h5 --split split.h5 --model $family.h5 --metrics $family.json --report m.html 2>>log
    is 'as a branch: nothing else tells their class' "$(sed -n 's/^ "accuracy": \([0-9.]*\),/\1/p' $family.json | awk '{ print ($1 > .9) }')" 1
done
refuses 'logistic does not' 65 "feature 'age' keeps its gaps (number_missing keep), which only extra_trees and boosting take" fit logistic
echo 'network: 1
branches: {features: {layers: [{dense: 4}]}}
head: [{dense: classes}]
training: {epochs: 1, batch: 32}' >net.yaml
refuses 'nor does a network' 65 "feature 'age' keeps its gaps" \
    "$L/train" --network net.yaml --table t.h5 --features k.h5 --split split.h5 --model x.h5 --history x.json
printf 'plan: 1\ncolumns:\n  age: {group: town, number_missing: keep}\n' >plan.yaml
refuses 'a gap is not both filled and kept' 64 'plan.yaml:3:' impute t x --plan plan.yaml
absent 'no refusal leaves a file' x.h5 x.h5.tmp
finish
