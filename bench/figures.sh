#!/bin/bash
# figures.sh: how good, not how fast; TITANIC and BIKE in the environment name the files. Titanic (1,309 rows): mean accuracy and AUC
# over 30 seeded splits of logistic regression as pipelines/titanic.yaml has it, scikit-learn's from the raw file on the same splits
# beside it, and boosting.
# Bike sharing (17,379 hours): mean R2 of extra trees over 5 splits, scikit-learn's on the same. Neither file is ours to commit.
cd "$(dirname "$0")/.." || exit 1
L=$PWD/${BIN:-build/release}/libexec/refit peer=$PWD/bench/peers/figures.py
schemas=$PWD/data/schemas titanic=${TITANIC:+$(realpath "$TITANIC")} bike=${BIKE:+$(realpath "$BIKE")}
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
row() { printf '%-54s %10s %14s   %s\n' "$1" "${2:-failed}" "${3:-not here}" scikit-learn; }
run() { "$L/$@" 2>>"$t/log" || { tail -3 "$t/log" >&2; exit 1; }; }
learn() { # NAME FEATURES SEED OPTION...: train and evaluate on the split of the seed
    local name=$1 features=$2 seed=$3
    shift 3
    set -- --table "$d/t.h5" --split "$d/s$seed.h5" --features "$d/$features$seed.h5" --model "$d/m.h5" "$@"
    run train "$@"
    run evaluate "${@:1:8}" --shuffles 0 --metrics "$d/$name$seed.json" --report "$d/r.html"
}
ours() { /usr/bin/python3 "$peer" ours "$d" "$@"; }

if [ -r "$titanic" ]; then
    d=$t/titanic
    mkdir "$d"
    run import --source "$titanic" --schema "$schemas/titanic.yaml" --table "$d/t.h5"
    for seed in {0..29}; do
        rows=(--table "$d/t.h5" --split "$d/s$seed.h5")
        run split "${rows[@]}" --method random --train 0.8 --validation 0 --test 0.2 --seed "$seed"
        run impute_scale "${rows[@]}" --features "$d/f$seed.h5" --category_missing Missing --rare_below 0.05 --one_hot drop_last --scale_indicators true
        run impute_scale "${rows[@]}" --features "$d/g$seed.h5" --category_missing Missing --rare_below 0.01 --scale none
        learn one f "$seed" --family logistic --c 1
        learn small f "$seed" --family logistic --c 0.0005
        learn boost g "$seed" --family boosting --trees 60 --learning_rate 0.08 --max_leaves 8
    done
    { read -r accuracy auc; read -r small_accuracy small_auc; read -r boost_accuracy boost_auc; } < <(/usr/bin/python3 "$peer" titanic "$titanic" "$d")
    read -r a b < <(ours one accuracy auc)
    row 'titanic, logistic, C = 1: accuracy' "$a" "$accuracy"
    row '  AUC' "$b" "$auc"
    read -r a b < <(ours small accuracy auc)
    row 'titanic, logistic, C = .0005: accuracy' "$a" "$small_accuracy"
    row '  AUC' "$b" "$small_auc"
    read -r a b < <(ours boost accuracy auc)
    row 'titanic, boosting, against logistic, C = 1: accuracy' "$a" "$accuracy"
    row '  AUC' "$b" "$auc"
    row 'titanic, boosting, against boosting: accuracy' "$a" "$boost_accuracy"
    row '  AUC' "$b" "$boost_auc"
else
    echo 'figures: no titanic file is given'
fi

if [ -r "$bike" ]; then
    d=$t/bike
    mkdir "$d"
    run import --source "$bike" --schema "$schemas/bike.yaml" --table "$d/t.h5"
    for seed in {0..4}; do
        rows=(--table "$d/t.h5" --split "$d/s$seed.h5")
        run split "${rows[@]}" --method random --train 0.8 --validation 0 --test 0.2 --seed "$seed"
        run impute_scale "${rows[@]}" --features "$d/f$seed.h5" --scale none
        learn trees f "$seed" --family extra_trees --seed "$seed"
        learn pipeline f "$seed" --family extra_trees --min_split 4 --seed "$seed"
        learn boost f "$seed" --family boosting --trees 400 --max_leaves 63
    done
    r2=$(/usr/bin/python3 "$peer" bike "$d")
    row 'bike sharing, extra trees, 100: R2' "$(ours trees r2)" "$r2"
    row 'bike sharing, as pipelines/bike.yaml has them: R2' "$(ours pipeline r2)" "$r2"
    row 'bike sharing, boosting, against extra trees: R2' "$(ours boost r2)" "$r2"
else
    echo 'figures: no bike sharing file is given'
fi
