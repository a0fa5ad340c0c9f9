#!/bin/sh
# import --profile, --page: what is in the data, and how far it moved since the last import.
. "$(dirname "$0")/tap.sh"
I=$L/import

cat >schema.yaml <<'END'
schema: 1
tables:
  items:
    file: "items.csv"
    key: id
    columns:
      id: int
      price: float
      name: string
      kind: category
      sold: bool
      day: date
label: kind
END
# items N SHIFT KIND: N rows
items() {
    awk -v n="$1" -v shift="$2" -v kind="$3" 'BEGIN {
        print "id,price,name,kind,sold,day"
        for (i = 0; i < n; i++) {
            price = i % 10 ? (i * 7919 % 1000) / 10 + shift : ""
            printf "%d,%s,%s,%s,%s,2024-01-%02d\n", i, price, i % 3 ? "<b>é" : "", i % 4 ? "a" : kind, i % 2, i % 28 + 1
        }
    }' >items.csv
}
import() { run "$I" --schema schema.yaml --source items.csv --table table.h5 --profile profile.json --page page.html "$@"; }
get() { grep -A "$2" "\"name\": \"$1\"" profile.json | grep "\"$3\"" | head -1 | sed 's/^ *//; s/,$//'; }

items 1000 0 b
import
is "a first import has nothing to compare with" "$rc" 0
case $(cat profile.json) in *psi*) fail "so no drift is told" ;; *) pass "so no drift is told" ;; esac
is "rows" "$(grep '"rows"' profile.json | tr -d ' ,')" '"rows":1000'
is "duplicates in all but the key: the hundred rows without a price show 28 combinations" "$(grep '"duplicates"' profile.json | tr -d ' ,')" '"duplicates":72'
is "missing values" "$(get price 4 missing)" '"missing": 100'
is "distinct values" "$(get price 4 distinct)" '"distinct": 900'
is "the least" "$(get price 8 min)" '"min": 0.1'
is "the largest" "$(get price 8 max)" '"max": 99.9'
is "texts are told by their lengths in characters" "$(get name 8 max)" '"max": 4'
is "the levels, the most frequent first" "$(get kind 9 level)" '"level": "a"'
is "with their numbers" "$(get kind 9 count)" '"count": 750'
is "the label is named" "$(grep '"label"' profile.json | tr -d ' ,')" '"label":"kind"'
has "the page has a card a column" "$(cat page.html)" "<h2>price <small>float"
has "a glance at all of them before" "$(cat page.html)" '<tr><th>price</th><td>float</td><td class="n"><span class="bar low"'
has "the label is named there, and on its card" "$(cat page.html)" '<tr><th>kind <small>label</small></th>'
has "dates are dates" "$(cat page.html)" '<dt>min</dt><dd>2024-01-01</dd>'
case $(cat page.html) in *http*) fail "and asks for nothing from outside" ;; *) pass "and asks for nothing from outside" ;; esac
if command -v /usr/bin/python3 >/dev/null; then
    ok "the profile is JSON" /usr/bin/python3 -m json.tool profile.json /dev/null
else
    skip "the profile is JSON" "python3 is not installed"
fi

cp profile.json first.json
import
has "the next is compared with it" "$(cat profile.json)" '"psi": 0'
case $err in *moved*) fail "the same data do not move" "$err" ;; *) pass "the same data do not move" ;; esac
import
cp profile.json second.json
import
same "and give the same bytes" profile.json second.json

items 1000 30 b
import
has "a column that moved is a warning" "$err" "warning: 1 columns moved since the last import, most 'price'"
is "and the table is written" "$rc" 0
has "the page shows it" "$(cat page.html)" "over the limit"
has "by the limit" "$(cat page.html)" "drift (PSI, limit 0.25)"
items 1000 30 c
rm table.h5
cp profile.json before.json
import --drift fail
is "or an error" "$rc" 65
has "that names the column" "$err" "1 columns moved since the last import, most 'kind'"
has "the log names each" "$err" "moved since the last import: 'kind' "
absent "without a table" table.h5
same "or another profile, so that the next run compares with the same" profile.json before.json
import --drift fail --drift_limit 100
is "the limit is a parameter" "$rc" 0
cp first.json profile.json
import --drift off
case $(cat profile.json) in *psi*) fail "off compares nothing" ;; *) pass "off compares nothing" ;; esac

items 20 0 b
import
items 20 5 b
import
case $err in *moved*) fail "chance alone is not a drift: few rows" "$err" ;; *) pass "chance alone is not a drift: few rows" ;; esac
echo "{" >profile.json
import
has "a profile that is damaged is no profile" "$err" "warning: no drift is told: 'profile.json'"
printf '{"profile": 1, "tables": [{"name": "items", "columns": [{"name": "price", "type": "float", "bins": {"edges": [1, 2], "counts": [1]}}, {"name": "kind", "type": "category", "levels": 7}, 3]}]}' >profile.json
import
is "nor is one of another shape a reason to fail" "$rc" 0
printf 'id,price,name,kind,sold,day\n1,1,x,a,1,2024-01-01\n2,1,x,a,1,2024-01-01\n3,-1e308,,,,\n4,1e308,,,,\n' >items.csv
import
is "figures at the end of the range" "$rc" 0
is "rows that equal an earlier one" "$(grep '"duplicates"' profile.json | tr -d ' ,')" '"duplicates":1'
case $(cat profile.json page.html) in *nan* | *inf\ * | *-inf*) fail "no figure is none" ;; *) pass "no figure is none" ;; esac
finish
