#!/bin/bash
. "$(dirname "$0")/tap.sh"
"$B/tests/tools/samples" .
echo '{"accuracy": 0.9, "models": {"text": {"accuracy": 0.7, "curve": [1, 2]}}, "confusion": [[1, 0], [0, 1]]}' >metrics.json
echo '<html><title>report</title></html>' >report.html
pack() { "$L/package" --model model.h5 --metrics metrics.json --report report.html --package models.tar "$@"; }

ok 'a package is made' pack
is 'its members in their order' "$(tar tf models.tar | tr '\n' ' ')" \
    'manifest.json mapper.json metrics.json model.h5 report.html tokenizer_config.json '
is 'without owner, mode 0644, without time' "$(tar tvf models.tar --numeric-owner | awk '{print $1, $2, $4}' | sort -u)" '-rw-r--r-- 0/0 1970-01-01'
mkdir x && tar xf models.tar -C x
same 'the model is packed as it is' model.h5 x/model.h5
same 'so are the metrics' metrics.json x/metrics.json
same 'and the report' report.html x/report.html
ok 'the manifest has size and hash of every other member, and what a gate needs' /usr/bin/python3 - <<'P'
import hashlib, json, os
m = json.load(open("x/manifest.json"))
assert sorted(r["name"] for r in m["members"]) == sorted(set(os.listdir("x")) - {"manifest.json"})
for r in m["members"]:
    data = open("x/" + r["name"], "rb").read()
    assert r["size"] == len(data) and r["sha256"] == hashlib.sha256(data).hexdigest(), r
assert m["metrics"] == {"accuracy": 0.9, "models": {"text": {"accuracy": 0.7}}} # no lists
assert m["model"] == {"family": "network", "kind": "text", "classes": 3, "vocabulary": 5}
assert m["manifest"] == 1 and m["refit"] and "version" not in m
P
ok 'the tokenizer is what Keras reads, the mapper leads from index to code' /usr/bin/python3 - <<'P'
import json
t = json.load(open("x/tokenizer_config.json"))
assert t["class_name"] == "Tokenizer"
c = t["config"]
index = json.loads(c["word_index"])
assert index == {"<OOV>": 1, "livre": 2, "\u00e9t\u00e9": 3, '"rouge"': 4}
assert {v: int(k) for k, v in json.loads(c["index_word"]).items()} == index
assert c["num_words"] == 5 and c["oov_token"] == "<OOV>" and c["char_level"] is False and c["split"] == " "
for k in ("word_counts", "word_docs", "index_docs"): # tokenizer_from_json parses these, too
    assert json.loads(c[k]) == {}
assert json.load(open("x/mapper.json")) == {"0": "10", "1": "2280", "2": "1301"}
P
mv models.tar first.tar
touch -d 2001-01-01 model.h5 metrics.json && chmod 600 report.html
ok 'again, with other times and modes, in another locale' env LC_ALL=C TZ=Asia/Tokyo REFIT_THREADS=2 bash -c "umask 077; '$L/package' --model model.h5 --metrics metrics.json --report report.html --package models.tar"
same 'the same input gives the same bytes' first.tar models.tar

ok 'a model without text has no tokenizer, a report may be missing' "$L/package" --model image.h5 --metrics metrics.json --package models.tar
is 'nothing else is there' "$(tar tf models.tar | tr '\n' ' ')" 'manifest.json mapper.json metrics.json model.h5 '

mkdir -p notes/deep && echo 1 >notes/deep/a.txt && echo 2 >notes/b.log && echo 3 >notes/c.cfg && echo 4 >"$(printf 't\303\252te.csv')"
printf '0.1.7\n' >VERSION.txt
ok 'extras and a version' pack --extra notes/ --extra "$(printf 't\303\252te.csv')" --version VERSION.txt --exclude '*.log' --exclude '*/c.*' --exclude model.h5
is 'are members, patterns leave extras out and nothing else' "$(LC_ALL=C.UTF-8 tar tf models.tar --quoting-style=literal | tr '\n' ' ')" \
    "manifest.json VERSION mapper.json metrics.json model.h5 notes/deep/a.txt report.html tokenizer_config.json $(printf 't\303\252te.csv') "
is 'VERSION is the one line' "$(tar xOf models.tar VERSION)" 0.1.7
has 'and stands in the manifest' "$(tar xOf models.tar manifest.json)" '"version": "0.1.7"'
run "$L/package" --version
has 'package has an option of that name and a version itself' "$out" 'package (refit)'

rm models.tar
refuses 'an extra that has the name of a member is refused' 65 "'metrics.json'" pack --extra metrics.json
refuses 'two extras of one name are refused' 65 'name of another member' pack --extra notes/deep/a.txt --extra notes/deep/a.txt
refuses 'a missing extra is said' 74 "cannot open extra 'nowhere'" pack --extra nowhere
printf 'two words\n' >bad.version
refuses 'a version is one word' 65 "'bad.version': want one line" pack --version bad.version
: >bad.version
refuses 'and not nothing' 65 "'bad.version': want one line" pack --version bad.version
refuses 'by --check, too' 65 "'bad.version'" "$L/package" --check --version bad.version
head -c 9000 model.h5 >cut.h5
refuses 'a truncated model is refused' 65 'cut.h5' "$L/package" --model cut.h5 --metrics metrics.json --package models.tar
refuses 'a file of another kind is refused' 65 'refit.model' "$L/package" --model table.h5 --metrics metrics.json --package models.tar
/usr/bin/python3 - <<'P'
import h5py, shutil
shutil.copy("model.h5", "fewer.h5")
with h5py.File("fewer.h5", "r+") as f:
    del f["text/vocabulary"]
shutil.copy("model.h5", "open.h5")
with h5py.File("open.h5", "r+") as f:
    del f.attrs["complete"]
P
refuses 'a model without its vocabulary is refused' 65 'fewer.h5' "$L/package" --model fewer.h5 --metrics metrics.json --package models.tar
is 'and named once' "$(printf %s "$err" | grep -o fewer.h5 | wc -l)" 1
refuses 'an incomplete model is refused' 65 'open.h5' "$L/package" --model open.h5 --metrics metrics.json --package models.tar
echo '{"accuracy": NaN}' >nan.json
refuses 'metrics that are no JSON are refused' 65 "'nan.json' line 1" "$L/package" --model model.h5 --metrics nan.json --package models.tar
: >empty.json
refuses 'so are empty ones' 65 "'empty.json'" "$L/package" --model model.h5 --metrics empty.json --package models.tar
echo '{"epochs": [1]}' >none.json
refuses 'and another JSON file' 65 "'none.json' holds no figure" "$L/package" --model model.h5 --metrics none.json --package models.tar
refuses 'a full disk is said' 74 'models.tar' bash -c "ulimit -f 8; exec '$L/package' --model model.h5 --metrics metrics.json --package models.tar"
refuses 'a directory that cannot be made is said' 74 'metrics.json' "$L/package" --model model.h5 --metrics metrics.json --package metrics.json/models.tar
absent 'no failure leaves an output' models.tar models.tar.tmp
finish
