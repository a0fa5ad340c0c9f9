#!/bin/sh
# import --incremental true: only what is new is read, and the result is that of reading everything, byte for byte.
. "$(dirname "$0")/tap.sh"
. "$top/tests/cli/postgres.sh"
I=$L/import

cat >schema.yaml <<'END'
schema: 1
tables:
  orders:
    file: "day*.csv*"
    key: order
    columns:
      order: int
      client: {type: category, optional: true}
      note: string
      price: {type: float, min: 0}
      at: date
      invoice: {type: string, optional: true, unique: true}
  labels:
    file: labels.csv
    key: order
    join: orders
    columns: {order: int, class: category}
  visits:
    file: visits*.jsonl
    columns: {client: string, n: int}
label: class
END
head=order,client,note,price,at
printf '%s\n' "$head" '1,Zoë,"two' 'lines",1,2024-01-01' '2,Al,,-1,2024-01-01' '3,Zoë,x' '4,,é,4,2024-01-01' >day1.csv
printf '%s\n' "$head,invoice" '5,Bo,y,5,2024-01-02,A' '1,Bo,again,1,2024-01-02,B' '6,Al,z,x,2024-01-02,A' '7,Al,z,7,2024-01-02,' >day2.csv
printf '%s\n' "$head" '8,New,later,8,2024-01-03 10:00' '5,New,twice,8,2024-01-03' '9,Zoë,"q' >day3.csv
printf '%s\n' order,class 1,b 4,a 99,c >labels1.csv
printf '%s\n' order,class 1,b 4,a 5,c 8,d 99,c >labels2.csv
echo '{"client": "Zoë", "n": 1}' >visits1.jsonl
echo '{"client": "Al", "n": "x"}' >visits2.jsonl

# import OUT FILE...: everything that is given
import() {
    to=$1
    shift
    set -- $(for f; do echo "--source $f"; done)
    run "$I" --schema schema.yaml --table "$to" --incremental true --max_reject_share 1 "$@"
}
days() { table=$1; shift; import "$table" labels.csv visits1.jsonl "$@"; }

cp labels1.csv labels.csv
days step.h5 day1.csv
is "the first import" "$rc" 0
has "reads everything" "$err" "everything is read: there is no table yet"
cp step.h5 one.h5
days step.h5 day1.csv
has "again there is nothing new" "$err" "table 'orders': 0 of 1 files are new"
same "and the same bytes" step.h5 one.h5

cp labels2.csv labels.csv
days step.h5 day1.csv day2.csv
has "one more file" "$err" "table 'orders': 1 of 2 files are new"
days full.h5 day1.csv day2.csv
same "gives what everything gives: rejects, levels, joins, new columns" step.h5 full.h5
has "with all of its counts" "$err" "table 'orders': 5 of 8 rows kept; 4 with rejects"

days step.h5 day1.csv day2.csv day3.csv visits2.jsonl
rm full.h5
days full.h5 day1.csv day2.csv day3.csv visits2.jsonl
same "and one more, with times of day, that ends inside of quotes" step.h5 full.h5

# ---- a file that grows --------------------------------------------------------------------------------------------------
days grow.h5 day1.csv day2.csv
printf '%s\n' '10,Al,"more' 'lines",7,2024-01-02 11:30,C' '5,Al,same key,1,2024-01-02,D' '11,Al,bad' >>day2.csv
days grow.h5 day1.csv day2.csv
has "rows that were added to the last file" "$err" "table 'orders': 0 of 2 files are new, one has new rows"
rm full.h5
days full.h5 day1.csv day2.csv
same "give what everything gives" grow.h5 full.h5
printf '12,Al,no end of line,1,2024-01-02,E' >>day2.csv
days grow.h5 day1.csv day2.csv
days other.h5 day1.csv day2.csv
same "without a line end too" grow.h5 other.h5
printf '0\n' >>day2.csv
days grow.h5 day1.csv day2.csv
has "then that row may have been cut off: everything is read" "$err" "table 'orders': everything is read: 'day2.csv' is another one"
rm other.h5
days other.h5 day1.csv day2.csv
same "with the same result" grow.h5 other.h5

# ---- what makes it read everything --------------------------------------------------------------------------------------
sed -i 's/Bo,y,5/Bo,y,6/' day2.csv
days grow.h5 day1.csv day2.csv
has "a file that changed inside" "$err" "everything is read: 'day2.csv' is another one"
days grow.h5 day2.csv day1.csv
has "another order" "$err" "everything is read: 'day1.csv' is not source 1 any more"
days grow.h5 day2.csv
has "a file that is gone" "$err" "everything is read: 'day1.csv' is not source 2 any more"
sed -i 's/min: 0/min: 1/' schema.yaml
days grow.h5 day2.csv
has "another schema" "$err" "everything is read: 'grow.h5' was made with another schema"
echo "not hdf5" >grow.h5
days grow.h5 day2.csv
is "a table that is none" "$rc" 0
has "and why" "$err" "everything is read: 'grow.h5'"
gzip day2.csv
days grow.h5 day1.csv
days grow.h5 day1.csv day2.csv.gz
has "packed files are new files too" "$err" "table 'orders': 1 of 2 files are new"
run "$I" --schema schema.yaml --table plain.h5 --max_reject_share 1 --source day1.csv --source labels.csv --source visits1.jsonl
if command -v h5ls >/dev/null; then
    run h5ls plain.h5
    case $out in *imported*) fail "without --incremental there are no marks" "$out" ;; *) pass "without --incremental there are no marks" ;; esac
else
    skip "without --incremental there are no marks" "hdf5-tools is not installed"
fi

# ---- queries ------------------------------------------------------------------------------------------------------------
cat >query.yaml <<'END'
schema: 1
tables:
  votes:
    query: SELECT id, day, text, class FROM votes
    since: id
    columns: {id: {type: int, unique: true}, day: date, text: string, class: {type: category, required: true}}
END
steps() { # NAME DATABASE SQL-COMMAND...
    name=$1 db=$2
    shift 2
    run "$I" --schema query.yaml --table q.h5 --incremental true --max_reject_share 1 --database "$db"
    is "$name: the first import" "$rc" 0
    "$@" "INSERT INTO votes VALUES (7, '2024-01-03 10:00:00', 'späte', 'c'), (8, NULL, 'x', NULL), (9, '2024-01-03', 'y', 'a')"
    run "$I" --schema query.yaml --table q.h5 --incremental true --max_reject_share 1 --database "$db"
    has "$name: new rows alone" "$err" "table 'votes': 5 of 6 rows kept; 1 with rejects"
    case $err in *everything*) fail "$name: not everything" "$err" ;; *) pass "$name: not everything" ;; esac
    run "$I" --schema query.yaml --table all.h5 --incremental true --max_reject_share 1 --database "$db"
    same "$name: give what everything gives" q.h5 all.h5
    "$@" "DELETE FROM votes WHERE id = 2"
    run "$I" --schema query.yaml --table q.h5 --incremental true --max_reject_share 1 --database "$db"
    has "$name: a row that was removed is seen" "$err" "table 'votes': everything is read: 5 rows up to '9', want 6"
    rm -f q.h5 all.h5
}
create="CREATE TABLE votes (id int, day timestamp, text text, class text)"
insert="INSERT INTO votes VALUES (1, '2024-01-01', 'a', 'b'), (2, '2024-01-02', 'ö', 'a'), (5, '2024-01-02', NULL, 'b')"
py=
for p in python3 /usr/bin/python3; do "$p" -c 'import sqlite3' 2>/dev/null && py=$p && break; done
sqlite_do() { "$py" -c 'import sqlite3, sys
db = sqlite3.connect("votes.db")
for q in sys.argv[1:]: db.execute(q)
db.commit()' "$@"; }
if [ -n "$py" ]; then
    sqlite_do "$create" "$insert"
    steps SQLite sqlite:votes.db sqlite_do
else
    skip "SQLite" "python3 with sqlite3 is not installed"
fi
if postgres_start; then
    psql_do -c "$create" -c "$insert"
    steps PostgreSQL "$pg" psql_do -c
    postgres_stop
else
    skip "PostgreSQL" "$why"
fi

# ---- in a pipeline ------------------------------------------------------------------------------------------------------
mkdir p && cd p && cp ../schema.yaml ../day1.csv ../labels.csv ../visits1.jsonl .
cat >pipeline.yaml <<'END'
refit: 1
name: feed
stages:
  import:
    deps: {source: "*.[cj]s*", schema: schema.yaml}
    outs: {table: {path: state/table.h5, persist: true}}
    params: {incremental: true, max_reject_share: 1}
END
ok "a pipeline keeps the table" refit run
printf '%s\n' "$head" '20,New,later,8,2024-01-03' >day4.csv
ok "and another run" refit run
run cat .refit/runs/*/import.1.log
has "reads what is new" "$out" "table 'orders': 1 of 2 files are new"
run "$I" --schema schema.yaml --table full.h5 --incremental true --max_reject_share 1 --source day1.csv --source day4.csv --source labels.csv --source visits1.jsonl
same "with the same result" full.h5 state/table.h5
finish
