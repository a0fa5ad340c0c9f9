#!/bin/sh
# import: what a user can see of it.
. "$(dirname "$0")/tap.sh"
I=$L/import

cat >schema.yaml <<'END'
schema: 1
missing: ["", NA]
tables:
  items:
    file: items*.csv
    key: row
    columns:
      row: {type: int, from: ""}
      name: string
      price: {type: float, min: 0}
      sold: bool
      day: date
      brand: {type: category, optional: true}
      picture: {type: string, optional: true}
  labels:
    file: labels.csv
    key: row
    join: items
    columns: {row: {type: int, from: ""}, class: category}
id: name
text: [name]
image: "img_{picture}.jpg"
label: class
END
cat >items.csv <<'END'
,name,price,sold,day,brand
7,"Chaise ""Léa""",12.5,true,2024-02-29,Ö
8,"two
lines",NA,false,2024-03-01,
9,c,3,,,Ö
END
cat >labels.csv <<'END'
,class
9,b
7,a
8,b
END
import() { "$I" --schema schema.yaml --table table.h5 "$@"; }
both() { import --source items.csv --source labels.csv "$@"; }

# ---- a good run -------------------------------------------------------------------------------------------------------
ok "good files become a table" both
is "it says what it kept" "$err" "table 'items': 3 of 3 rows kept; 0 with rejects
table 'labels': 3 of 3 rows kept; 0 with rejects
warning: no file has all columns of the picture names 'img_{picture}.jpg'"
is "stdout carries nothing" "$out" ""
absent "no temporary file stays" table.h5.tmp
cp table.h5 first.h5
ok "the same again" both
same "the same input is the same bytes" first.h5 table.h5
ok "source by source in another order" import --source labels.csv --source items.csv
same "the order of the files of different tables does not matter" first.h5 table.h5

if command -v h5ls >/dev/null; then
    run h5ls -r table.h5
    has "h5ls lists a float column" "$out" "/items/price/values      Dataset {3}"
    has "h5ls lists its mask" "$out" "/items/price/valid       Dataset {3}"
    has "h5ls lists levels" "$out" "/items/class/levels/offsets Dataset {3}"
    has "h5ls lists the rejects" "$out" "/rejects/reason/offsets"
    run h5dump -a /items/columns table.h5
    has "h5dump shows the columns; an optional one that no file has is left out" "$out" '"row", "name", "price", "sold", "day", "brand", "class"'
    run h5dump -a /items/schema table.h5
    has "how rows are read travels along" "$out" '"price": {type: float, from: ["price"], min: 0, missing: ["", "NA"]}'
    has "a row need not have the label" "$out" '"class": {type: category, from: ["class"], optional: true'
    run h5dump -y -d /items/class/values table.h5
    has "levels stand in the order in which the rows show them" "$out" "0, 1, 1"
else
    skip "h5ls and h5dump" "hdf5-tools is not installed"
fi

export PYTHONPATH="$top/tests/cli" PYTHONDONTWRITEBYTECODE=1
cat >show.py <<'END'
import sys
import h5py, numpy as np
from columns import column
f = h5py.File(sys.argv[1], "r")
for t in list(f.attrs["tables"]) + ["rejects"]:
    g = f[t]
    print(t, {k: (list(v) if isinstance(v, np.ndarray) else v) for k, v in g.attrs.items() if k not in ("columns", "keys_sha256", "schema")})
    for name in g.attrs["columns"]:
        print("  ", name, dict(g[name].attrs), column(g[name]))
END
py=
for p in python3 /usr/bin/python3; do "$p" -c 'import h5py' 2>/dev/null && py=$p && break; done
if [ -n "$py" ]; then
    run "$py" show.py table.h5
    is "h5py reads the file without our code" "$out" "items {'features': ['price', 'sold', 'brand'], 'id': 'name', 'label': 'class', 'rows': 3, 'text': ['name']}
   row {'type': 'int'} [7, 8, 9]
   name {'type': 'string'} ['Chaise \"Léa\"', 'two\\nlines', 'c']
   price {'type': 'float'} [12.5, None, 3.0]
   sold {'type': 'bool'} [1, 0, None]
   day {'type': 'date', 'unit': 'days'} [19782, 19783, None]
   brand {'type': 'category'} ['Ö', None, 'Ö']
   class {'type': 'category'} ['a', 'b', 'b']
rejects {'rows': 0}
   file {'type': 'string'} []
   line {'type': 'int'} []
   column {'type': 'string'} []
   value {'type': 'string'} []
   reason {'type': 'string'} []"
else
    skip "h5py reads the file without our code" "python3-h5py is not installed"
fi

# ---- rows and values that are kept out ----------------------------------------------------------------------------------
rejects() { "$py" - "$1" <<'END'
import sys, h5py
g = h5py.File(sys.argv[1], "r")["rejects"]
def texts(name):
    b, o = g[name]["bytes"][:].tobytes(), g[name]["offsets"][:]
    return [b[i:j].decode() for i, j in zip(o[:-1], o[1:])]
for row in zip(texts("file"), g["line/values"][:], texts("column"), texts("value"), texts("reason")):
    print("|".join(map(str, row)))
END
}
printf '%s\n' ',name,price,sold,day,brand' '1,a,1,1,,x' '2,b,1' '3,"open,1,1,,x' '4,d,cheap,1,2023-02-29,x' \
    '5,"e"x,1,1,,x' '1,f,1,1,,x' '7,a,1,1,,x' 'x,h,1,1,,x' '9,i,-1,1,,x' ',j,1,1,,x' >items.csv
printf '10,k\0,1,1,,x\n11,\377,1,1,,x\n12,l,1,1,,x\n' >>items.csv
printf ',class\n1,a\n4,b\n99,c\n9,a\n12,\n' >labels.csv
ok "bad rows do not stop a run that allows for them" both --max_reject_share 1
is "every kind is counted" "$(echo "$err" | grep -v ^reject:)" "warning: table 'items': 4 of 13 rows kept; 11 with rejects: 1 wrong number of fields, 2 stray quote, 1 NUL byte, 1 invalid encoding, 1 no value, but required, 1 not a number, 1 not a whole number, 1 not a date, 1 out of range, 1 key seen before, 1 id seen before
warning: table 'labels': 5 of 5 rows kept; 1 with rejects: 1 no row with this key in the joined table
warning: no file has all columns of the picture names 'img_{picture}.jpg'"
has "the first ones are told, with their places" "$err" "reject: items.csv line 3: wrong number of fields: '3 fields, want 6'"
has "and how many there are besides" "$err" "reject: ... and 3 more"
if [ -n "$py" ]; then
    run rejects table.h5
    is "each is listed with file, line, column, value, reason" "$out" 'items.csv|3||3 fields, want 6|wrong number of fields
items.csv|4||open,1,1,,x?4,d,cheap,1,2023-02-29,x?5,"|stray quote
items.csv|5|price|cheap|not a number
items.csv|5|day|2023-02-29|not a date
items.csv|6||e"|stray quote
items.csv|7|row|1 (first in items.csv line 2)|key seen before
items.csv|8|name|a (first in items.csv line 2)|id seen before
items.csv|9|row|x|not a whole number
items.csv|10|price|-1|out of range
items.csv|11|row||no value, but required
items.csv|12||10,k?,1,1,,x|NUL byte
items.csv|13||11,?,1,1,,x|invalid encoding
labels.csv|4|row|99|no row with this key in the joined table'
    run "$py" show.py table.h5
    has "rows with a bad value stay, the value is a gap" "$out" "price {'type': 'float'} [1.0, None, None, 1.0]"
    has "levels that only kept-out rows had are gone, a row without label stays" "$out" "class {'type': 'category'} ['a', 'b', 'a', None]"
fi
rm table.h5
refuses "over the limit the run fails" 65 "table 'items': 11 of 13 rows are bad (84.6 %), --max_reject_share allows 5 %" both
has "and shows the first rejects" "$err" "reject: items.csv line 5 column price: not a number: 'cheap'"
absent "without output" table.h5 table.h5.tmp

# ---- input that cannot be read ------------------------------------------------------------------------------------------
printf ',name,price,sold,day,brand\n1,a,1,1,,x\n' >items.csv
printf ',class\n1,a\n' >labels.csv
ok "a small good pair" both
rm table.h5
refuses "a missing file" 74 "cannot open 'itemsx.csv': No such file" import --source itemsx.csv --source labels.csv
if [ "$(id -u)" -ne 0 ]; then
    cp items.csv items2.csv; chmod 000 items2.csv
    refuses "an unreadable file" 74 "cannot open 'items2.csv': Permission denied" import --source items2.csv --source labels.csv
    rm -f items2.csv
else
    skip "an unreadable file" "root reads everything"
fi
mkdir items_dir.csv; mkfifo items_fifo.csv
refuses "a directory" 74 "'items_dir.csv' is not a regular file" import --source items_dir.csv --source labels.csv
refuses "a FIFO" 74 "'items_fifo.csv' is not a regular file" import --source items_fifo.csv --source labels.csv
refuses "a table without a file names the nearest one" 65 "no source is called 'labels.csv' (table 'labels') (did you mean 'label.csv'?); given: items.csv, label.csv" import --source items.csv --source label.csv
refuses "no source at all" 64 "--source is missing" import
: >items.csv
refuses "an empty file" 65 "'items.csv' is empty, want a header line" both
printf ',name,price,sold,day\n' >items.csv
refuses "a header alone" 65 "table 'items' has 0 good rows, want at least 1" both
printf ',nmae,price,sold,day\n1,a,1,1,\n' >items.csv
refuses "a wrong header names the missing column and the nearest" 65 "'items.csv' has no column 'name' (column 'name' of table 'items') (did you mean 'nmae'?); it has: (unnamed), nmae, price, sold, day" both
printf ',name,price,sold,day,name\n1,a,1,1,,b\n' >items.csv
refuses "a column twice" 65 "'items.csv' line 1: the header has column 'name' twice" both
printf ',name,price,sold,day\n1,"a,1,1,\n' >items.csv
refuses "nothing but an unterminated quote" 65 "table 'items' has 0 good rows" both
has "it shows the row" "$err" "reject: items.csv line 2: unterminated quote: 'a,1,1,?'"
printf '\377\376,\0n\0' >items.csv
refuses "UTF-16" 65 "'items.csv' is UTF-16, want UTF-8" both
absent "none of them left an output" table.h5 table.h5.tmp

printf ',name,price,sold,day,brand\n1,a,1,1,,x\n' >items.csv
printf ',class\n5,a\n6,b\n' >labels.csv
refuses "labels that match nothing" 65 "no row of 'labels' has the key of a row of 'items': column 'row' holds e.g. '5', column 'row' '1'" both
printf ',klass\n1,a\n' >labels.csv
refuses "labels with another header" 65 "'labels.csv' has no column 'class' (column 'class' of table 'labels') (did you mean 'klass'?)" both
printf ',class\n1,a\n' >labels.csv
printf ',name,price,sold,day\n1,a,1,1,\n2,b,1,1,\n' >items.csv
ok "rows without a label stay" both
has "with a warning" "$err" "warning: table 'items': 1 of 2 rows have no row in 'labels'"

printf ',name,price,sold,day\n1,' >items.csv
head -c 100000000 /dev/zero | tr '\0' 'x' >>items.csv
printf ',1,1,\n2,b,1,1,\n' >>items.csv
printf ',class\n2,a\n' >labels.csv
rm -f table.h5
memory=60000 # KiB
case $B in *san*) memory=unlimited ;; esac # sanitizers reserve terabytes
refuses "a field of 100 MB is a reject, with 60 MB to read it in" 65 "1 of 2 rows are bad" sh -c "ulimit -v $memory; exec '$I' --schema schema.yaml --table table.h5 --source items.csv --source labels.csv"
has "it is called by its name" "$err" "items.csv line 2: field too long: 'xxxx"
printf ',name,price,sold,day\n1,12345678,1,1,\n' >items.csv
printf ',class\n1,a\n' >labels.csv
refuses "the limit is a parameter" 65 "table 'items' has 0 good rows" both --max_field 7
ok "and reached is not exceeded" both --max_field 8

# ---- several files of one table, files of nobody, schemas -----------------------------------------------------------------
printf ',name,price,sold,day,brand\n1,a,1,1,2024-01-01 10:00,x\n' >items1.csv
printf 'day,sold,price,name,\n2024-01-02,0,2,b,2\n,,,a,3\n' >items2.csv
printf 'nothing\n' >other.csv
printf ',class\n1,a\n2,b\n' >labels.csv
ok "a table may come in several files with columns in another order" import --max_reject_share 1 --source items1.csv --source items2.csv --source other.csv --source labels.csv
cp table.h5 first.h5
ok "all behind one flag, as a shell writes a pattern" import --max_reject_share 1 --source items1.csv items2.csv other.csv labels.csv
same "are the same" first.h5 table.h5
has "files of no table are left alone" "$err" "'other.csv' is no table of the schema: left alone"
if [ -n "$py" ]; then
    run "$py" show.py table.h5
    has "their rows follow each other" "$out" "name {'type': 'string'} ['a', 'b']"
    has "a column that only one has is a gap in the other" "$out" "brand {'type': 'category'} ['x', None]"
    has "one time of day makes all dates microseconds" "$out" "'unit': 'us'} [1704103200000000, 1704153600000000]"
    run rejects table.h5
    is "an id of an earlier file is named with that file" "$out" "items2.csv|3|name|a (first in items1.csv line 2)|id seen before"
fi
sed 's/day: date/day: {type: date, unit: days}/' schema.yaml >days.yaml
ok "unless the schema says days" "$I" --schema days.yaml --table days.h5 --max_reject_share 1 --source items1.csv --source items2.csv --source labels.csv
[ -z "$py" ] || has "then the time is left out" "$("$py" show.py days.h5)" "'unit': 'days'} [19723, 19724]"
printf 'schema: 1\ntables:\n  t: {file: "*.csv", columns: {a: int}}\nlable: a\n' >bad.yaml
mkfifo fifo.yaml
refuses "a FIFO as schema, which nobody writes" 64 "fifo.yaml:1:1: the file is empty" timeout 60 "$I" --schema fifo.yaml --source items1.csv --table table.h5
refuses "a bad schema" 64 "bad.yaml:4:1: schema: unknown key 'lable'; did you mean 'label'?" "$I" --schema bad.yaml --source items1.csv --table table.h5
refuses "--check reads the schema alone" 64 "bad.yaml:4:1" "$I" --check --schema bad.yaml
ok "--check of a good schema" "$I" --check --schema schema.yaml
printf 'schema: 1\ntables:\n  t: {file: "*.csv", columns: {a: int}}\n  u: {file: "items*", columns: {a: int}}\n' >two.yaml
refuses "a file that is two tables" 64 "'items1.csv' is table 't' by its pattern '*.csv' and table 'u' by 'items*'" "$I" --schema two.yaml --source items1.csv --table table.h5
for s in products fashion titanic; do ok "data/schemas/$s.yaml is a schema" "$I" --check --schema "$top/data/schemas/$s.yaml"; done

# ---- a disk that is full ------------------------------------------------------------------------------------------------
rm -f table.h5
{ printf ',name,price,sold,day\n'; i=0; while [ $i -lt 3000 ]; do echo "$i,name number $i,$i,1,"; i=$((i + 1)); done; } >items.csv
printf ',class\n1,a\n' >labels.csv
refuses "a full disk" 74 "table.h5" sh -c "ulimit -f 16; exec '$I' --schema schema.yaml --table table.h5 --source items.csv --source labels.csv"
absent "leaves no output" table.h5 table.h5.tmp
refuses "a directory that cannot be made" 74 "cannot make directory '/proc/refit'" "$I" --schema schema.yaml --table /proc/refit/table.h5 --source items.csv --source labels.csv


# ---- what the runner hears ----------------------------------------------------------------------------------------------
ok "a run with a channel for events" env REFIT_EVENTS=file:events "$I" --schema schema.yaml --table table.h5 --source items.csv --source labels.csv
has "tells its progress in bytes" "$(cat events)" '"unit":"bytes"'
has "and its warnings" "$(cat events)" '{"warning":"table '

run "$I" --describe
has "--describe names the side file" "$out" '"side": true'
finish
