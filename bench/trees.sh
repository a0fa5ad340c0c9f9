#!/bin/bash
# trees.sh [TREES]: trees against scikit-learn's on 100,000 rows of 30 numbers, CPU seconds of all threads. The first prediction is the
# batch and what is made once for all later ones.
cd "$(dirname "$0")/.." || exit 1
B=$PWD/${BIN:-build/release} n=${1:-20}
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
row() { # WHAT UNIT OURS PEERS
    awk -v what="$1" -v unit="$2" -v a="$3" -v b="$4" 'BEGIN {
        ratio = a > 0 && b > 0 ? sprintf("%.1f x", b / a) : "-"
        printf "%-46s %10s %-10s %12s %-22s %8s\n", what, a == "" ? "failed" : a, unit, b == "" ? "not here" : b, "scikit-learn", ratio }'
}
/usr/bin/python3 -c 'import sklearn' 2>/dev/null || { echo 'trees: scikit-learn is not here'; exit 0; }
/usr/bin/python3 bench/peers/trees.py prepare "$t"
compare() { # KIND THREADS NAME
    export OMP_NUM_THREADS=$2 OPENBLAS_NUM_THREADS=1
    read -r fit make predict memory < <("$B/bench/bench_trees" "$1" "$t" "$n" "$2")
    read -r peer_fit peer_predict peer_memory < <(/usr/bin/python3 bench/peers/trees.py "$1" "$2" "$n" "$t")
    row "$3, $2 threads: fit" 's' "$fit" "$peer_fit"
    row '  predict' 's' "$predict" "$peer_predict"
    row '  the first prediction' 's' "$(awk -v a="$make" -v b="$predict" 'BEGIN { print a + b }')" "$peer_predict"
    row '  memory' 'MB' "$memory" "$peer_memory"
}
for threads in 1 2; do
    compare extra $threads "extra trees, $n, numbers"
    compare classes $threads "extra trees, $n, classes"
done
compare boost 1 "boosting, $n rounds"
