#!/bin/bash
# train.sh [ROW...]: training and prediction of network R against PyTorch, taking turns on one machine, then what each
# layer takes. Rows: fusion image text mixed batch one layers (all if none is named), each with THREADS="1 2" threads
# and ROUNDS=5 turns of SECONDS_EACH=2, of which the median is printed. The column "per CPU" is for machines that are not idle: samples for
# each second of processor time.
#
# The peer is at its best with Debian's packages: the right core type, OpenBLAS on the OpenMP threads that PyTorch runs
# on, channels last, foreach Adam, a frozen trace for prediction, pages kept by malloc.
cd "$(dirname "$0")/.." || exit 1
B=$PWD/${BIN:-build/release}
P=/usr/bin/python3
ROUNDS=${ROUNDS:-5} SECONDS_EACH=${SECONDS_EACH:-2}
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%.0f", v[int((NR + 1) / 2)] }'; }
omp=$(echo /usr/lib/*/openblas-openmp)
if $P -c 'import torch' 2>/dev/null; then peer=yes; else peer=; fi

# turns WHAT MODEL THREADS MODE BATCH LENGTHS: both programs side by side, one running while the other waits
turns() {
    local what=$1 i a b n=$3
    shift
    mkfifo "$t/to_us" "$t/to_peer"
    "$B/bench/bench_net" "$@" <"$t/to_us" >"$t/us" 2>>"$t/log" &
    local us=$!
    exec 3>"$t/to_us"
    if [ $peer ]; then
        env OPENBLAS_CORETYPE=SkylakeX OMP_NUM_THREADS="$n" LD_LIBRARY_PATH="$omp" MALLOC_TRIM_THRESHOLD_=1000000000 \
            MALLOC_MMAP_THRESHOLD_=1000000000 $P bench/peers/train.py "$1" "$n" "$3" "$4" <"$t/to_peer" >"$t/peer" 2>>"$t/log" &
        exec 4>"$t/to_peer"
    fi
    for ((i = 0; i <= ROUNDS; i++)); do # the first turn starts and warms both, and is not counted
        turn 3 "$t/us" $i "$us" || break
        [ ! $peer ] || turn 4 "$t/peer" $i $! || break
    done
    exec 3>&- 4>&-
    wait
    a=$(column 1 "$t/us") b=$(column 1 "$t/peer")
    awk -v what="$what" -v n="$n" -v a="$a" -v b="$b" -v ca="$(column 2 "$t/us")" -v cb="$(column 2 "$t/peer")" \
        -v ma="$(tail -1 "$t/us")" -v mb="$(tail -1 "$t/peer" 2>/dev/null)" 'BEGIN {
            speed = b > 0 ? sprintf("%.2f x", a / b) : "-"
            memory = mb > 0 ? sprintf("%.2f x", ma / mb) : "-"
            if (a == "") a = "failed"
            if (b == "") b = "not here"
            printf "%-38s %2d %9s %9s %7s %9s %9s %6s %6s %7s\n", what, n, a, b, speed, ca, cb, ma, mb, memory }'
    rm -f "$t/to_us" "$t/to_peer" "$t/us" "$t/peer"
}
turn() { # FD FILE NUMBER PID
    echo "$([ "$3" -eq 0 ] && echo 0.3 || echo "$SECONDS_EACH")" >&"$1"
    while [ "$(wc -l <"$2")" -le "$3" ]; do
        kill -0 "$4" 2>/dev/null || { tail -3 "$t/log" >&2; return 1; }
        sleep 0.02
    done
}
column() { sed "2,$((ROUNDS + 1))!d" "$2" 2>/dev/null | cut -d' ' -f"$1" | median; } # NUMBER FILE

rows=${*:-fusion image text mixed batch one layers}
printf '%-38s %2s %9s %9s %7s %9s %9s %6s %6s %7s\n' 'samples/s' th refit PyTorch ratio 'per CPU' 'per CPU' MB MB ratio
for row in $rows; do
    for n in ${THREADS:-1 2}; do
        case $row in
        fusion) turns 'training, text and picture' fusion "$n" train 64 full ;;
        image) turns 'training, picture alone' image "$n" train 64 full ;;
        text) turns 'training, text alone' text "$n" train 64 full ;;
        mixed) turns 'training, rows of real lengths' fusion "$n" train 64 mixed ;;
        batch) turns 'prediction, 256 rows at once' fusion "$n" predict 256 full ;;
        one) turns 'prediction, one row at a time' fusion "$n" predict 1 full ;;
        layers) "$B/bench/bench_net" layers "$n" 64 full "$SECONDS_EACH" ;;
        esac
    done
done
