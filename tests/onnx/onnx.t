#!/bin/bash
# What `refit-models export --onnx` writes, computed by onnxruntime: the same probabilities as refit's. MODULES: where
# node finds onnxruntime-node (make check-onnx installs it).
. "$(dirname "$0")/../cli/tap.sh"
[ -n "${MODULES:-}" ] || skip_all 'MODULES is not set (make check-onnx sets it)'
# agrees NAME MODEL TEXT PIXELS FEATURES
agrees() {
    ok "$1: a graph is written" "$B/bin/refit-models" export "$2" --onnx "$2.onnx"
    ok "$1: onnxruntime computes it" eval "'$B/tests/tools/onnx_rows' $2 table.h5 $3 $4 $5 $2.rows && node '$top/tests/onnx/agree.js' '$MODULES' $2.onnx $2.rows"
    if awk -v d="$out" 'BEGIN { exit !(d != "" && d + 0 <= 1e-5) }'; then pass "$1: all rows agree"; else fail "$1: all rows agree" "$out" "$err"; fi
}
train() { ok "$1 is trained" "$L/train" --table table.h5 --split split.h5 --model "$@"; }
"$B/data/generate" --rows 240 --seed 3 --out source >/dev/null
"$L/import" $(printf -- '--source %s ' source/*.csv) --schema "$top/data/schemas/products.yaml" --table table.h5 2>/dev/null
"$L/preprocess_text" --table table.h5 --text words.h5 --language french 2>/dev/null
"$L/preprocess_images" --table table.h5 --images source/images --pixels 64.h5 --size 64 2>/dev/null
"$L/preprocess_images" --table table.h5 --images source/images --pixels 250.h5 --size 250 2>/dev/null
"$L/split" --table table.h5 --split split.h5 --method stratified --train 0.6 --validation 0.2 --test 0.2 --seed 1 2>/dev/null
"$L/impute_scale" --table table.h5 --split split.h5 --features features.h5 2>/dev/null

preset() { # NAME PIXELS [TEXT FEATURES]
    train "$1.h5" --network "$top/models/presets/$1.yaml" --history h.json --epochs 1 $([ "$3" = - ] || echo --text "$3") \
        $([ "$2" = - ] || echo --pixels "$2") $([ "$4" = - ] || echo --features "$4")
    agrees "preset $1" "$1.h5" "$3" "$2" "$4"
}
preset fusion 64.h5 words.h5 features.h5
preset text - words.h5 -
preset image 64.h5 - -
preset fusion-small 250.h5 words.h5 -
preset fusion-76 250.h5 words.h5 -

# Every layer and option that no preset has.
network() { cat >"$1.yaml"; train "$1.h5" --network "$1.yaml" --history h.json --epochs 1 --text words.h5; agrees "$2" "$1.h5" words.h5 - -; }
network front 'padding in front, all steps, mean over words' <<'END'
network: 1
branches:
  text:
    vocabulary: 500
    length: 9
    pad: front
    layers: [embedding: 16, {lstm: 12, steps: all}, relu, {lstm: 10, steps: all}, {pool_time: mean}, {dense: 8, activation: relu}, {dense: classes}]
END
network last 'the last step of padding in front' <<'END'
network: 1
branches:
  text: {vocabulary: 500, length: 9, pad: front, layers: [embedding: 16, lstm: 12, dense: classes]}
END
network behind 'flatten under a mask' <<'END'
network: 1
branches:
  text: {vocabulary: 500, length: 9, layers: [embedding: 16, {lstm: 12, steps: all}, {dense: 5, activation: relu}, flatten, dense: classes]}
END
network plain 'words without a mask' <<'END'
network: 1
branches:
  text: {vocabulary: 500, length: 9, mask: false, layers: [embedding: 16, {lstm: 12, steps: all}, {pool_time: max}, batch_norm, dense: classes]}
END
network few 'rows without words' <<'END'
network: 1
branches:
  text: {vocabulary: 12, length: 9, unknown: drop, layers: [embedding: 16, {lstm: 12, steps: all}, lstm: 8, dense: classes]}
END
network none 'the largest of no words' <<'END'
network: 1
branches:
  text: {vocabulary: 12, length: 9, unknown: drop, layers: [embedding: 16, {pool_time: max}, dense: classes]}
END
network wide 'n-grams beside a head' <<'END'
network: 1
branches:
  text: {vocabulary: 500, length: 9, layers: [embedding: 16, {pool_time: max}]}
  ngrams: {words: 2, characters: [3, 4], vocabulary: 2000, weight: idf, layers: [embedding_bag: classes]}
head: [dense: classes]
END
cat >odd.yaml <<'END'
network: 1
branches:
  pixels: {layers: [{conv2d: 6, kernel: 4, padding: same, activation: relu}, {maxpool: 3}, {conv2d: 5, kernel: 2}, {pool_space: max}, dense: classes]}
END
train odd.h5 --network odd.yaml --history h.json --epochs 1 --pixels 64.h5
agrees 'even kernels' odd.h5 - 64.h5 -

ok 'a late fusion' "$L/blend" --models text.h5 --models image.h5 --table table.h5 --text words.h5 --pixels 64.h5 --weight 0.3 --model late.h5
agrees 'late fusion' late.h5 words.h5 64.h5 -
for family in logistic extra_trees boosting; do
    train $family.h5 --family $family --features features.h5
    agrees "$family" $family.h5 - - features.h5
done
"$L/impute_scale" --table table.h5 --split split.h5 --number_missing keep --features gaps.h5 2>/dev/null
"$L/impute_scale" --table table.h5 --split split.h5 --target price --features price.h5 2>/dev/null
for family in extra_trees boosting; do
    train gaps.$family.h5 --family $family --features gaps.h5
    agrees "$family, columns with gaps" gaps.$family.h5 - - gaps.h5
    train price.$family.h5 --family $family --features price.h5 --target price
    agrees "$family of a number" price.$family.h5 - - price.h5
done
finish
