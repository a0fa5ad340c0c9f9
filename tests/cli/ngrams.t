#!/bin/sh
# A branch of n-grams: trained, kept in the model file, read again by evaluate.
. "$(dirname "$0")/tap.sh"

toy=$B/tests/tools/toy
mkdir toy && "$toy" toy || exit 1
cat >net.yaml <<'Y'
network: 1
branches:
  text: {vocabulary: 50, length: 8, layers: [embedding: 8, pool_time: max]}
  ngrams:
    words: 2
    characters: [2, 3]
    weight: log_count_ratio
    layers:
      - {embedding_bag: classes, dropout: 0.2}
head:
  - dense: classes
training: {epochs: 6, learning_rate: 0.02}
Y

in="--table toy/table.h5 --text toy/text.h5 --split toy/split.h5"
# shellcheck disable=SC2086
{
ok "words and n-grams are trained" "$L/train" --network net.yaml $in --threads 1 --model m1.h5 --history h1.json
is "the model is one of text" "$(h5dump -a /model m1.h5 | grep -c '"text"')" 1
is "its n-grams and their weights go with it" "$(h5ls m1.h5/ngrams | wc -l)" 2
ok "with three threads" "$L/train" --network net.yaml $in --threads 3 --model m3.h5 --history h3.json
same "one and three threads give the same model" m1.h5 m3.h5
ok "evaluate reads it" "$L/evaluate" --model m1.h5 --history h1.json $in --rows validation --metrics metrics.json --report report.html
sed '/^  text:/d' net.yaml >alone.yaml && sed -i '/^head:/,/dense: classes/d' alone.yaml
ok "n-grams alone, without a head" "$L/train" --network alone.yaml $in --model a.h5 --history a.json
ok "evaluate reads it too" "$L/evaluate" --model a.h5 --history a.json $in --rows validation --metrics metrics.json --report report.html
sed 's/^    words: 2/    words: 2\n    min_rows: 100000/' net.yaml >rare.yaml
ok "n-grams that no row has often enough are left out, with a warning" \
    "$L/train" --network rare.yaml $in --epochs 1 --model r.h5 --history r.json
has "it names the branch" "$err" "branch 'ngrams' is left out"
sed 's/^    words: 2/    words: 2\n    min_rows: 100000/' alone.yaml >none.yaml
refuses "without any there is nothing to learn from" 65 "the inputs of all branches are empty" \
    "$L/train" --network none.yaml $in --model x.h5 --history x.json
refuses "a branch needs its file" 64 "branch 'ngrams' needs --text" \
    "$L/train" --network alone.yaml --table toy/table.h5 --model x.h5 --history x.json
}
finish
