#!/bin/sh
# import: what it reads besides plain CSV: dialects, gzip, JSON, SQLite, PostgreSQL.
. "$(dirname "$0")/tap.sh"
. "$top/tests/cli/postgres.sh"
I=$L/import
py=
for p in python3 /usr/bin/python3; do "$p" -c 'import h5py, sqlite3' 2>/dev/null && py=$p && break; done
[ -n "$py" ] || skip_all "python3-h5py is not installed"

export PYTHONPATH="$top/tests/cli" PYTHONDONTWRITEBYTECODE=1
cat >show.py <<'END'
import sys, h5py
from columns import column
f = h5py.File(sys.argv[1], "r")
for t in sys.argv[2:]:
    for name in f[t].attrs["columns"]:
        print(name, column(f[t][name]))
END
show() { "$py" show.py table.h5 "$@" 2>&1; }
schema() { cat >schema.yaml; }
import() { rm -f table.h5; "$I" --schema schema.yaml --table table.h5 "$@"; }

# ---- CSV as others write it -------------------------------------------------------------------------------------------
schema <<'END'
schema: 1
csv: {delimiter: ";", encoding: windows-1252}
tables:
  t:
    file: "*.csv*"
    key: id
    columns:
      id: int
      prénom: {type: string, unique: true}
      day: {type: date, format: ["%d/%m/%Y", "%Y-%m-%d"], min: 2020-01-01}
END
printf 'id;pr\351nom;day\n1;L\351a \200;29/02/2024\n2;"x;y";2024-03-01\n' >a.csv
printf 'id;pr\351nom;day\n3;x;y;1\n4;L\351a \200;2024-03-01\n5;z;31/12/2019\n6;;1/1/2024\n7;;1/1/2024\n' | gzip >b.csv.gz
ok "semicolons, Windows-1252 and gzip" import --source a.csv --source b.csv.gz --max_reject_share 1
is "the values are what was meant" "$(show t)" "id [1, 2, 5, 6, 7]
prénom ['Léa €', 'x;y', 'z', None, None]
day [19782, 19783, None, 19723, 19723]"
has "a value of a unique column that was there before is named with its place" "$(show rejects)" "value ['4 fields, want 3', 'Léa € (first in a.csv line 2)', '31/12/2019']"
has "and its reason" "$(show rejects)" "reason ['wrong number of fields', 'value seen before', 'out of range']"
gzip -c a.csv | head -c 40 >cut.csv.gz
refuses "truncated gzip" 65 "'cut.csv.gz' ends inside of its gzip data: truncated" import --source cut.csv.gz
{ cat a.csv; head -c 50000000 /dev/zero; } | gzip >bomb.csv.gz
refuses "a gzip bomb" 65 "'bomb.csv.gz' is packed more than 200 times" import --source bomb.csv.gz
refuses "the limit is a parameter" 65 "'bomb.csv.gz' is packed more than 3 times" import --source bomb.csv.gz --max_ratio 3
absent "none of them left an output" table.h5 table.h5.tmp

# ---- JSON ---------------------------------------------------------------------------------------------------------------
schema <<'END'
schema: 1
tables:
  t:
    file: "t.*"
    columns: {id: int, name: {type: string, from: [name, Name]}, ok: {type: bool, optional: true}, extra: {type: string, optional: true}}
END
printf '{"id": 1, "name": "L\303\251a\\n", "ok": true}\n{"Name": null, "id": 2, "extra": {"a": [1]}}\n' >t.jsonl
printf '[{"id": 1, "name": "L\303\251a\\n", "ok": true},\n\n {"Name": null, "id": 2, "extra": {"a": [1]}}]' >t.json
ok "JSON lines" import --source t.jsonl
is "the values" "$(show t)" "id [1, 2]
name ['Léa\\n', None]
ok [1, None]
extra [None, '{\"a\":[1]}']"
cp table.h5 lines.h5
ok "an array of records" import --source t.json
same "is the same table" table.h5 lines.h5
gzip -f t.json
ok "packed" import --source t.json.gz
same "is the same table again" table.h5 lines.h5
printf '{"id": 1, "name": 7}\n{"id": 1.5, "name": "b"}\n{"id": 3, "name": "c", "name": "d"}\n{"id": 4,\n' >t.jsonl
ok "records that are broken are kept out" import --source t.jsonl --max_reject_share 1
has "with their lines" "$(show rejects)" "line [2, 3, 4]"
has "and reasons" "$(show rejects)" "reason ['not a whole number', 'bad JSON record', 'bad JSON record']"
printf '[{"id": 1}, {"id": 2}]' >t.json
refuses "no record has the column" 65 "no record of 't.json' has 'name' (column 'name' of table 't')" import --source t.json
printf '[{"id": 1, "name": "a"},' >t.json
refuses "an array that ends too early" 65 "'t.json' line 1: the file ends in its array" import --source t.json
mkfifo t.ndjson
refuses "a FIFO" 74 "'t.ndjson' is not a regular file" import --source t.ndjson

# ---- decimal commas ---------------------------------------------------------------------------------------------------
schema <<'END'
schema: 1
csv: {delimiter: ";", decimal: ","}
tables:
  t:
    file: "t.*"
    key: id
    missing: ["", n.a.]
    columns: {id: int, price: {type: float, max: 99.5}, day: {type: date, format: "%d.%m.%Y"}}
END
printf 'id;price;day\n1;12,5;29.02.2024\n2,0; -0,25 ;\n3;1.234;\n4;1.234,5;\n5;n.a.;\n6;99,6;\n7;1,5e3;\n8;7;\n' >t.csv
ok "a decimal comma" import --source t.csv --max_reject_share 1
is "is the point of numbers, and of nothing else" "$(show t)" "id [1, 2, 3, 4, 5, 6, 7, 8]
price [12.5, -0.25, None, None, None, None, None, 7.0]
day [19782, None, None, None, None, None, None, None]"
is "a point is none then" "$(show rejects | grep value)" "value ['1.234', '1.234,5', '99,6', '1,5e3']"
printf '{"id": 1, "price": 12.5, "day": "29.02.2024"}\n' >t.jsonl
ok "JSON has points all the same" import --source t.jsonl
is "whatever the files of CSV have" "$(show t)" "id [1]
price [12.5]
day [19782]"
sed -i 's/decimal: ","/decimal: x/' schema.yaml
refuses "another sign" 64 "decimal: 'x', want '.' or ','" import --source t.csv

# ---- SQLite -------------------------------------------------------------------------------------------------------------
"$py" - <<'END'
import sqlite3
db = sqlite3.connect("votes.db")
db.execute("CREATE TABLE original (count INTEGER, class INTEGER, tweet TEXT, score REAL)")
db.executemany("INSERT INTO original VALUES (?, ?, ?, ?)",
               [(3, 0, "a, \"quoted\"\nline", 0.1), (6, 1, None, 1e300), (9, 2, "é", None)])
db.execute("CREATE TABLE odd (id, v)")
db.executemany("INSERT INTO odd VALUES (?, ?)", [(1, "12"), (2, "x"), (3, b"\xff"), (4, 2.5)])
db.commit()
END
schema <<'END'
schema: 1
tables:
  original:
    query: SELECT "count", class, tweet, score FROM original ORDER BY rowid;
    columns:
      totalvotes: {type: int, from: count}
      class: {type: category, levels: ["0", "1", "2"], names: [hate, hurt, neither]}
      text: {type: string, from: tweet}
      score: float
text: [text]
label: class
END
ok "a query to SQLite" import --database sqlite:votes.db
is "gives its rows" "$(show original)" "totalvotes [3, 6, 9]
class ['0', '1', '2']
text ['a, \"quoted\"\\nline', None, 'é']
score [0.1, 1e+300, None]"
refuses "a query without a database" 64 "table 'original' is a query: --database is missing" import
refuses "no such file" 74 "cannot open 'absent.db': No such file" import --database sqlite:absent.db
refuses "a directory" 74 "'.' is not a regular file" import --database sqlite:.
echo "this is no database, but a text of some length" >text.db
refuses "a file that is no database" 65 "file is not a database" import --database sqlite:text.db
refuses "another kind of database" 64 "database: 'mysql://x', want sqlite:PATH or postgresql://" import --database mysql://x
refuses "a password in the URL" 64 "no password in the URL, but in PGPASSWORD" "$I" --check --schema schema.yaml --database postgresql://me:secret@host/db
case $err in *secret*) fail "and it is not repeated" "$err" ;; *) pass "and it is not repeated" ;; esac
query() { sed -i "s/query: .*/query: $1/" schema.yaml; }
query 'SELECT absent FROM original'
refuses "a query that SQLite refuses" 65 "query refused: no such column: absent" import --database sqlite:votes.db
query 'DELETE FROM original'
refuses "what is no query" 65 "'votes.db': want one query that gives rows: DELETE" import --database sqlite:votes.db
query 'SELECT 1 AS count, 2 AS klass, 3 AS tweet, 4 AS score'
refuses "a query without a column" 65 "'query original' has no column 'class' (column 'class' of table 'original') (did you mean 'klass'?)" import --database sqlite:votes.db
schema <<'END'
schema: 1
tables:
  t: {query: "SELECT id, v FROM odd", columns: {id: int, v: int}}
END
mkdir p
cat >p/schema.yaml <<'END'
schema: 1
tables:
  original: {query: SELECT * FROM original ORDER BY rowid, columns: {class: category, tweet: string}}
text: [tweet]
END
cat >p/pipeline.yaml <<'END'
refit: 1
name: votes
stages:
  import:
    deps: {schema: schema.yaml}
    outs: {table: work/table.h5}
    params: {database: "sqlite:../votes.db"}
    always_changed: true
  below:
    cmd: [cp, "${deps.table}", "${outs.copy}"]
    deps: {table: work/table.h5}
    outs: {copy: work/copy.h5}
END
ok "a stage that imports from a database is valid" refit -C p validate
ok "and runs" refit -C p run
ok "and looks again" refit -C p run
has "but the same rows stop the run there" "$out$err" "1 done, 1 reused"
sed 's|sqlite:../votes.db|postgresql://u:p@h/db|' p/pipeline.yaml >p/bad.yaml
refuses "a password in its URL does not pass" 64 "a password in a URL would be kept in the history" refit -C p validate -f bad.yaml
refuses "a query that returns other types than declared" 65 "table 't': 3 of 4 rows are bad (75.0 %)" import --database sqlite:votes.db
has "with the value" "$err" "reject: query t line 2 column v: not a whole number: 'x'"
has "and bytes that are no text" "$err" "reject: query t line 3: invalid encoding"

# ---- PostgreSQL ---------------------------------------------------------------------------------------------------------
schema <<'END'
schema: 1
tables:
  t:
    query: SELECT * FROM feed ORDER BY id
    columns:
      id: int
      name: string
      price: float
      sold: bool
      day: date
      at: date
END
refuses "a server that is not there is for later" 75 "PostgreSQL: cannot connect" import --database "postgresql://nobody@/none?host=$t/nowhere"
if postgres_start; then
    psql_do -c "CREATE TABLE feed (id bigint, name text, price numeric(10,2), sold boolean, day date, at timestamptz)" \
        -c "INSERT INTO feed VALUES (1, E'tab\tback\\\\slash \"q\"\nline', 12.50, true, '2024-02-29', '2024-02-29 13:00:00.25+02'),
            (2, NULL, NULL, NULL, NULL, NULL), (9007199254740993, 'é \N', 0.1, false, '1969-12-31', '2000-01-01 00:00:00+00')"
    ok "a query to PostgreSQL" import --database "$pg"
    is "gives its rows" "$(show t)" "id [1, 2, 9007199254740993]
name ['tab\\tback\\\\slash \"q\"\\nline', None, 'é \\\\N']
price [12.5, None, 0.1]
sold [1, None, 0]
day [19782, None, -1]
at [1709204400250000, None, 946684800000000]"
    cp table.h5 first.h5
    ok "again" import --database "$pg"
    same "is the same bytes" first.h5 table.h5
    query 'SELECT nothing FROM feed'
    refuses "a query that it refuses" 65 'PostgreSQL: query refused: ERROR: column "nothing" does not exist' import --database "$pg"
    query 'DELETE FROM feed'
    refuses "what is no query" 65 "want one query that gives rows: DELETE" import --database "$pg"
    query 'DELETE FROM feed RETURNING *'
    refuses "what writes" 65 "PostgreSQL: query refused" import --database "$pg"
    is "has written nothing" "$(psql_do -At -c 'SELECT count(*) FROM feed')" 3
    cat >gone.yaml <<'END'
schema: 1
tables:
  t:
    query: SELECT i AS id, CASE WHEN i = 50000 THEN pg_terminate_backend(pg_backend_pid()) END AS gone FROM generate_series(1, 100000) AS i
    columns: {id: int}
END
    refuses "a server that goes away in the middle of a query is for later" 75 "PostgreSQL: " "$I" --schema gone.yaml --table gone.h5 --database "$pg"
    absent "without output" gone.h5 gone.h5.tmp
    mkdir -m 755 g
    : >g/broken # while it is there, the server ends the query in its middle
    sed "s|WHEN i = 50000|& AND (pg_stat_file('$t/g/broken', true)).size IS NOT NULL|" gone.yaml >g/schema.yaml
    cat >g/pipeline.yaml <<END
refit: 1
name: gone
stages:
  import:
    deps: {schema: schema.yaml}
    outs: {table: work/table.h5}
    params: {database: "$pg"}
    always_changed: true
    retry: {max: 1000, delay: 100ms}
END
    refit -C g run >g/out 2>&1 &
    job=$!
    if until_true sh -c 'grep "PostgreSQL: " g/.refit/runs/*/import.1.log'; then
        pass "in a pipeline it is told"
    else
        fail "in a pipeline it is told" "$(cat g/out)"
    fi
    rm g/broken
    wait "$job"
    is "and the run tries again, and ends well" "$?" 0
    has "at a later attempt" "$(cat g/.refit/runs/*/import.*.log)" "100000 of 100000 rows kept"
    cat >other.yaml <<'END'
schema: 1
tables:
  t:
    query: SELECT day AS id, 'NaN'::float8 AS price FROM feed
    columns: {id: int, price: float}
END
    refuses "a query that returns other types than declared" 65 "table 't': 3 of 3 rows are bad" "$I" --schema other.yaml --table other.h5 --database "$pg"
    has "with the value" "$err" "reject: query t line 1 column id: not a whole number: '2024-02-29'"
    has "NaN is no number" "$err" "column price: not a number: 'NaN'"
    postgres_stop
    if command -v openssl >/dev/null && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
        -keyout pg/key.pem -out pg/cert.pem >/dev/null 2>&1; then
        chmod 600 pg/key.pem
        [ -z "$as" ] || chown postgres: pg/key.pem pg/cert.pem
        printf 'local all all trust\nhostssl all all 127.0.0.1/32 trust\n' >pg/data/pg_hba.conf
        port=
        for _ in 1 2 3 4 5; do # a port that nobody has; another test may take it first
            port=$("$py" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
            postgres_go -c listen_addresses=127.0.0.1 -p "$port" -c ssl=on -c "ssl_cert_file=$t/pg/cert.pem" -c "ssl_key_file=$t/pg/key.pem" && break
            port=
        done
        schema <<'END'
schema: 1
tables:
  t: {query: SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid(), columns: {ssl: bool}}
END
        ok "a server that asks for TLS" import --database "postgresql://$pguser@127.0.0.1:$port/postgres"
        is "gets it" "$(show t)" "ssl [1]"
        verify="postgresql://$pguser@localhost:$port/postgres?hostaddr=127.0.0.1&sslmode=verify-full"
        ok "whose certificate is looked at where that is asked" import --database "$verify&sslrootcert=$t/pg/cert.pem"
        is "gets it, too" "$(show t)" "ssl [1]"
        refuses "one who must not is refused" 75 "PostgreSQL: cannot connect" import --database "postgresql://$pguser@127.0.0.1:$port/postgres?sslmode=disable"
        refuses "a certificate that nobody vouches for does not pass where that is asked" 75 "cannot connect" \
            import --database "$verify&sslrootcert=$t/absent.pem"
        postgres_stop
    else
        skip "a server that asks for TLS" "openssl is not installed"
    fi
    refuses "a server that was stopped" 75 "PostgreSQL: cannot connect" "$I" --schema gone.yaml --table gone.h5 --database "$pg"
else
    skip "queries to PostgreSQL" "$why"
fi
finish
