#!/bin/bash
# predict.sh: what it takes to ask a trained model: preset fusion on the sample, one thread, milliseconds of processor
# time, the least of TRIES=10 processes, and what refit-models takes to start and end. Rows at once beside PyTorch's on the
# same network: bench/train.sh batch one.
cd "$(dirname "$0")/.." || exit 1
B=$PWD/${BIN:-build/release} top=$PWD L=$B/libexec/refit
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t" || exit 1
s=$top/data/sample
{
    "$L/import" --source "$s/X_train_update.csv" --source "$s/Y_train_CVw08PX.csv" --schema "$top/data/schemas/products.yaml" \
        --table table.h5 &&
        "$L/preprocess_text" --table table.h5 --text text.h5 --language french &&
        "$L/preprocess_images" --table table.h5 --images "$s/images" --pixels pixels.h5 --size 64 &&
        "$L/split" --table table.h5 --split split.h5 && "$L/impute_scale" --table table.h5 --split split.h5 --features features.h5 &&
        "$L/train" --network "$top/models/presets/fusion.yaml" --table table.h5 --text text.h5 --pixels pixels.h5 \
            --features features.h5 --split split.h5 --model model.h5 --history history.json --epochs 1 &&
        "$L/evaluate" --model model.h5 --table table.h5 --text text.h5 --pixels pixels.h5 --features features.h5 \
            --split split.h5 --metrics metrics.json --report report.html &&
        "$L/package" --model model.h5 --metrics metrics.json --package models.tar &&
        "$L/upload" --package models.tar --receipt receipt.json --registry registry --name products
} >log 2>&1 || { tail -3 log; exit 1; }
picture=$(find "$s/images" -name '*.jpg' -size +2k | sort | head -1)
least() { # MODEL: loading, first row, another row
    for ((i = 0; i < ${TRIES:-10}; i++)); do
        "$B/bench/bench_predict" "$1" 1 designation='fauteuil de salon en bois rouge avec coussin' price=39.9 brand=Kotobi \
            picture="$picture"
    done | awk '{ for (k = 1; k <= 3; k++) if (NR == 1 || $k < v[k]) v[k] = $k } END { print v[1], v[2], v[3] }'
}
row() { printf '%-52s %10s %-6s %s\n' "$1" "$2" ms "$3"; }
read -r load first again < <(least model.h5)
row 'a model is loaded' "$load" '(wanted: 50)'
row 'the first row: text + JPEG file -> class' "$first" '(wanted: 5)'
row '  one like it' "$again"
read -r load first again < <(least models.tar)
row 'a package is checked, unpacked, loaded' "$load"
TIMEFORMAT=%R
for ((i = 0; i < 30; i++)); do
    { time "$B/bin/refit-models" -r registry current products >/dev/null; } 2>&1
done | sort -g | head -1 | { read -r s; row 'refit-models current, a directory, by the clock' "$(awk -v s="$s" 'BEGIN { print 1000 * s }')" '(wanted: 10)'; }
for n in 1 2; do
    for ((i = 0; i < 3; i++)); do
        TIMEFORMAT='%U %S'
        { time "$B/bin/refit-predict" --model model.h5 --rows "$s/X_train_update.csv" --images "$s/images" --faults gap \
            --threads $n --predictions p.csv >/dev/null 2>&1; } 2>&1 | awk '{ print 1000 * ($1 + $2) }'
    done | sort -g | head -1 | { read -r ms; row "900 rows and pictures to a CSV file, threads: $n" "$ms"; }
done
