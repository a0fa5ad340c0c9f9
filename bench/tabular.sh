#!/bin/bash
# tabular.sh: logistic regression and impute_scale against scikit-learn. Logistic: the fit in memory on both sides, to the gradient that
# scikit-learn's lbfgs ends with (which is not its `tol`: it ends by the change of the value), and at our default, which goes further.
# impute_scale: the whole program, table read and matrix written and synced, against a ColumnTransformer with the same steps, from file
# to file and, besides, its fit_transform alone on a frame in memory. CPU seconds, the least of three (impute_scale: five).
cd "$(dirname "$0")/.." || exit 1
B=$PWD/${BIN:-build/release}
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
row() { # WHAT OURS PEERS
    awk -v what="$1" -v a="$2" -v b="$3" 'BEGIN {
        ratio = a > 0 && b > 0 ? sprintf("%.1f x", b / a) : "-"
        printf "%-46s %10s %-10s %12s %-22s %8s\n", what, a == "" ? "failed" : a, "s", b == "" ? "not here" : b, "scikit-learn", ratio }'
}
figure() { sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p" <<<"$2"; }
for threads in 1 2; do
    export OPENBLAS_NUM_THREADS=$threads OMP_NUM_THREADS=$threads
    far=$("$B/bench/bench_logistic" "$t" 100000 100 $threads 1e-8 2>>"$t/log")
    peer=$(/usr/bin/python3 bench/peers/tabular.py logistic "$t" 100 1e-4 2>>"$t/log")
    gradient=$(sed -n 's/.*"gradient": "\([0-9.]*\)".*/\1/p' <<<"$peer")
    near=$("$B/bench/bench_logistic" "$t" 100000 100 $threads "${gradient:-1e-7}" 2>>"$t/log")
    of=cpu what=fit
    [ $threads = 2 ] && of=wall what=wall
    row "logistic, 100,000 x 100, $threads threads, $of" "$(figure $what "$near")" "$(figure $what "$peer")"
    row "the same to 1e-8, against $gradient" "$(figure $what "$far")" "$(figure $what "$peer")"
done
row 'logistic, prediction of the 100,000, cpu' "$(figure predict "$far")" "$(figure predict "$peer")"

export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 REFIT_THREADS=1
/usr/bin/python3 bench/peers/tabular.py make "$t/t.csv" 2>>"$t/log"
{
    printf 'schema: 1\ntables:\n  t:\n    file: t.csv\n    columns:\n      y: category\n'
    for j in {0..19}; do echo "      n$j: float"; done
    for j in {0..9}; do echo "      c$j: category"; done
    echo 'label: y'
} >"$t/s.yaml"
"$B/libexec/refit/import" --source "$t/t.csv" --schema "$t/s.yaml" --table "$t/t.h5" 2>>"$t/log"
ours=$(for _ in 1 2 3 4 5; do
    TIMEFORMAT='%U %S'
    rm -f "$t/f.h5"
    { time "$B/libexec/refit/impute_scale" --table "$t/t.h5" --features "$t/f.h5" --category_missing Missing --rare_below 0.05 2>>"$t/log"; } 2>&1 |
        awk '{ print $1 + $2 }'
done | sort -n | head -1)
peer=$(/usr/bin/python3 bench/peers/tabular.py impute "$t/t.csv" 2>>"$t/log")
row 'impute_scale, 100,000 x 30, file to file' "$ours" "$(figure file "$peer")"
row 'the same against fit_transform in memory' "$ours" "$(figure memory "$peer")"
