#!/bin/sh
# train: what goes in, what comes out, what is refused, and that an interruption leaves no trace in the result.
. "$(dirname "$0")/tap.sh"

toy=$B/tests/tools/toy
mkdir toy shuffled bare
"$toy" toy && "$toy" shuffled shuffled && "$toy" bare bare || exit 1
net=toy/toy.yaml
all="--network $net --table toy/table.h5 --text toy/text.h5 --pixels toy/pixels.h5 --features toy/features.h5 --split toy/split.h5"
train() { "$L/train" "$@"; }

# shellcheck disable=SC2086
{
ok "a fusion is trained" train $all --model m.h5 --history h.json
has "the log names every layer" "$err" "text.1_lstm"
has "the log has a line for every epoch" "$err" "epoch 12/12: loss "
has "the log says which weights the model has" "$err" "the model has the weights of epoch "
is "the history has every epoch" "$(grep -c '"epoch":' h.json)" 12
is "the model is HDF5 that others read" "$(h5dump -a /model m.h5 2>&1 | grep -c '"fusion"')" 1
is "a tensor is a dataset of its own" "$(h5ls m.h5/weights | grep -c Dataset)" "$(h5ls m.h5/weights | wc -l)"

ok "with one thread" train $all --threads 1 --last_model last.h5 --model m1.h5 --history h1.json
ok "with two threads" train $all --threads 2 --model m2.h5 --history h2.json
same "one and two threads give the same model" m1.h5 m2.h5
best=$(sed -n 's/.*"kept": *\([0-9]*\).*/\1/p' h1.json)
has "the model is of the epoch with the lowest validation loss" "$(h5dump -a /training m1.h5)" '"kept": {"epoch": '"$best"
has "the last model is of the last one" "$(h5dump -a /training last.h5)" '"kept": {"epoch": 12'
ok "with the last weights kept" train $all --keep last --model kl.h5 --history hl.json
ok "they are the last model's" h5diff last.h5 kl.h5 /weights
same "one and two threads give the same history" h1.json h2.json
ok "with another seed" train $all --seed 43 --epochs 1 --model s.h5 --history s.json
ok "with options over the file's" train $all --epochs 2 --batch 64 --class_weight balanced --keep last --l2 0.01 \
    --learning_rate 0.02 --model o.h5 --history o.json
has "an option wins over the network file" "$(cat o.json)" '"learning_rate": 0.02'
refuses "an option that the optimizer does not have" 64 "momentum is for 'optimizer: sgd'" \
    train $all --momentum 0.9 --model x.h5 --history x.json
refuses "--check finds it too" 64 "'optimizer: adamw' wants a weight_decay above 0" \
    train --network $net --optimizer adamw --check
refuses "an option that waits for nothing" 64 "--stop_patience wants a stop_monitor" \
    train --network $net --stop_patience 3 --check
refuses "one of another schedule" 64 "--schedule_every wants 'schedule: step'" \
    train $all --schedule cosine --schedule_every 3 --model x.h5 --history x.json
ok "options that act" train --network $net --stop_patience 3 --stop_monitor loss --schedule step --schedule_every 3 --check
ok "another optimizer" train $all --epochs 1 --optimizer sgd --momentum 0.9 --nesterov true --weight_decay 0.001 \
    --clip_norm 1 --label_smoothing 0.1 --model sgd.h5 --history sgd.json
has "and the model says so too" "$(h5dump -a /training sgd.h5)" '"optimizer": "sgd"'
is "the number of epochs too" "$(grep -c '"epoch":' o.json)" 2
has "and the model says so" "$(h5dump -a /training o.h5)" '"class_weight": "balanced"'

ok "a warm start" train $all --warm_start o.h5 --epochs 1 --model v.h5 --history v.json
has "says what it took" "$err" "18 of its 18 tensors are taken"
"$L/impute_scale" --table toy/table.h5 --split toy/split.h5 --features scaled.h5 2>>log
ok "one from a model of columns of another scale" \
    train ${all%--features*} --features scaled.h5 --split toy/split.h5 --warm_start o.h5 --epochs 1 --model v.h5 --history v.json
has "says that, too" "$err" "the feature columns were fitted otherwise there"
cat >text.yaml <<'END'
network: 1
branches:
  text: {vocabulary: all, length: longest, layers: [{embedding: 8}, {lstm: 8}]}
head: [dense: classes]
training: {epochs: 2}
END
ok "one branch alone" train --network text.yaml --table toy/table.h5 --text toy/text.h5 --split toy/split.h5 --model t.h5 --history t.json
ok "a fusion that begins with it" train $all --warm_start t.h5 --warm_start o.h5 --epochs 1 --model v2.h5 --history v.json
has "names what does not fit" "$err" "'head.0_dense.kernel' is not used: the network has none"
refuses "a warm start from no model is refused" 65 "warm start: 'toy/table.h5'" \
    train $all --warm_start toy/table.h5 --model x.h5 --history x.json

refuses "a branch's own loss where there is one branch" 64 "--auxiliary wants a network of two branches or more" \
    train --network text.yaml --auxiliary 0.3 --check
refuses "an interval of no checkpoint" 64 "--checkpoint_seconds wants --checkpoint" train --network $net --checkpoint_seconds 9 --check
ok "a batch larger than all rows" train $all --epochs 1 --batch 65536 --model big.h5 --history big.json
has "has them all" "$err" "batch 65536: there are 140 rows for training, a step has them all"
is "and room for no more" "$(h5dump -a /batch big.h5 | grep -c ': 140$')" 1
sed 's/{lstm: [0-9]*}/pool_time: mean, batch_norm/' text.yaml >norm.yaml
norm="--network norm.yaml --table toy/table.h5 --text toy/text.h5 --split toy/split.h5"
refuses "statistics of batches of one row" 64 "text.2_batch_norm: learns nothing from batches of 1 row, want 2 or more" \
    train $norm --batch 1 --model x.h5 --history x.json
ok "one row at the end of an epoch is no harm" train $norm --batch 139 --epochs 1 --model big.h5 --history big.json

refuses "a branch without its file is named" 64 "branch 'pixels' needs --pixels" \
    train --network $net --table toy/table.h5 --text toy/text.h5 --features toy/features.h5 --model x.h5 --history x.json
refuses "files of other rows are refused" 65 "shuffled/text.h5" train --network $net --table toy/table.h5 \
    --text shuffled/text.h5 --pixels toy/pixels.h5 --features toy/features.h5 --model x.h5 --history x.json
ok "empty inputs leave their branches out" train --network $net --table bare/table.h5 --text bare/text.h5 \
    --pixels bare/pixels.h5 --features bare/features.h5 --split bare/split.h5 --epochs 1 --model b.h5 --history b.json
has "with a warning about the pictures" "$err" "warning: the training rows have no picture: the network's branch 'pixels' is left out"
has "and one about the columns" "$err" "warning: the training rows have no feature column"
is "and the model is one of text" "$(h5dump -a /model b.h5 2>&1 | grep -c '"text"')" 1
ok "without a split every row is for training" train --network $net --table toy/table.h5 --text toy/text.h5 \
    --pixels toy/pixels.h5 --features toy/features.h5 --epochs 1 --model n.h5 --history n.json
has "and nothing is validated" "$(cat n.json)" '"val_loss": null'

sed 's/batch: 16/batches: 16/' $net >typo.yaml
refuses "an unknown key of the network has its place" 64 "typo.yaml:19:3" train --network typo.yaml --check
ok "--check finds nothing wrong" train --network $net --check
refuses "--check finds a bad option" 64 "--epochs '0' is out of range" train --network $net --epochs 0 --check
refuses "a missing table is refused" 74 "nowhere.h5" train --network $net --table nowhere.h5 --text toy/text.h5 \
    --pixels toy/pixels.h5 --features toy/features.h5 --model x.h5 --history x.json
sed 's/^  pixels:/  pixels:\n    augment: {crop: 8}/' $net >crop.yaml
refuses "a crop that leaves nothing of a picture is refused" 65 "augment: crop 8 of pictures of 8 x 8, want less" \
    train ${all#--network $net} --network crop.yaml --model x.h5 --history x.json
refuses "a bad weight of a class is refused by --check" 64 "--class_weights 'green': want LABEL=WEIGHT" \
    train --class_weights green --check
refuses "one of a class that there is not" 65 "no training row has the label 'gren'; did you mean 'green'?" \
    train $all --class_weights gren=2 --model x.h5 --history x.json
refuses "two of a class are refused by --check" 64 "--class_weights: 'green' is given twice" \
    train --class_weights green=2 --class_weights green=3 --check
refuses "no weight at all is refused" 65 "every class has the weight 0" \
    train $all --class_weights green=0 --class_weights red=0 --class_weights blue=0 --model x.h5 --history x.json
ok "weights of classes by hand" train $all --class_weights green=2 --class_weights red=0.5 --epochs 1 --model w.h5 \
    --history w.json --history_csv w.csv
has "which the model tells" "$(h5dump -a /training w.h5)" '"class_weights": {"green": 2.0, "red": 0.5}'
is "the history as CSV" "$(sed 's/,.*//' w.csv | tr '\n' ' ')" "epoch 1 "
head -c 2000 toy/pixels.h5 >cut.h5
refuses "a truncated input is refused" 65 "cut.h5" train --network $net --table toy/table.h5 --text toy/text.h5 \
    --pixels cut.h5 --features toy/features.h5 --model x.h5 --history x.json
refuses "an input of another kind is refused" 65 "refit.split" train --network $net --table toy/table.h5 \
    --text toy/split.h5 --pixels toy/pixels.h5 --features toy/features.h5 --model x.h5 --history x.json
if /usr/bin/python3 -c 'import h5py' 2>/dev/null; then
    cp toy/features.h5 nan.h5
    /usr/bin/python3 -c "import h5py; h5py.File('nan.h5', 'r+')['features/values'][5, 1] = float('nan')"
    refuses "a column with a NaN is refused with its row" 65 "row 5 of feature 'f1' has no value, which only extra_trees and boosting take" \
        train --network $net --table toy/table.h5 --text toy/text.h5 --pixels toy/pixels.h5 --features nan.h5 \
        --model x.h5 --history x.json
else
    skip "a column with a NaN" "no h5py"
fi
absent "no output after a refusal" x.h5 x.json x.h5.tmp x.json.tmp

}

case $B in
*asan* | *tsan*) skip "too little memory" "sanitizers need address space of their own" ;;
*)
    limited() { (ulimit -d "$1" && exec timeout 60 "$L/train" $all --threads 2 --epochs 1 --model l.h5 --history l.json); }
    refuses "too little memory is told at once" 71 "out of memory: OpenBLAS needs 128 MB for each of 2 threads" limited 150000
    absent "and leaves no model" l.h5 l.h5.tmp
    ok "enough is enough" limited 600000
    ;;
esac
finish
