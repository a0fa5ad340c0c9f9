#!/bin/sh
# evaluate: figures that add up, a page that stands alone, and what is refused.
. "$(dirname "$0")/tap.sh"
py=/usr/bin/python3
$py -c 'import h5py' 2>/dev/null || skip_all "python3-h5py is not there"

mkdir toy shuffled
"$B/tests/tools/toy" toy && "$B/tests/tools/toy" shuffled shuffled || exit 1
cat >text.yaml <<'END'
network: 1
branches:
  text: {vocabulary: all, length: longest, layers: [{embedding: 8}, {lstm: 8}]}
head: [{dense: classes}]
training: {learning_rate: 0.01, batch: 16, epochs: 4}
END
cat >image.yaml <<'END'
network: 1
branches:
  pixels: {layers: [flatten, {dense: 8, activation: relu}]}
head: [{dense: classes}]
training: {learning_rate: 0.01, batch: 16, epochs: 4}
END
# The toy has no test rows: split.h5 gets some; noblue.h5 trains without the blue rows, novalid.h5 has no validation rows.
$py - <<'END' || exit 1
import h5py, shutil
for name in "split", "noblue", "novalid":
    shutil.copy("toy/split.h5", name + ".h5")
with h5py.File("toy/table.h5") as f:
    code = f["toys/colour/values"][:]
for name in "split", "noblue", "novalid":
    with h5py.File(name + ".h5", "r+") as f:
        d = f["split/side"]; s = d[:]
        for i in range(len(s)):
            if s[i] == 0 and i % 4 == 0: s[i] = 2
            if name == "noblue" and code[i] == 2 and s[i] == 0: s[i] = 255
            if name == "novalid" and s[i] == 1: s[i] = 255
        d[:] = s
END
inputs="--table toy/table.h5 --text toy/text.h5 --pixels toy/pixels.h5 --features toy/features.h5"
train() { # NAME NETWORK SPLIT
    "$L/train" --network "$2" $inputs --split "$3" --model "$1.h5" --history "$1.json" 2>"$t/train.log" || { cat "$t/train.log"; exit 1; }
}
train fusion toy/toy.yaml split.h5
train text text.yaml split.h5
train image image.yaml split.h5
train two text.yaml noblue.h5
E=$L/evaluate
data="$inputs --split split.h5"

ok "three models are evaluated side by side" "$E" --model fusion.h5 --others text.h5 --others image.h5 \
    --history fusion.json $data --metrics a.json --report a.html
has "the log has a line for each" "$err" "late_fusion accuracy"
run "$E" --model fusion.h5 --others text.h5 --others image.h5 --history fusion.json $data --threads 1 --metrics b.json --report b.html
same "one thread gives the same figures" a.json b.json
same "one thread gives the same page" a.html b.html
run "$E" --model fusion.h5 --others image.h5 --others text.h5 --history fusion.json $data --metrics c.json --report c.html
$py - >sums 2>&1 <<'END'
import json, math
m = json.load(open("a.json")); k = m["confusion"]["counts"]; n = sum(map(sum, k)); C = len(k)
assert m["rows"] == "test" and m["n"] == n and m["unknown_rows"] == 0 and m["kind"] == "fusion", m
assert m["confusion"]["labels"] == [c["label"] for c in m["per_class"]] and sorted(m["confusion"]["labels"]) == ["blue", "green", "red"]
assert sorted(c["name"] for c in m["per_class"]) == ["Blau", "Grün", "Rot"]
close = lambda a, b: math.isclose(a, b, abs_tol=1e-11)
f1 = []
for i in range(C):
    said, are = sum(k[j][i] for j in range(C)), sum(k[i])
    p, r = k[i][i] / said if said else 0, k[i][i] / are if are else 0
    f = 2 * p * r / (p + r) if p + r else 0
    c = m["per_class"][i]
    assert close(c["precision"], p) and close(c["recall"], r) and close(c["f1"], f) and c["support"] == are, (c, p, r, f)
    f1.append(f)
assert close(m["accuracy"], sum(k[i][i] for i in range(C)) / n) and m["accuracy"] > 0.6, m["accuracy"]
assert close(m["macro_f1"], sum(f1) / C) and close(m["weighted_f1"], sum(f * sum(r) for f, r in zip(f1, k)) / n)
assert list(m["models"]) == ["fusion", "text", "image", "late_fusion"], list(m["models"])
for one in "accuracy", "macro_f1", "weighted_f1", "loss":
    assert m["models"]["fusion"][one] == m[one]
w = m["models"]["late_fusion"]["weight"]
assert 0 <= w <= 1 and close(w * 100, round(w * 100))
other = json.load(open("c.json"))
assert other["models"]["late_fusion"] == m["models"]["late_fusion"]
END
is "the figures add up" "$(cat sums)" ""
page=$(cat a.html)
has "the page has the models" "$page" "late fusion"
has "the page has a chart" "$page" "<svg"
has "the page has the matrix" "$page" "Grün"
run grep -cE 'https?:|src=|href=|<script|url\(|[^a-z]nan[^a-z]' a.html
is "the page needs nothing from outside" "$out" 0

ok "validation rows, one model, no history" "$E" --model text.h5 --table toy/table.h5 --text toy/text.h5 --split split.h5 \
    --rows validation --metrics v.json --report v.html
has "are what is reported" "$(cat v.json)" '"rows": "validation"'
is "and nothing beside it" "$(grep -c '"image"\|late_fusion' v.json)" 0
ok "rows of a class that the model never saw" "$E" --model two.h5 $data --metrics u.json --report u.html
has "are warned about" "$err" "test rows have no label, or one that the model does not know: left out"
unknown=$($py -c 'import json; m = json.load(open("u.json")); print(m["unknown_rows"] > 0, m["n"] + m["unknown_rows"], len(m["per_class"]))')
is "and counted" "$unknown" "True $($py -c 'import json; print(json.load(open("a.json"))["n"])') 2"
ok "without validation rows" "$E" --model fusion.h5 --others text.h5 --others image.h5 $inputs --split novalid.h5 --metrics n.json --report n.html
has "there is no late fusion, with a warning" "$err" "no validation rows to choose the weight of the late fusion on"
is "nor in the figures" "$(grep -c late_fusion n.json)" 0

"$B/tests/tools/toy" unseen bare || exit 1
ok "rows without a picture" "$E" --model fusion.h5 --table toy/table.h5 --text toy/text.h5 --pixels unseen/pixels.h5 \
    --features toy/features.h5 --split split.h5 --metrics n.json --report n.html
has "are warned about, if no other is there" "$err" "warning: none of the 40 test rows has a picture"
is "but not about their words" "$(printf '%s' "$err" | grep -c 'has a word')" 0
o="--metrics x.json --report x.html"
refuses "no row to evaluate" 65 "'toy/split.h5' has no test rows with a label that the model knows" \
    "$E" --model text.h5 $inputs --split toy/split.h5 $o
refuses "two models of a kind" 64 "'text.h5' and 'two.h5' are both text models" "$E" --model fusion.h5 --others text.h5 --others two.h5 $data $o
refuses "a model of other classes" 65 "'two.h5' has 2 classes, the model 3" "$E" --model image.h5 --others two.h5 $data $o
refuses "files of other rows" 65 "shuffled/text.h5" "$E" --model text.h5 --table toy/table.h5 --text shuffled/text.h5 --split split.h5 $o
refuses "a model without its input" 65 "text.h5" "$E" --model text.h5 --table toy/table.h5 --pixels toy/pixels.h5 --split split.h5 $o
refuses "a model that is none" 65 "refit.model" "$E" --model toy/table.h5 $data $o
head -c 3000 fusion.h5 >cut.h5
refuses "a truncated model" 65 "cut.h5" "$E" --model cut.h5 $data $o
refuses "a model that is not there" 74 "nowhere.h5" "$E" --model nowhere.h5 $data $o
printf '{"epochs": [\n{"epoch": 1,}\n]}' >bad.json
refuses "a history that is no JSON" 65 "'bad.json' line 2" "$E" --model text.h5 --history bad.json $data $o
echo '[1]' >list.json
refuses "a history that is other JSON" 65 "'list.json' has no list 'epochs'" "$E" --model text.h5 --history list.json $data $o
: >empty.json
refuses "an empty history" 65 "empty.json" "$E" --model text.h5 --history empty.json $data $o
refuses "a history that is not there" 74 "nowhere.json" "$E" --model text.h5 --history nowhere.json $data $o
echo '{"epochs": [{"loss": 1e999}, {"loss": "x"}, 7, {"loss": -1e308}], "kept": -5}' >odd.json
run "$E" --model text.h5 --history odd.json $data --metrics o.json --report o.html
case $rc in 0 | 65) pass "an odd history does no harm" ;; *) fail "an odd history does no harm" "status $rc" "$err" ;; esac
refuses "a side that is none" 64 "rows" "$E" --model text.h5 $data --rows everything $o
refuses "no room for the page" 74 "bad.json/x.html" "$E" --model text.h5 $data --metrics x.json --report bad.json/x.html
# Files of at most 12 KiB: the figures fit, the page does not.
# shellcheck disable=SC2016
refuses "a disk that is full before the page is whole" 74 "cannot write 'x.html'" \
    sh -c 'trap "" XFSZ; ulimit -f 24; exec "$@"' sh "$E" --model text.h5 --history text.json $data $o
absent "no output after a refusal" x.json x.html x.json.tmp x.html.tmp
finish
