#!/bin/sh
# blend: two models become one.
. "$(dirname "$0")/tap.sh"
mkdir toy && "$B/tests/tools/toy" toy || exit 1
cat >text.yaml <<'END'
network: 1
branches:
  text: {vocabulary: all, length: longest, layers: [{embedding: 8}, {lstm: 8}]}
head: [dense: classes]
training: {epochs: 8, batch: 16, learning_rate: 0.01}
END
cat >image.yaml <<'END'
network: 1
branches:
  pixels: {layers: [{conv2d: 4}, flatten]}
head: [dense: classes]
training: {epochs: 2}
END
data="--table toy/table.h5 --text toy/text.h5 --pixels toy/pixels.h5 --split toy/split.h5"
# shellcheck disable=SC2086
{
for kind in text image; do
    ok "a model of $kind" "$L/train" --network $kind.yaml $data --model $kind.h5 --history h.json
done
ok "both as one" "$L/blend" --models text.h5 --models image.h5 $data --model late.h5
has "the log says how" "$err" "x 'text.h5' + "
has "and how good it is" "$err" "on 40 validation rows"
ok "again, with other threads" "$L/blend" --models text.h5 --models image.h5 $data --threads 1 --model late1.h5
same "it has the same bytes" late.h5 late1.h5
ok "it is evaluated beside its parts" "$L/evaluate" --model late.h5 --others text.h5 --others image.h5 $data --rows validation \
    --metrics late.json --report late.html
ok "evaluate finds the same weight by itself" "$L/evaluate" --model text.h5 --others image.h5 $data --rows validation \
    --metrics parts.json --report parts.html
figure() { sed -n '/"late_fusion"/,/}/s/.*"accuracy": *\([0-9.]*\).*/\1/p' "$1"; }
is "so the figures are the same" "$(figure late.json)" "$(figure parts.json)"
has "which are there" "$(figure late.json)" "0."
ok "it is packaged" "$L/package" --model late.h5 --metrics late.json --package m.tar
ok "a weight by hand" "$L/blend" --models text.h5 --models image.h5 $data --weight 0.5 --model half.h5
has "is kept" "$(h5dump -a /weight half.h5)" "(0): 0.5"
cat >table.yaml <<'END'
network: 1
branches: {features: {layers: [{dense: 4}]}}
head: [dense: classes]
training: {epochs: 4, batch: 16, learning_rate: 0.05}
END
for scale in standard none; do
    "$L/impute_scale" --table toy/table.h5 --split toy/split.h5 --scale $scale --features $scale.h5 2>>log
done
with() { "$@" --table toy/table.h5 --text toy/text.h5 --split toy/split.h5; }
ok "a model of feature columns" with "$L/train" --network table.yaml --features standard.h5 --model table.h5 --history h.json
ok "blends with another" with "$L/blend" --models text.h5 --models table.h5 --features standard.h5 --model own.h5
ok "so it does beside columns that were fitted otherwise" \
    with "$L/blend" --models text.h5 --models table.h5 --features none.h5 --model other.h5
has "which are made again" "$err" "'table.h5': its feature columns were fitted on other rows"
same "with the same weight" own.h5 other.h5
refuses "one model is too few" 64 "--models: 1 models, want 2" "$L/blend" --models text.h5 $data --model x.h5
refuses "two of one kind are refused" 65 "both models read text" "$L/blend" --models text.h5 --models text.h5 $data --model x.h5
refuses "an input that is missing is named" 65 "'pixels', which is not given" \
    "$L/blend" --models text.h5 --models image.h5 --table toy/table.h5 --text toy/text.h5 --split toy/split.h5 --model x.h5
refuses "nothing to choose on is refused" 65 "no validation row with a known label" \
    "$L/blend" --models text.h5 --models image.h5 --table toy/table.h5 --text toy/text.h5 --pixels toy/pixels.h5 --model x.h5
refuses "a weight beyond 1 is refused" 64 "--weight" "$L/blend" --models text.h5 --models image.h5 $data --weight 2 --model x.h5
head -c 9000 late.h5 >cut.h5
refuses "a blend that is cut is refused" 65 "cut.h5" "$L/evaluate" --model cut.h5 $data --metrics x.json --report x.html
absent "no output after a refusal" x.h5 x.json
}
finish
