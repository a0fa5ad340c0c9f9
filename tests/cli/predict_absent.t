#!/bin/sh
# refit-predict and columns that the rows do not have: what the training chose with impute_scale --absent, and the numbers that
# import and impute_scale --state give the same file.
. "$(dirname "$0")/tap.sh"
P=$B/bin/refit-predict
quiet() { "$@" >>log 2>&1 || { tail -3 log >&2; echo "Bail out! $*"; exit 1; }; }
cat >schema.yaml <<'END'
schema: 1
tables:
  trips:
    file: "*"
    columns:
      late: {type: category, optional: true, levels: ["0", "1"]}
      far: {type: float, optional: true}
      town: {type: category, optional: true}
      age: float
label: late
END
awk 'BEGIN { print "late,far,town,age"; for (i = 0; i < 60; i++) printf "%d,%s,%s,%d\n", i % 7 < 3, i % 9 ? 5 + i : "", substr("abc", i % 3 + 1, 1), i % 11 }' >rows.csv
cut -d, -f1,4 rows.csv >without.csv
awk -F, 'NR > 1 { printf "{\"age\": %s}\n", $4 }' rows.csv >without.jsonl
awk -F, 'NR > 1 { printf "{\"age\": %s%s}\n", $4, NR % 2 ? "" : ", \"far\": null" }' rows.csv >sparse.jsonl
quiet "$L/import" --source rows.csv --schema schema.yaml --table table.h5
for absent in gap zero refuse; do
    quiet "$L/impute_scale" --table table.h5 --features $absent.features --scale standard --absent $absent
    quiet "$L/train" --family logistic --table table.h5 --features $absent.features --model $absent.h5
done
# numbers FILE: the probabilities, a line for each row
numbers() { tail -n +2 "$1" | cut -d, -f4,5 | tr , ' '; }
# as_training NAME MODEL FILE
as_training() {
    quiet "$L/import" --source "$3" --schema schema.yaml --table later.h5
    quiet "$L/impute_scale" --table later.h5 --state "$2.features" --features later.features
    "$B/tests/tools/answers_of" "$2.h5" later.h5 features=later.features >want
    ok "$1" "$P" --model "$2.h5" --rows "$3" --probabilities --predictions got.csv
    numbers got.csv >found
    same "as import and impute_scale have it" found want
}
as_training 'all columns are there' zero rows.csv
as_training 'two are absent: gaps' gap without.csv
cp got.csv gap.csv
as_training 'two are absent: zeros' zero without.csv
is 'which is something else than gaps' "$(cmp -s got.csv gap.csv && echo the same)" ""
cp got.csv zero.csv
as_training 'no JSON record has them' zero without.jsonl
same 'the same answers as without the columns of the CSV file' got.csv zero.csv
as_training 'some records have one of them' zero sparse.jsonl
as_training 'gaps of JSON' gap without.jsonl
same 'are those of CSV' got.csv gap.csv
first=$(sed -n 's/^1,//p' zero.csv | cut -d, -f1,2 | tr , '\t')
ok 'one row without them' "$P" --model zero.h5 age=0
is 'is a table of one row' "$out" "$first"
run "$P" --model zero.h5 --rows - <without.jsonl
is 'standard input, too' "$(printf '%s\n' "$out" | sed -n 's/^1,//p' | cut -d, -f1,2 | tr , '\t')" "$first"
ok 'a file with them after one without' "$P" --model zero.h5 --rows without.csv --rows rows.csv --predictions both.csv
"$P" --model zero.h5 --rows rows.csv 2>/dev/null | tail -n +2 | cut -d, -f2- >want
is 'each has its own columns' "$(tail -n +62 both.csv | cut -d, -f2-)" "$(cat want)"

# ---- refuse ----
ok 'what must not be absent is there' "$P" --model refuse.h5 --rows rows.csv
refuses 'a CSV file without it' 65 "'without.csv' has no column 'far', which the model reads" "$P" --model refuse.h5 --rows without.csv --predictions no.csv
refuses 'JSON without it' 65 "no record of 'without.jsonl' has 'far', which must not be absent" "$P" --model refuse.h5 --rows without.jsonl --predictions no.csv
absent 'there is no output' no.csv
refuses 'one row without it' 65 "'town' is not given, which must not be absent" "$P" --model refuse.h5 age=3 far=4
ok 'an empty value is a gap, not absent' "$P" --model refuse.h5 age=3 far= town=a
run "$P" --model refuse.h5 age=3 --json
is 'as JSON it is an error of the row' "$rc $out" "65 {\"row\": 1, \"error\": \"'far' is not given, which must not be absent\"}"
finish
