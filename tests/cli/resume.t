#!/bin/sh
# Training that is interrupted at any step ends in the bits of an undisturbed one.
. "$(dirname "$0")/tap.sh"
command -v strace >/dev/null || skip_all "no strace"

toy=$B/tests/tools/toy
mkdir toy && "$toy" toy || exit 1
# What has a state from step to step: optimiser, masks, schedule, plateau, draws of rows.
sed -e 's/^  epochs: 12/  epochs: 6\n  bucket: 3\n  schedule: cosine\n  warmup: 1.5\n  auxiliary: 0.2\n  plateau_monitor: validation_loss/' \
    -e 's/^    length: longest/    length: longest\n    word_dropout: 0.2/' \
    -e 's/^  pixels:/  pixels:\n    augment: {flip: true, crop: 1, brightness: 0.3}/' toy/toy.yaml >net.yaml
outs="--last_model rl.h5 --model r.h5 --history r.json --steps_csv r.csv"
train() {
    "$L/train" --network net.yaml --table toy/table.h5 --text toy/text.h5 --pixels toy/pixels.h5 --features toy/features.h5 \
        --split toy/split.h5 "$@"
}
ok "an undisturbed training" train --model m.h5 --last_model l.h5 --history h.json --steps_csv s.csv
is "6 epochs of 9 steps" "$(wc -l <s.csv)" 55

# With checkpoint_seconds 0 every step and every epoch ends in one rename: 60 of them, then three outputs.
kept() {
    same "$1: the model has its bits" m.h5 r.h5
    same "$1: that of the last epoch too" l.h5 rl.h5
    same "$1: the history too" h.json r.json
    same "$1: and every step" s.csv r.csv
    absent "$1: the checkpoint is gone" r.ckpt
}
# shellcheck disable=SC2086
{
for at in 1 $(shuf -i 2-59 -n 4) 60; do
    rm -f r.h5 r.json r.csv r.ckpt
    strace -f -qq -o strace.log -e trace=rename -e inject=rename:signal=KILL:when="$at" "$L/train" --network net.yaml \
        --table toy/table.h5 --text toy/text.h5 --pixels toy/pixels.h5 --features toy/features.h5 --split toy/split.h5 \
        --threads 2 --checkpoint r.ckpt --checkpoint_seconds 0 $outs 2>/dev/null
    absent "killed at rename $at: no output" r.h5 r.json r.csv
    ok "killed at rename $at: it goes on" train --threads 1 --checkpoint r.ckpt --checkpoint_seconds 0 $outs
    if [ "$at" -gt 1 ]; then has "killed at rename $at: from there" "$err" "from checkpoint 'r.ckpt'"; fi
    kept "killed at rename $at"
done

# SIGTERM: the checkpoint is written at once, whatever the interval, and then the signal does what it always does.
rm -f r.h5 r.json r.csv r.ckpt
for at in 23 22; do
    run strace -f -qq -o strace.log -e trace=write -e inject=write:signal=TERM:when=$at "$L/train" --network net.yaml \
        --table toy/table.h5 --text toy/text.h5 --pixels toy/pixels.h5 --features toy/features.h5 --split toy/split.h5 \
        --checkpoint r.ckpt $outs
    is "TERM ends it as a signal does" $rc 143
    has "TERM: it says where it was" "$err" "stopped by signal 15 in epoch"
    absent "TERM: no output" r.h5 r.json
done
ok "after two TERMs it goes on" train --checkpoint r.ckpt $outs
has "after two TERMs it goes on from there" "$err" "from checkpoint 'r.ckpt'"
kept "after two TERMs"

# Time that was spent before an interruption counts: here all of it, in the first epoch.
if /usr/bin/python3 -c 'import h5py' 2>/dev/null; then
    rm -f r.ckpt
    strace -f -qq -o strace.log -e trace=rename -e inject=rename:signal=KILL:when=11 "$L/train" --network net.yaml \
        --table toy/table.h5 --text toy/text.h5 --pixels toy/pixels.h5 --features toy/features.h5 --split toy/split.h5 \
        --checkpoint r.ckpt --checkpoint_seconds 0 --max_minutes 1000 $outs 2>/dev/null
    /usr/bin/python3 -c "import h5py; h5py.File('r.ckpt', 'r+').attrs['seconds'] = 1e9"
    ok "a time budget that was used up before" train --checkpoint r.ckpt --max_minutes 1000 $outs
    has "ends the training at once" "$(cat r.json)" '"stopped": "max_minutes"'
    is "with the epochs that there are" "$(grep -c '"epoch":' r.json)" 1
    has "the last of them being whole" "$err" "after 140 of its 140 rows"
else
    skip "a time budget that was used up before" "no h5py"
fi

# A checkpoint that is none of this training.
interrupted() {
    rm -f r.ckpt
    strace -f -qq -o strace.log -e trace=rename -e inject=rename:signal=KILL:when=14 "$L/train" --network net.yaml \
        --table toy/table.h5 --text toy/text.h5 --pixels toy/pixels.h5 --features toy/features.h5 --split toy/split.h5 \
        --checkpoint r.ckpt --checkpoint_seconds 0 $outs 2>/dev/null
}
interrupted
cp r.ckpt whole.ckpt
ok "a checkpoint of another training" train --epochs 2 --checkpoint r.ckpt $outs
has "is ignored" "$err" "checkpoint 'r.ckpt' is ignored: it is of another training: other parameters"
cp whole.ckpt r.ckpt
cp net.yaml kept.yaml
sed -i 's/{dense: 8, activation: relu}, {dense: classes}/{dense: 9, activation: relu}, {dense: classes}/' net.yaml
ok "one of another network" train --checkpoint r.ckpt $outs
has "is ignored, with its reason" "$err" "checkpoint 'r.ckpt' is ignored: it is of another training: other network file"
mv kept.yaml net.yaml
cp whole.ckpt r.ckpt
ok "one of other weights to start from" train --checkpoint r.ckpt --warm_start m.h5 $outs
has "is ignored, too" "$err" "is ignored: it is of another training: other weights to start from"
cp whole.ckpt r.ckpt
ok "one of other rows" "$L/train" --network net.yaml --table toy/table.h5 --text toy/text.h5 --pixels toy/pixels.h5 \
    --features toy/features.h5 --checkpoint r.ckpt $outs
has "is ignored as well" "$err" "is ignored: it is of another training: other labels or sides of the rows"
for size in 0 100 3000 $(($(wc -c <whole.ckpt) - 1)); do
    head -c "$size" whole.ckpt >r.ckpt
    ok "a checkpoint cut to $size bytes" train --checkpoint r.ckpt $outs
    has "cut to $size bytes: it is ignored" "$err" "checkpoint 'r.ckpt' is ignored: "
done
kept "after those"
cp m.h5 other.h5
/usr/bin/python3 -c "import h5py; del h5py.File('other.h5', 'r+').attrs['kind']" 2>/dev/null # another program's
for other in m.h5 other.h5 net.yaml; do # what is not ours to replace and remove
    cp $other r.ckpt
    refuses "$other in its place is refused" 65 "checkpoint 'r.ckpt' is " train --checkpoint r.ckpt $outs
    same "$other in its place is left alone" r.ckpt $other
done
rm -f r.ckpt
refuses "an input as checkpoint is refused" 64 "--checkpoint './toy/text.h5' is the file of --text" \
    train --checkpoint ./toy/text.h5 $outs
refuses "the model as checkpoint is refused" 64 "--model 'r.h5' is the file of --checkpoint" train --checkpoint r.h5 $outs
refuses "a directory as checkpoint is refused before training" 74 "'toy' is there and not a regular file" \
    train --checkpoint toy $outs
}
finish
