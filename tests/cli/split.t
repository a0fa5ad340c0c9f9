#!/bin/bash
. "$(dirname "$0")/tap.sh"
"$B/tests/tools/samples" .
split() { "$L/split" --table table.h5 --split split_out.h5 "$@"; }
# counts FILE: training validation test unused, by class a b c -
counts() {
    /usr/bin/python3 - "$1" <<'P'
import sys, h5py
with h5py.File(sys.argv[1], "r") as f, h5py.File("table.h5", "r") as t:
    side, code = f["split/side"][()], t["things/label/values"][()]
    print(" | ".join(" ".join(str(int(((side == s) & (code == c)).sum())) for s in (0, 1, 2, 255)) for c in (0, 1, 2, -1)))
P
}

ok 'split divides by class' split --method stratified --train 0.8 --validation 0.1 --test 0.1 --seed 42
is 'every class by its shares, rows without label on no side' "$(counts split_out.h5)" '192 24 24 0 | 43 6 5 0 | 3 0 0 0 | 0 0 0 3'
has 'and says what it did' "$err" '300 rows: 238 training, 30 validation, 29 test, 3 unused'
cp split_out.h5 first.h5
ok 'again with one thread' split --method stratified --seed 42 --threads 1
same 'the same seed gives the same bytes' first.h5 split_out.h5
ok 'again with two threads' env REFIT_THREADS=2 "$L/split" --table table.h5 --split split_out.h5 --seed 42
same 'for any number of threads' first.h5 split_out.h5
ok 'another seed' split --seed 43
if cmp -s first.h5 split_out.h5; then fail 'another seed draws other rows'; else pass 'another seed draws other rows'; fi

ok 'a random draw' split --method random --train 0.8 --validation 0 --test 0.2
has 'test is rounded up, as scikit-learn does' "$err" '237 training, 0 validation, 60 test'
ok 'shares may leave rows over' split --method random --train 0.5 --validation 0 --test 0.25
has 'which are on no side' "$err" '148 training, 0 validation, 75 test, 77 unused'
ok 'a balanced draw' split --method balanced --train_per_class 40 --validation_per_class 10
is 'as many of every class, the rest for test' "$(counts split_out.h5)" '40 10 190 0 | 40 10 4 0 | 3 0 0 0 | 0 0 0 3'
has 'small classes give what they have, with a warning' "$err" 'warning: 1 of 3 classes have fewer than 40 + 10 rows and give what they have: c'
ok 'a table without label is drawn at random' "$L/split" --table plain.h5 --split plain_split.h5 --method random
has 'all rows of it' "$err" '240 training, 30 validation, 30 test, 0 unused'

rm -f split_out.h5
refuses 'a table without label has no classes' 65 'label' "$L/split" --table plain.h5 --split split_out.h5
refuses 'nor has one whose label is a number' 65 'price' "$L/split" --table number.h5 --split split_out.h5
refuses 'shares above 1 are refused' 64 'sum to 1.1: want at most 1' split --train 0.9
refuses 'by --check, too' 64 'sum to 1.1' split --check --train 0.9
refuses 'a negative share is refused' 64 'out of range' split --test -0.1
refuses 'nothing to train on is refused' 65 'no row is left to train on' split --train 0 --validation 0.5 --test 0.5
refuses 'an unknown method is refused' 64 "'tim' is not one of" split --method tim
refuses 'a file of another kind is refused' 65 'refit.split' "$L/split" --table split.h5 --split split_out.h5
head -c 20000 table.h5 >cut.h5
refuses 'a truncated table is refused' 65 'cut.h5' "$L/split" --table cut.h5 --split split_out.h5
: >empty.h5
refuses 'an empty file is refused' 65 'empty.h5' "$L/split" --table empty.h5 --split split_out.h5
refuses 'a missing table is an error of the machine' 74 'nowhere.h5' "$L/split" --table nowhere.h5 --split split_out.h5
refuses 'a full disk is said' 74 'split' bash -c "trap '' XFSZ; ulimit -f 1; exec '$L/split' --table table.h5 --split split_out.h5"
absent 'no failure leaves an output' split_out.h5 split_out.h5.tmp
finish
