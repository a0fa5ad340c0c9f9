#!/bin/bash
. "$(dirname "$0")/tap.sh"
"$B/tests/tools/samples" .
echo '{"accuracy": 0.9, "models": {"text": {"accuracy": 0.7, "curve": [1, 2]}}, "confusion": [[1, 0], [0, 1]], "curves": {"roc": {"0": [1]}}}' >metrics.json
echo '<html><title>report</title></html>' >report.html
pack() { "$L/package" --model model.h5 --metrics metrics.json --report report.html --package models.tar "$@"; }

ok 'a package is made' pack
is 'its members in their order' "$(tar tf models.tar | tr '\n' ' ')" \
    'manifest.json mapper.json metrics.json model.h5 preprocessing.json report.html tokenizer_config.json '
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
ok 'what was done to the inputs stands beside it' /usr/bin/python3 - <<'P'
import h5py, json
with h5py.File("model.h5") as f:
    assert json.load(open("x/preprocessing.json")) == {"text": json.loads(f["text"].attrs["recipe"])}
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
    "manifest.json VERSION mapper.json metrics.json model.h5 notes/deep/a.txt preprocessing.json report.html tokenizer_config.json $(printf 't\303\252te.csv') "
is 'VERSION is the one line' "$(tar xOf models.tar VERSION)" 0.1.7
has 'and stands in the manifest' "$(tar xOf models.tar manifest.json)" '"version": "0.1.7"'
run "$L/package" --version
has 'package has an option of that name and a version itself' "$out" 'package (refit)'

rm models.tar
refuses 'an extra that has the name of a member is refused' 65 "'metrics.json'" pack --extra metrics.json
refuses 'two extras of one name are refused' 65 'name of another member' pack --extra notes/deep/a.txt --extra notes/deep/a.txt
mkdir of && echo 1 >of/deep
refuses 'one in the other, too' 65 "extra 'of/deep' would be 'deep', beside the member 'deep/a.txt'" pack --extra notes/deep --extra of/deep
echo x >manifest.json.minisig && echo x >model_folder_metadata.csv
refuses 'nor may one be called as what a key makes' 65 "extra 'manifest.json.minisig': that name is not free" pack --extra manifest.json.minisig
refuses 'nor as what pull writes' 65 "extra 'model_folder_metadata.csv': that name is not free" pack --extra model_folder_metadata.csv
refuses 'a missing extra is said' 74 "cannot open extra 'nowhere'" pack --extra nowhere
printf 'two words\n' >bad.version
refuses 'a version is one word' 65 "'bad.version': want one line" pack --version bad.version
printf '1.0\n\0' >bad.version
refuses 'and a text' 65 "'bad.version': want one line" pack --version bad.version
mkfifo pipe
refuses 'and in a file' 74 "'pipe' is not a regular file" timeout 60 "$L/package" --check --version pipe
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

# ---- where it comes from ----
ok 'with the table' pack --table table.h5
tar xOf models.tar manifest.json >m.json
ok 'the manifest tells of the data' /usr/bin/python3 - <<'P'
import h5py, hashlib, json
d = json.load(open("m.json"))["data"]
with h5py.File("table.h5") as f:
    name = f.attrs["tables"][0]
    assert d["table"] == name and d["rows"] == f[name].attrs["rows"] and d["keys_sha256"] == f[name].attrs["keys_sha256"]
assert d["sha256"] == hashlib.sha256(open("table.h5", "rb").read()).hexdigest()
assert "origin" not in json.load(open("m.json"))
P
ok 'as a stage' env REFIT_PIPELINE=products REFIT_FINGERPRINT=abc "$L/package" --model model.h5 --metrics metrics.json --package models.tar
has 'it says of which pipeline and work' "$(tar xOf models.tar manifest.json | tr -d ' \n')" '"origin":{"pipeline":"products","fingerprint":"abc"}'
mkdir -p more && echo 1 >more/a.json && echo 2 >more/b.txt && echo 3 >more/c.json
ok 'with patterns' pack --extra more --include '*.json' --exclude 'c*'
is 'only those come in that fit' "$(tar tf models.tar | grep more)" more/a.json

# ---- signatures ----
ok 'a pair of keys' "$B/bin/refit-models" keys ours
is 'the secret one is for its owner alone' "$(stat -c %a ours.key)" 600
refuses 'a key is never replaced' 74 "cannot create 'ours.pub'" "$B/bin/refit-models" keys ours
"$B/bin/refit-models" keys theirs >/dev/null
ok 'a signed package' pack --sign_key ours.key
is 'has the signature behind the manifest' "$(tar tf models.tar | head -2 | tr '\n' ' ')" 'manifest.json manifest.json.minisig '
cp models.tar signed.tar
ok 'the same again' pack --sign_key ours.key
same 'has the same bytes' models.tar signed.tar
verify() { "$L/package" --verify "$@"; }
ok 'it can be verified' verify signed.tar --public_key ours.pub
has 'and says so' "$err" 'signed by the key'
ok 'without a key its members alone' verify signed.tar
refuses 'another key has not signed it' 65 "signed by key" verify signed.tar --public_key theirs.pub
refuses 'a package without a signature is not signed' 65 'it is not signed' verify first.tar --public_key ours.pub
refuses 'a key that is not there is said before that' 74 "cannot open 'no.pub'" verify first.tar --public_key no.pub
refuses 'a secret key is no public one' 65 "'ours.key' is no public key of minisign" verify signed.tar --public_key ours.key
refuses 'a public one no secret one' 65 "'ours.pub' is no secret key of minisign" pack --sign_key ours.pub
sed 's/RW/RX/' ours.key >bad.key
refuses 'nor is a damaged one' 65 "'bad.key'" pack --sign_key bad.key
/usr/bin/python3 - <<'P'
import io, tarfile
def change(out, edit):
    with tarfile.open("signed.tar") as old, tarfile.open(out, "w") as new:
        for m in old:
            data = edit(m.name, old.extractfile(m).read())
            m.size = len(data)
            new.addfile(m, io.BytesIO(data))
change("manifest.tar", lambda n, d: d.replace(b'"refit": "', b'"refit": "9') if n == "manifest.json" else d)
change("comment.tar", lambda n, d: d.replace(b"trusted comment: m", b"trusted comment: n") if n.endswith("minisig") else d)
change("short.tar", lambda n, d: d[:60] if n.endswith("minisig") else d)
P
refuses 'a changed manifest does not pass' 65 'the signature is not of this text' verify manifest.tar --public_key ours.pub
refuses 'nor a changed comment' 65 'the signature is not of this text' verify comment.tar --public_key ours.pub
refuses 'nor half a signature' 65 'the signature is damaged' verify short.tar --public_key ours.pub
if command -v minisign >/dev/null; then
    mkdir s && tar xf signed.tar -C s
    ok 'minisign verifies it' minisign -V -p ours.pub -m s/manifest.json
    ok 'signs with our key' minisign -S -s ours.key -m metrics.json
    ok 'and makes keys' minisign -G -W -p mini.pub -s mini.key
    ok 'with which a package is signed' pack --sign_key mini.key
    ok 'and verified' verify models.tar --public_key mini.pub
else
    skip 'minisign agrees' 'it is not installed'
fi
up() { "$L/upload" --package "$1.tar" --receipt r.json --registry reg --name p "${@:2}"; }
refuses 'upload can insist on a signature' 65 'it is not signed' up first --public_key ours.pub
ok 'and take what is signed' up signed --public_key ours.pub
ok 'pull with the key' "$B/bin/refit-models" -r reg pull p model --key ours.pub
refuses 'pull with another' 65 'signed by key' "$B/bin/refit-models" -r reg pull p other --key theirs.pub
absent 'leaves nothing' other
refuses 'it is asked for before anything is fetched' 74 "cannot open 'no.pub'" "$B/bin/refit-models" -r s3://nowhere pull p other --key no.pub
refuses 'what is not signed is called by its name' 65 "'q version 1': it is not signed" eval '"$L/upload" --package first.tar --receipt r.json --registry reg --name q 2>/dev/null; "$B/bin/refit-models" -r reg pull q other --key ours.pub'
refuses 'predict can insist, too' 65 'it is not signed' "$B/bin/refit-predict" --model first.tar --public_key ours.pub a=1
refuses 'but not on a model without a package' 64 'is no package' "$B/bin/refit-predict" --model model.h5 --public_key ours.pub a=1
ok 'the folder is whole, its signature in it' "$B/bin/refit-models" -r reg pull p model --max-age 1d
has 'and nothing is fetched' "$out" 'is there already, whole'
refuses 'a folder that is there is not taken for signed by another' 65 'signed by key' "$B/bin/refit-models" -r reg pull p model --key theirs.pub --max-age 1d
same 'and stays' signed.tar reg/p/1/models.tar
refuses 'predict reads a folder by its signature, too' 65 'signed by key' "$B/bin/refit-predict" --model model --public_key theirs.pub a=1
ok 'verify with the key' "$B/bin/refit-models" -r reg verify p --key ours.pub
run "$B/bin/refit-models" -r reg verify p --key theirs.pub --json
is 'as JSON it is one document' "$(printf '%s\n' "$out" | grep -c '^[]}]')" 1
refuses 'verify with another' 65 'signed by key' "$B/bin/refit-models" -r reg verify p --key theirs.pub
finish
