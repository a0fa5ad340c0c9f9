#!/bin/bash
# Tables that are nobody's friend, from import to a model: each is learnt from, or refused in one line.
. "$(dirname "$0")/tap.sh"
table() { # NAME COLUMN:TYPE...: NAME.csv is there
    { printf 'schema: 1\ntables:\n  t:\n    file: %s.csv\n    columns:\n' "$1"; for c in "${@:2}"; do echo "      ${c%:*}: ${c#*:}"; done
      echo 'label: y'; } >"$1.yaml"
    "$L/import" --source "$1.csv" --schema "$1.yaml" --table "$1.h5" --max_reject_share 1 2>"$1.log"
}
impute() { "$L/impute_scale" --table "$1.h5" --features "$1.f.h5" "${@:2}"; }
fit() { "$L/train" --table "$2.h5" --features "$2.f.h5" --family "$1" --model "$2.$1.h5" "${@:3}"; }
fits() { for family in logistic extra_trees boosting; do ok "$1: $family" fit $family "$2"; done; }
finite() { ! h5dump -d /logistic/coefficients -d /logistic/intercepts "$1.logistic.h5" | grep -qi 'nan\|inf'; }

# ---- 100,000 levels, each of one row
awk 'BEGIN { print "y,code,amount"; for (i = 0; i < 100000; i++) print i % 2 ",c" i "," (i % 10 ? i % 97 : "") }' >many.csv
table many y:category code:category amount:float
rm -f many.f.h5
refuses 'a column a level of 100,000 would be 80 GB' 65 "'code' alone gives 100000 columns: group its levels by rare_below" impute many
absent 'and is not begun' many.f.h5 many.f.h5.tmp
for encode in ordinal count target; do ok "one column is: $encode" timeout 60 "$L/impute_scale" --table many.h5 --features many.f.h5 --encode $encode; done
has 'a state of them is printed' "$("$L/impute_scale" --explain-state many.f.h5 | head -3)" 'target of 100000 levels'
ok 'or the rare ones together' impute many --rare_below 0.001
has 'of which all are' "$err" '3 columns of 2 features'
printf 'plan: 1\ncolumns:\n  amount: {group: code}\n  code: {drop: true}\n' >plan.yaml
ok 'medians of 100,000 groups take no longer than one of all' timeout 60 "$L/impute_scale" --table many.h5 --features many.f.h5 --plan plan.yaml

# ---- infinities and numbers that are too large
printf 'y,x\na,1\nb,inf\na,-Infinity\nb,1e999\na,2\nb,3\n' >inf.csv
table inf y:category x:float
is 'an infinity in text is a reject' "$(grep -o '[0-9]* with rejects' inf.log)" '3 with rejects'
ok 'and a gap' impute inf
has 'of three rows' "$("$L/impute_scale" --explain-state inf.f.h5)" 'x missing'
printf 'y,x\na,1e308\nb,-1e308\na,1e308\nb,-1e308\n' >large.csv
table large y:category x:float
refuses 'numbers whose spread is infinite are refused' 65 "column 'x'" impute large
refuses 'and those that no float32 holds' 65 "column 'x' row 0: the value is too large" impute large --scale none
ok 'by quantiles they can be learnt from' bash -c "printf 'plan: 1\ncolumns:\n  x: {transform: quantile}\n' >q.yaml; '$L/impute_scale' --table large.h5 --features large.f.h5 --plan q.yaml"

# ---- constant, all missing, collinear, more columns than rows, separable
awk 'BEGIN { print "y,one,none,x,again,minus"; for (i = 0; i < 60; i++) printf "%s,7,,%d,%d,%d\n", i < 30 ? "lo" : "hi", i, i, -2 * i }' >flat.csv
table flat y:category one:float none:float x:float again:float minus:float
ok 'constant, empty and collinear columns' impute flat
has 'the empty one is left out' "$err" "'none' is left out"
fits 'separable classes on collinear columns' flat
ok 'the coefficients are finite' finite flat
is 'and equal columns share one coefficient' "$("$L/train" --describe-model flat.logistic.h5 | awk '$1 ~ /^(x|again|minus)$/ { sub("-", "+", $2); print $2 }' | sort -u | wc -l)" 1
awk 'BEGIN { printf "y"; for (j = 0; j < 40; j++) printf ",x%d", j; print ""
    for (i = 0; i < 12; i++) { printf "%s", i % 2 ? "a" : "b"; for (j = 0; j < 40; j++) printf ",%d", (i * 7 + j * j * (i + 3)) % 11; print "" } }' >wide.csv
table wide y:category $(for j in {0..39}; do echo x$j:float; done)
ok 'more columns than rows' impute wide
fits 'more columns than rows' wide
ok 'the coefficients are finite, too' finite wide

# ---- targets
printf 'y,x\na,1\na,2\na,3\n' >same.csv
table same y:category x:float
ok 'one class alone has features' impute same
for family in logistic extra_trees boosting; do refuses "and nothing to tell apart: $family" 65 'class' fit $family same; done
refuses 'nor anything to encode by' 65 'one class' bash -c "sed 's/x/x,c/; s/[123]\$/&,k/' same.csv >same2.csv; printf 'schema: 1\ntables:\n  t: {file: same2.csv, columns: {y: category, x: float, c: category}}\nlabel: y\n' >same2.yaml; '$L/import' --source same2.csv --schema same2.yaml --table same2.h5 2>/dev/null; exec '$L/impute_scale' --table same2.h5 --features x.h5 --encode target"
awk 'BEGIN { print "y,x"; for (i = 0; i < 40; i++) print (i % 4 == 3 ? "" : i % 4 == 2 ? "b" : "a") "," i % 4 }' >gaps.csv
table gaps y:category x:float
ok 'a target with gaps' impute gaps
has 'teaches by the rows that have one' "$err" 'learnt from 30 of 40 rows'
fits 'a target with gaps' gaps

# ---- nothing
printf 'y,x\n' >empty.csv
run table empty y:category x:float
has 'no row at all is refused where it comes in' "$(cat empty.log)" 'has 0 good rows'
printf 'y,x\n,1\n,2\n' >none.csv
table none y:category x:float
refuses 'so are rows without any label' 65 'none of 2 rows is a training row (no row has a label)' impute none
absent 'and leaves nothing' empty.h5 none.f.h5 x.h5
finish
