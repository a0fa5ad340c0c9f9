#!/bin/bash
# preprocess.sh [large [ROWS]]: texts, pictures and HDF5 against what their users run today and against what the libraries below allow.
# Rates are per second of CPU time (all threads, user + system, program start and files included for refit; without start and
# imports for Python), so that other load on the machine matters little; the rows of two threads are by the clock. With `large`
# also the 85,000 products with 500x500 pictures: 2.2 GB and some minutes. BIN is build/<mode>.
cd "$(dirname "$0")/.." || exit 1
B=$PWD/${BIN:-build/release}
L=$B/libexec/refit P=/usr/bin/python3
t=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
trap 'rm -rf "$t"' EXIT
can() { $P -c "import $1" 2>/dev/null; }
cpu() { # RUNS COMMAND...: least CPU time in seconds
    local TIMEFORMAT='%U %S' n=$1 i
    shift
    for ((i = 0; i < n; i++)); do { time "$@" >/dev/null 2>>"$t/log"; } 2>&1; done |
        awk '{ s = $1 + $2; if (NR == 1 || s < best) best = s } END { if (best > 0) print best }'
}
clock() { # RUNS COMMAND...: least time in seconds
    local TIMEFORMAT='%R' n=$1 i
    shift
    for ((i = 0; i < n; i++)); do { time "$@" >/dev/null 2>>"$t/log"; } 2>&1; done | sort -n | head -1
}
per() { awk -v n="$1" -v s="$2" 'BEGIN { if (s > 0) printf "%d", n / s }'; }
field() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p"; }
row() { # WHAT UNIT OURS PEER-NAME PEERS
    awk -v what="$1" -v unit="$2" -v a="$3" -v peer="$4" -v b="$5" 'BEGIN {
        ratio = a > 0 && b > 0 ? sprintf("%.2f x", a / b) : "-"
        printf "%-46s %10s %-10s %12s %-22s %8s\n", what, a == "" ? "failed" : a, unit, b == "" ? "not here" : b, peer, ratio }'
}
printf '%-46s %10s %-10s %12s %-22s %8s\n' what refit unit peer '' ratio

# ---- texts: the same steps on both sides, French stop words included ----
N=20000
$P bench/peers/texts.py "$t/texts.csv" $N "$t/stop"
cat >"$t/texts.yaml" <<Y
schema: 1
tables:
  texts:
    file: texts.csv
    columns: {row: int, title: string, description: string}
id: row
text: [title, description]
features: []
Y
"$L/import" --source "$t/texts.csv" --schema "$t/texts.yaml" --table "$t/texts.h5" 2>>"$t/log"
text() { "$L/preprocess_text" --table "$t/texts.h5" --text "$t/words.h5" --language french "$@"; }
one=$(per $N "$(cpu 7 text --threads 1)")
two=$(per $N "$(clock 7 text --threads 2)")
python=$($P bench/peers/text.py python "$t/texts.h5" "$t/o.h5" "$t/stop" 2>>"$t/log")
row 'texts to words, 1 thread' 'texts/s' "$one" 'Python' "$python"
row 'texts to words, 2 threads' 'texts/s' "$two" 'Python' "$python"
sklearn=$(can sklearn && $P bench/peers/text.py sklearn "$t/texts.h5" "$t/o.h5" "$t/stop" 2>>"$t/log")
row 'texts to words, 1 thread' 'texts/s' "$one" 'scikit-learn' "$sklearn"
row 'texts to words, 2 threads' 'texts/s' "$two" 'scikit-learn' "$sklearn"

# ---- pictures of 500 x 500 ----
"$B/data/generate" --out "$t/products" --rows 1500 --side 500 --drawings 20 --seed 3 2>>"$t/log"
x=$t/products/X_train_update.csv n=$(find "$t/products/images" -type f | wc -l)
"$L/import" --source "$x" --source "$t/products/Y_train_CVw08PX.csv" --schema data/schemas/products.yaml --table "$t/table.h5" 2>>"$t/log"
for size in 64 224; do
    at="to ${size}x$size"
    "$B/bench/bench_pictures" "$t/products/images" $size 5 >"$t/limit" 2>>"$t/log"
    row "pictures $at, decoded and resized" 'pictures/s' "$(field refit <"$t/limit")" "libjpeg's decoding" "$(field limit <"$t/limit")"
    row "pictures $at, as if decoded in full" 'dB' "$(field psnr_db <"$t/limit")" '' -
    stage=$(per "$n" "$(cpu 3 "$L/preprocess_images" --table "$t/table.h5" --images "$t/products/images" --pixels "$t/pixels.h5" --size $size --threads 1)")
    thumbs() { $P bench/peers/thumbs.py "$1" "$t/products/images" $size "$2" 2>>"$t/log"; }
    row "pictures $at, the whole stage" 'pictures/s' "$stage" 'Pillow, draft()' "$(can PIL && thumbs draft 1500)"
    row "pictures $at, the whole stage" 'pictures/s' "$stage" 'Pillow' "$(can PIL && thumbs pillow 300)"
    row "pictures $at, the whole stage" 'pictures/s' "$stage" 'OpenCV' "$(can cv2 && thumbs opencv 300)"
    vips=
    if command -v vipsthumbnail >/dev/null; then
        mkdir -p "$t/thumbs"
        vips=$(per "$n" "$(VIPS_CONCURRENCY=1 cpu 1 vipsthumbnail --size "${size}x$size!" -o "$t/thumbs/%s.ppm" "$t/products/images"/*)")
    fi
    row "pictures $at, the whole stage" 'pictures/s' "$stage" 'vipsthumbnail' "$vips"
done

# ---- HDF5 ----
"$B/bench/bench_h5" "$t" 9 >"$t/h5" 2>>"$t/log"
while IFS= read -r line; do
    what=${line#*:\"} # {"what":"...","refit":
    row "HDF5: ${what%%\"*}" MB/s "$(field refit <<<"$line")" 'plain file or array' "$(field plain <<<"$line")"
done <"$t/h5"

[ "$1" = large ] || exit 0

# ---- 85,000 products (or ROWS, above 2,000, to try it): CPU time of the three stages, and of decoding the pictures alone; their
# memory: what stays bounded are texts and pixels, what grows with the rows is a word's number, a picture's status and digest ----
rows=${2:-85000} x=$t/products/X_train_update.csv
rm -rf "$t/products"
"$B/data/generate" --out "$t/products" --rows "$rows" --side 500 --drawings 20 2>>"$t/log"
schema=data/schemas/products.yaml
stages() { # CSV DIR: the three, their peak memory in MB to DIR/import, DIR/texts, DIR/pictures
    peak() { "$B/bench/measure" 0 "${@:2}" 2>>"$t/log" | cut -d' ' -f2 >"$1"; }
    peak "$2/import" "$L/import" --source "$1" --source "$t/products/Y_train_CVw08PX.csv" --schema $schema --table "$2/table.h5" --max_reject_share 1
    peak "$2/texts" "$L/preprocess_text" --table "$2/table.h5" --text "$2/words.h5" --language french
    peak "$2/pictures" "$L/preprocess_images" --table "$2/table.h5" --images "$t/products/images" --pixels "$2/pixels.h5" --size 64
}
find "$t/products/images" -type f -exec cat {} + >/dev/null # into the page cache, as far as it holds them
limit=$("$B/bench/bench_pictures" "$t/products/images" 64 limit | field cpu_s)
mkdir "$t/all" "$t/few"
all=$(cpu 1 stages "$x" "$t/all")
row "$rows products: import, texts, pictures" 's of CPU' "$all" 'decoding JPEGs alone' "$limit"
head -2001 "$x" >"$t/few/X_train_update.csv" # the schema knows the file by its name
stages "$t/few/X_train_update.csv" "$t/few"
for stage in import texts pictures; do
    row "peak memory of $stage, $rows products" MB "$(<"$t/all/$stage")" 'of 2,000 products' "$(<"$t/few/$stage")"
done
