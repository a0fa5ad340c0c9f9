#!/bin/bash
# run.sh: our figure, the peer's figure from the same run, and the ratio; orchestrate.sh has those of the runner, train.sh those of the network. BIN is build/<mode>; run it on an idle machine.
cd "$(dirname "$0")/.." || exit 1
top=$PWD B=$PWD/${BIN:-build/release}
L=$B/libexec/refit P=/usr/bin/python3
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
ms() { "$B/bench/measure" "$@" 2>>"$t/log" | cut -d' ' -f1; } # median wall time of RUNS COMMAND...
can() { $P -c "import $1" 2>/dev/null; }
row() { # WHAT UNIT OURS PEER-NAME PEERS higher|lower
    awk -v what="$1" -v unit="$2" -v a="$3" -v peer="$4" -v b="$5" -v better="$6" 'BEGIN {
        ratio = a > 0 && b > 0 ? sprintf("%.1f x", better == "lower" ? b / a : a / b) : "-"
        printf "%-46s %10s %-10s %12s %-22s %8s\n", what, a == "" ? "failed" : a, unit, b == "" ? "not here" : b, peer, ratio }'
}
printf '%-46s %10s %-10s %12s %-22s %8s\n' what refit unit peer '' ratio

cd "$top" || exit 1
"$B/data/generate" --out "$t/products" --rows 20000 --seed 3
x=$t/products/X_train_update.csv
row 'import 20,000 products to HDF5' ms \
    "$(ms 5 "$L/import" --source "$x" --source "$t/products/Y_train_CVw08PX.csv" --schema data/schemas/products.yaml --table "$t/table.h5")" \
    'pandas + h5py' "$(can pandas && ms 3 $P bench/peers/import.py "$x" "$t/p.h5")" lower
row '20,000 pictures to 64x64' ms \
    "$(ms 3 "$L/preprocess_images" --table "$t/table.h5" --images "$t/products/images" --pixels "$t/pixels.h5" --size 64)" \
    'Pillow, 2 processes' "$(can PIL && ms 3 $P bench/peers/pictures.py "$t/products/images" "$t/p.h5")" lower
