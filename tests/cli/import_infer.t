#!/bin/sh
# import --infer: a first schema from the data, by which the same data come in whole.
. "$(dirname "$0")/tap.sh"
I=$L/import
# whole NAME FILE...: the files come in by their inferred schema without a reject
whole() {
    name=$1
    shift
    # shellcheck disable=SC2046
    ok "$name: a schema" "$I" $(for f; do echo "--infer $f"; done) --schema made.yaml
    # shellcheck disable=SC2046
    run "$I" --schema made.yaml --table made.h5 $(for f; do echo "--source $f"; done)
    case $rc,$err in 0,*"; 0 with rejects"*) pass "$name: and all rows come in by it" ;; *) fail "$name: and all rows come in by it" "$rc $err" "$(cat made.yaml)" ;; esac
}

{
    echo ',name,price,sold,day,other day,kind,code,when,empty'
    awk 'BEGIN { for (i = 1; i <= 40; i++) printf "%d,n%d,%s,%s,2024-01-%02d,%02d/12/2023,%s,%03d,2024-01-01 10:%02d,\n", i, i % 37, i == 7 ? "NA" : i / 4, i % 2 ? "true" : "no", i % 28 + 1, i % 28 + 1, i == 7 ? "NA" : i % 3, i, i }'
} >feed.csv
whole "CSV" feed.csv
is "with types, keys, formats, missing tokens" "$(cat made.yaml)" 'schema: 1
tables:
  feed:
    file: "feed.csv" # 40 rows
    key: column1 # the first column whose values are distinct
    missing: ["", "NA"]
    columns:
      column1: {type: int, from: ""} # 40 values, 0 missing, 40 distinct
      name: {type: string} # 40 values, 0 missing, 37 distinct
      price: {type: float} # 39 values, 1 missing, 39 distinct
      sold: {type: bool} # 40 values, 0 missing, 2 distinct
      day: {type: date} # 40 values, 0 missing, 28 distinct
      "other day": {type: date, format: "%d/%m/%Y"} # 40 values, 0 missing, 28 distinct
      kind: {type: int} # 39 values, 1 missing, 3 distinct
      code: {type: string} # 40 values, 0 missing, 40 distinct
      when: {type: date} # 40 values, 0 missing, 40 distinct
      empty: {type: string} # 0 values, 40 missing, 0 distinct
# Which column plays which part:
# id: names a row in every later file
# label: what is to be predicted
# text: [columns that are read as one text]
# image: "name_{column}.jpg"
# date: when a row happened'
printf 'pr\351nom;"a;b";prix/kg;null\nL\351a;1;2,5;x\nZo\353;2;3,5;y\n' >"semi colon.csv"
run "$I" --infer "semi colon.csv"
is "to standard output" "$rc" 0
has "a delimiter and an encoding are found" "$out" 'csv: {delimiter: ";", encoding: windows-1252, decimal: ","}'
has "names that cannot stand get others" "$out" 'column3: {type: float, from: "prix/kg"}'
has "and others quotes" "$out" '"null": {type: string}'
cp "semi colon.csv" semicolon.csv
whole "semicolons" semicolon.csv
printf 'id;price;size\n1;2,5;3\n2;;4,25\n3;7;5\n' >comma.csv
whole "decimal commas" comma.csv
has "are those of the file" "$(cat made.yaml)" 'csv: {delimiter: ";", encoding: utf-8, decimal: ","}'
has "and its numbers are some" "$(cat made.yaml)" 'price: {type: float}'
printf 'id;price;size\n1;2,5;3\n2;;4.25\n3;7;5\n' >points.csv
whole "commas and points" points.csv
has "a point in another column makes the comma none" "$(cat made.yaml)" 'price: {type: string}'
printf 'id,price\n1,"1,234"\n2,"2,500"\n' >thousands.csv
whole "thousands" thousands.csv
has "beside commas are no numbers" "$(cat made.yaml)" 'price: {type: string}'
printf '{"id": 1, "x": 1.5}\n{"id": 2, "name": "a", "x": null}\n' >r.jsonl
printf '[{"a": "2024-01-01"}, {"a": "2024-01-02", "b": true}]' >s.json
whole "JSON" r.jsonl s.json
has "keys of any record" "$(cat made.yaml)" "name: {type: string}"
for s in "$top/data/sample/X_train_update.csv" "$top/data/sample/Y_train_CVw08PX.csv"; do whole "$(basename "$s")" "$s"; done
for day in 08 09 10; do printf 'id,price,note\n%s1,2,%s\n%s2,3.5,x\n' "$day" "$day" "$day" >"day_2024-01-$day.csv"; done
whole "a file per day" day_2024-01-08.csv day_2024-01-09.csv day_2024-01-10.csv
is "is one table" "$(sed -n 2,9p made.yaml)" 'tables:
  day:
    file: "day_[0-9]*.csv" # 6 rows in 3 files
    key: id # the first column whose values are distinct
    columns:
      id: {type: string} # 6 values, 0 missing, 6 distinct
      price: {type: float} # 6 values, 0 missing, 2 distinct
      note: {type: string} # 6 values, 0 missing, 4 distinct'
cp day_2024-01-08.csv 1.csv
cp day_2024-01-09.csv 10.csv
whole "names of digits alone" 1.csv 10.csv
has "have a pattern, too" "$(cat made.yaml)" '  files:
    file: "[0-9]*.csv" # 4 rows in 2 files'
printf 'id,price\n1,2\n' >day_2024-01-11.csv
whole "but not one with other columns" day_2024-01-08.csv day_2024-01-11.csv
has "which is a table of its own" "$(cat made.yaml)" 'file: "day_2024-01-11.csv"'
awk 'BEGIN { for (i = 0; i < 4097; i++) printf "{\"a%d\": 1, \"b%d\": 1, \"c%d\": 1, \"d%d\": 1}\n", i, i, i, i }' >keys.jsonl
refuses "keys without end" 65 "'keys.jsonl' line 4097: the records have more than 16384 keys by now" "$I" --infer keys.jsonl
: >none.csv
refuses "a file without a header" 65 "'none.csv' is empty" "$I" --infer none.csv
refuses "no such file" 74 "cannot open 'absent.csv'" "$I" --infer absent.csv
finish
