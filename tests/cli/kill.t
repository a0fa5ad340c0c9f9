#!/bin/bash
# kill -9 of the runner and of stages in the real pipeline: `refit retry` finishes, and every byte is that of an
# undisturbed run.
. "$(dirname "$0")/tap.sh"
mkdir models data && cp -r "$top/models/presets" models/ && cp -r "$top/data/schemas" data/ && cp "$top/pipeline.yaml" .
"$B/data/generate" --out data/sample --rows 150 --seed 5 2>/dev/null

ok 'an undisturbed run' refit run --profile ci
mv work expected && rm -rf .refit

mkfifo lines
# killed TEXT COMMAND...: start a run; at the first line of its log that has TEXT, do COMMAND (with $pid set)
killed() {
    want=$1
    refit run --profile ci >lines 2>&1 &
    pid=$!
    seen=
    while IFS= read -r line; do
        case $seen$line in "$want"*) seen=yes; "$2" ;; esac
    done <lines
    wait "$pid" 2>/dev/null
    rc=$?
    is "the run came to '$want'" "$seen" yes
}
unharmed() { # NAME: after a retry all is as it should be
    ok "$1: retry finishes" refit retry
    differing=
    for f in expected/products/*; do
        case $f in *upload.json) continue ;; esac # the receipt has a time
        cmp -s "$f" "work/products/$(basename "$f")" || differing="$differing $(basename "$f")"
    done
    is "$1: every output has the same bytes" "$differing" ''
    is "$1: the published package too" "$(sha256sum <work/ci/registry/models.tar)" "$(sha256sum <expected/products/models.tar)"
    is "$1: nothing half-made stays" "$(find work registry -name '*.tmp' -o -name '*.refit*' 2>/dev/null)" ''
    rm -rf work registry .refit
}
kill_runner() { kill -9 "$pid"; }
for point in 'start   import' 'start   preprocess_images' 'done    split' 'start   train ' 'done    train_text' \
    'start   evaluate' 'done    package' 'start   upload'; do
    killed "$point" kill_runner
    unharmed "runner killed at '$point'"
done
kill_stage() { pkill -9 -P "$pid" -x "$stage"; }
for stage in import preprocess_images train evaluate upload; do
    killed "start   $stage " kill_stage
    unharmed "$stage killed"
done
finish
