#!/bin/sh
# train --describe-model: the table of layers of a network file or a model.
. "$(dirname "$0")/tap.sh"
mkdir toy && "$B/tests/tools/toy" toy || exit 1
cat >net.yaml <<'END'
network: 1
branches:
  text: {vocabulary: 20000, length: 64, layers: [{embedding: 128}, {lstm: 128}]}
  pixels:
    layers:
      - {conv2d: 32, padding: same, activation: relu}
      - maxpool: 2
      - {conv2d: 64, padding: same, activation: relu}
      - maxpool: 2
      - {conv2d: 128, padding: same, activation: relu}
      - maxpool: 2
      - flatten
      - {dense: 128, activation: relu}
head: [concat, {dense: 128, activation: relu}, batch_norm, {dropout: 0.3}, {dense: classes}]
training: {batch: 64, shards: 4}
END
line() { printf '%s\n' "$out" | awk -v name="$1" '$1 == name { $1 = ""; print substr($0, 2) }'; }

ok "a network file" "$L/train" --describe-model net.yaml --classes 27 --threads 1
has "the sizes that were taken" "$out" "27 classes, batches of 64, 64 of 20000 words, pictures of 64 x 64"
# LSTM: (128 + 128) x 512 + 512 weights, 64 steps x 2 x 256 x 512; convolution: 9 x 32 x 64 + 64, 32 x 32 pixels
is "words are only looked up" "$(line text.0_embedding | sed 's/ [^ ]*$//')" "64 x 128 2,560,000 0.000"
is "an LSTM" "$(line text.1_lstm | sed 's/ [^ ]*$//')" "128 131,584 16.777"
is "a convolution" "$(line pixels.2_conv2d | sed 's/ [^ ]*$//')" "32 x 32 x 64 18,496 37.749"
is "a dense layer" "$(line head.1_dense)" "128 32,896 0.066 0.033"
is "running statistics are weights" "$(line head.2_batch_norm)" "128 512 0.000 0.033"
has "that are not trained" "$out" "weights: 3,870,427 (15.5 MB), of which 3,870,171 are trained"
has "the arithmetic of a row" "$(line total)" "3,870,427 101.522"
has "and the memory of training" "$out" "memory of training: "
ok "the same by another name, as JSON" refit-train --describe_model net.yaml --json --classes 27
has "with the same totals" "$out" '"weights": 3870427, "trained": 3870171, "flops": 101522176,'
has "and shapes as lists" "$out" '{"name": "pixels.2_conv2d", "output": [32, 32, 64], "weights": 18496,'
ok "sizes that the file leaves open are given" "$L/train" --describe-model toy/toy.yaml --size 8 --columns 3 --classes 3 --vocabulary 14 --length 5
toy=$(line total)
ok "a model" "$L/train" --network toy/toy.yaml --table toy/table.h5 --text toy/text.h5 --pixels toy/pixels.h5 --features toy/features.h5 \
    --epochs 1 --model m.h5 --history h.json
ok "is described too" "$L/train" --describe-model m.h5
is "by its own sizes" "$(line total)" "$toy"

sed 's/batch: 64/batch: 60000/' net.yaml >large.yaml
case $B in
*asan* | *tsan*) skip "more memory than there is" "sanitizers reserve terabytes" ;;
*) refuses "more memory than there is, with what would fit" 71 "MB are free; a batch of" \
        sh -c "ulimit -v 4000000; exec '$L/train' --describe-model large.yaml --classes 27 --threads 1" ;;
esac
sed 's/maxpool: 2/maxpool: 15/' net.yaml >deep.yaml
refuses "shapes that do not fit are named with their layer" 64 "pixels.3_maxpool: a window of 15 does not fit into a picture of 4 x 4" \
    "$L/train" --describe-model deep.yaml
refuses "a bad key has its place" 64 "bad.yaml:1:1" sh -c "echo 'net: 1' >bad.yaml; exec '$L/train' --describe-model bad.yaml"
refuses "no file" 74 "cannot open 'nowhere.yaml'" "$L/train" --describe-model nowhere.yaml
head -c 5000 m.h5 >cut.h5
refuses "a model that is cut" 65 "cut.h5" "$L/train" --describe-model cut.h5
refuses "an HDF5 file that is no model" 65 "refit.model" "$L/train" --describe-model toy/table.h5
ok "help" "$L/train" --describe-model --help
refuses "no file is named" 64 "--describe_model is missing" "$L/train" --describe-model
ok "help once more" "$L/train" --describe-model --help
has "help names the options" "$out" "--columns"
finish
