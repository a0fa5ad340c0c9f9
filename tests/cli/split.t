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

# Rows with dates, sellers, texts that repeat, and a column that says the side.
{
    echo 'row,day,seller,title,part,class'
    for i in $(seq 0 119); do
        printf '%d,2024-%02d-%02d,s%d,%s,%s,%s\n' "$i" $((1 + i / 28 % 12)) $((1 + i % 28)) $((i * 7 % 25)) \
            "$([ $((i % 6)) = 0 ] && echo "the same $((i % 4))" || echo "text $i")" \
            "$(case $((i % 10)) in 0) echo dev ;; 1) echo eval ;; 2) ;; *) echo fit ;; esac)" "$((i % 3))"
    done
} >rows.csv
cat >rows.yaml <<'Y'
schema: 1
tables:
  rows:
    file: rows.csv
    columns: {row: int, day: date, seller: category, title: string, part: string, class: category}
id: row
label: class
text: [title]
date: day
features: []
Y
ok 'a table with dates' "$L/import" --source rows.csv --schema rows.yaml --table rows.h5
part() { "$L/split" --table rows.h5 --split parts.h5 "$@"; }
# kin COLUMN: values of it that stand on more than one of the three sides
kin() {
    /usr/bin/python3 - "$1" <<'P'
import sys, h5py
with h5py.File("parts.h5") as f, h5py.File("rows.h5") as t:
    side, g = f["split/side"][()], t["rows/" + sys.argv[1]]
    o = g["offsets"][()] if "offsets" in g else None
    v = [bytes(g["bytes"][o[i]:o[i + 1]]) for i in range(len(side))] if o is not None else list(g["values"][()])
    seen = {}
    for x, s in zip(v, side):
        if s != 255: seen.setdefault(x, set()).add(s)
    print(sum(len(s) > 1 for s in seen.values()))
P
}
attr() { h5dump -a "split/$1" parts.h5 | grep '(0)' | tr -dc '0-9-' | cut -c2-; }

ok 'by time' part --method time --train 0.7 --validation 0.1 --test 0.2
has 'in the order of the dates' "$err" '84 training, 12 validation, 24 test'
is 'the latest rows are for test' "$(h5dump -d split/side -s 96 -c 24 -y parts.h5 | sed -n '/DATA {/,/}/p' | grep -o '[0-9]' | sort -u)" 2
ok 'by time, with borders' part --method time --validation_from 2024-03-01 --test_from 2024-05-01
has 'which decide' "$err" '56 training, 56 validation, 8 test'
has 'and are in the recipe' "$(h5dump -a split/recipe parts.h5)" '"validation_from":"2024-03-01","test_from":"2024-05-01"'
refuses 'a border that is no date' 64 "--test_from 'may' is no date" part --method time --test_from may
refuses 'a time of day for a column of days' 64 "has a time of day" part --method time --test_from '2024-05-01 12:00'
refuses 'a date column that is none' 65 "column 'row' is no date" part --method time --date row
refuses 'or that is not there' 65 "there is no column 'when'" part --method time --date when
refuses 'a table without dates' 65 'needs a date' "$L/split" --table table.h5 --split x.h5 --method time

ok 'by a column' part --method column --column part --train_value fit --validation_value dev --test_value eval
has 'as it says, the rest on no side' "$err" '84 training, 12 validation, 12 test, 12 unused'
ok 'by a column without validation' part --method column --column part --train_value fit --test_value eval --validation 0.25
has 'which is drawn from the training rows' "$err" '63 training, 21 validation, 12 test, 24 unused'
refuses 'a column that is not there' 65 "there is no column 'fold'" part --method column --column fold
refuses 'no column' 64 'needs --column' part --method column --check

ok 'by group' part --method stratified --group seller --train 0.6 --validation 0.2 --test 0.2
is 'no seller is on two sides' "$(kin seller)" 0
ok 'without groups' part --method stratified
isnt=$(kin seller)
if [ "$isnt" -gt 0 ]; then pass 'they would be'; else fail 'they would be'; fi
has 'a text on two sides is told' "$err" 'have a text and 0 a picture that an earlier side has, too'
if [ "$(attr leaked_texts)" -gt 0 ]; then pass 'and counted in the file'; else fail 'and counted in the file' "$(attr leaked_texts)"; fi
is 'pictures were not looked at' "$(attr leaked_pictures)" -1
refuses 'too many of them' 65 'more than max_leaked_share 0.01' part --method stratified --max_leaked_share 0.01
ok 'duplicates together' part --method stratified --duplicates together --max_leaked_share 0
is 'no text is on two sides' "$(kin title) $(attr leaked_texts)" '0 0'
ok 'and with groups' part --method random --duplicates together --group seller
is 'neither text nor seller' "$(kin title) $(kin seller)" '0 0'
ok 'duplicates by time' part --method time --duplicates together
has 'leave the later side' "$err" 'rows have kin on an earlier side and are on none'
is 'so that no text is on two' "$(kin title)" 0
refuses 'groups of a column that is not there' 65 "there is no column 'shop' to group by" part --group shop
refuses 'groups in a balanced draw' 64 'cannot keep them together' part --method balanced --group seller
ok 'words for texts' "$L/preprocess_text" --table rows.h5 --text words.h5
ok 'texts are equal when their words are' part --text words.h5 --duplicates together
is 'and on one side then' "$(attr leaked_texts)" 0
refuses 'words of other rows' 65 'words.h5' "$L/split" --table table.h5 --split x.h5 --text words.h5

for i in 0 1 2 3; do
    ok "fold $i of four" part --folds 4 --fold $i --validation 0.15
    has 'a quarter is for test' "$err" '72 training, 18 validation, 30 test, 0 unused'
    h5dump -d split/side -y -w 1 parts.h5 | sed -n '/DATA {/,/}/p' | grep -n '^ *2' | cut -d: -f1 >test.$i
    h5dump -d split/fold -y -w 0 parts.h5 | sed -n '/DATA {/,/}/p' >fold.$i
done
is 'every row is for test once' "$(cat test.[0-3] | sort -n | uniq | wc -l)" 120
same 'the folds are the same each time' fold.0 fold.3
is 'and their number is in the file' "$(attr folds)" 4
ok 'folds of groups' part --folds 3 --fold 1 --group seller
is 'keep them together' "$(kin seller)" 0
refuses 'a fold that is not there' 64 '--fold 4 of --folds 4' part --folds 4 --fold 4
refuses 'a fold without folds' 64 'needs --folds' part --fold 1
refuses 'folds of given sides' 64 "folds are random, stratified or in time, not 'balanced'" part --folds 3 --method balanced
for i in 0 1 2; do
    ok "fold $i of three in time" part --method time --folds 3 --fold $i --validation 0.1
    has 'is trained on what was before it' "$err" "$((27 + 27 * i)) training, $((3 + 3 * i)) validation, 30 test, $((60 - 30 * i)) unused"
    is 'and is the next period' "$(h5dump -d split/side -y -w 1 parts.h5 | sed -n '/DATA {/,/}/p' | grep -n '^ *2,*$' | cut -d: -f1 | sed -n '1p;$p' | tr '\n' ' ')" \
        "$((32 + 30 * i)) $((61 + 30 * i)) "
done
is 'the oldest rows are in no fold' "$(h5dump -d split/fold -s 29 -c 3 -y parts.h5 | sed -n '/DATA {/,/}/p' | tr -dc '0-9,')" 255,0,0
refuses 'more folds than days' 65 'fold 119 has no row: 120 rows are too few for 120 folds in time' part --method time --folds 120 --fold 119
refuses 'folds in time with borders' 64 'borders of their own' part --method time --folds 3 --test_from 2024-05-01
refuses 'or all for validation' 64 'leaves nothing to train on' part --method time --folds 3 --validation 1
refuses 'nothing left to train on' 64 'leaves nothing to train on' part --folds 2 --validation 0.5

mkdir in && "$B/tests/tools/pictures" in
ok 'pictures' "$L/preprocess_images" --table in/table.h5 --images in/images --pixels in/p.h5 --size 8
ok 'equal pictures on both sides' "$L/split" --table in/table.h5 --pixels in/p.h5 --split parts.h5 --method random
has 'are told' "$err" 'and 257 a picture that an earlier side has, too'
refuses 'pictures of other rows' 65 'in/p.h5' part --pixels in/p.h5
finish
