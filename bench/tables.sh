#!/bin/bash
# tables.sh: import against pandas' C engine on a file in the shape of the Rakuten challenge's, one core, CPU seconds (the least of
# three). Ours is the whole program: start, parse, types, checks of keys, table on disk. The peer's is read_csv alone, with types.
cd "$(dirname "$0")/.." || exit 1
B=$PWD/${BIN:-build/release}
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
export OPENBLAS_NUM_THREADS=1 REFIT_THREADS=1
cpu() { # COMMAND...: user + system seconds, the least of three
    for _ in 1 2 3; do
        TIMEFORMAT='%U %S'
        { time "$@" >/dev/null 2>>"$t/log"; } 2>&1 | awk '{ print $1 + $2 }'
    done | sort -n | head -1
}
memory() { "$B/bench/measure" 1 "$@" 2>>"$t/log" | cut -d' ' -f2; } # MB at its peak
row() { # WHAT UNIT OURS PEER-NAME PEERS higher|lower
    awk -v what="$1" -v unit="$2" -v a="$3" -v peer="$4" -v b="$5" -v better="$6" 'BEGIN {
        ratio = a > 0 && b > 0 ? sprintf("%.1f x", better == "lower" ? b / a : a / b) : "-"
        printf "%-46s %10s %-10s %12s %-22s %8s\n", what, a == "" ? "failed" : a, unit, b == "" ? "not here" : b, peer, ratio }'
}
rate() { awk -v s="$1" 'BEGIN { if (s > 0) printf "%.0f", 85000 / s }'; }

"$B/bench/feed" 85000 >"$t/X.csv"
cat >"$t/schema.yaml" <<'YAML'
schema: 1
tables:
  products:
    file: X.csv
    key: row
    columns:
      row: {type: int, from: ""}
      productid: string
      imageid: string
      designation: string
      description: string
      price: {type: float, min: 0}
      brand: category
YAML
ours=("$B/libexec/refit/import" --source "$t/X.csv" --schema "$t/schema.yaml" --table "$t/table.h5")
peer=$(/usr/bin/python3 bench/peers/read_csv.py "$t/X.csv" 2>>"$t/log")
row "CSV, 85,000 rows of $(($(stat -c %s "$t/X.csv") / 1000000)) MB, typed, one core" rows/s "$(rate "$(cpu "${ours[@]}")")" 'pandas, C engine' "$(rate "${peer% *}")" higher
row 'its memory' MB "$(memory "${ours[@]}")" 'pandas, C engine' "${peer#* }" lower
gzip -1 <"$t/X.csv" >"$t/X.csv.gz"
sed -i 's/X.csv/X.csv*/' "$t/schema.yaml"
peer=$(/usr/bin/python3 bench/peers/read_csv.py "$t/X.csv.gz" 2>>"$t/log")
row 'the same, gzip' rows/s "$(rate "$(cpu "${ours[@]/X.csv/X.csv.gz}")")" 'pandas, C engine' "$(rate "${peer% *}")" higher
row 'the same with profile and plots' rows/s "$(rate "$(cpu "${ours[@]}" --profile "$t/p.json" --page "$t/p.html")")" '' - higher
