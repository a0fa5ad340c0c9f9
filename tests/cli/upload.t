#!/bin/bash
. "$(dirname "$0")/tap.sh"
"$B/tests/tools/samples" .
# pack NAME ACCURACY [option...]: a package NAME.tar with these metrics
pack() { name=$1; echo "{\"accuracy\": $2}" >m.json; shift 2; "$L/package" --model model.h5 --metrics m.json --package "$name.tar" "$@" 2>/dev/null; }
upload() { "$L/upload" --package "$1.tar" --receipt receipt.json --registry reg --name products --key models.tar; }
json() { /usr/bin/python3 -c 'import json, sys
at = json.load(open(sys.argv[1]))
for k in sys.argv[2].split("."): at = at[k]
print(json.dumps(at))' "$1" "$2"; }
sha() { sha256sum <"$1" | cut -d' ' -f1; }
pack one 0.8
pack two 0.9

ok 'a package is published' upload one
same 'as version 1' one.tar reg/products/1/models.tar
same 'and under the fixed key' one.tar reg/models.tar
is 'current.json names it' "$(json reg/products/current.json version)" '"1"'
is 'with its hash' "$(json reg/products/current.json sha256)" "\"$(sha one.tar)\""
is 'the manifest has its metrics' "$(json reg/products/1/manifest.json metrics.accuracy)" 0.8
is 'the receipt says what was done' "$(for k in registry name version created changed previous history key; do json receipt.json $k; done | tr '\n' ' ')" \
    '"reg" "products" "1" true true null 1 "models.tar" '
is 'and when' "$(json receipt.json timestamp)" "$(json reg/products/current.json timestamp)"
ok 'again' upload one
has 'a package equal to the current one makes no new version and says so' "$err" 'nothing new was published'
is 'nor does the receipt claim one' "$(for k in version created changed history; do json receipt.json $k; done | tr '\n' ' ')" '"1" false false 1 '
absent 'there is none' reg/products/2 reg/products/history/2.json
ok 'another package' upload two
is 'is the next version' "$(for k in version created previous history; do json receipt.json $k; done | tr '\n' ' ')" '"2" true "1" 2 '
same 'version 1 is untouched' one.tar reg/products/1/models.tar
same 'the key has the new one' two.tar reg/models.tar
ok 'a gate sees its metrics' "$L/gate" --metrics m.json --require 'accuracy >= current.accuracy' --registry reg --name products
ok 'a registry may be written as file:' "$L/upload" --package two.tar --receipt r.json --registry "file:$t/reg" --name products
is 'and is the same one' "$(json r.json created)" false

printf '0.1.7\n' >V
pack v1 0.5 --version V
pack v2 0.6 --version V
titanic() { "$L/upload" --package "$1.tar" --receipt receipt.json --registry reg --name titanic; }
ok 'a package with a VERSION' titanic v1
same 'is that version' v1.tar reg/titanic/0.1.7/models.tar
refuses 'an existing version with other content is refused' 65 "version '0.1.7' of 'titanic' exists with other content" titanic v2
same 'and stays' v1.tar reg/titanic/0.1.7/models.tar
ok 'a copy lies at the key instead of the package' "$L/upload" --package v1.tar --copy model.h5 --receipt receipt.json --registry reg --name votes --key 'lstm/{version}.h5'
same 'with the version in its name' model.h5 reg/lstm/0.1.7.h5

# ---- what the run said ----
mkdir run && printf 'trained\n' >run/train.1.log && printf 'failed\n' >run/import.1.log && printf 'imported\n' >run/import.2.log && : >run/progress
logged() { "$L/upload" --package "$1.tar" --receipt receipt.json --registry logs --name products --log "$2"; }
ok 'the logs of the run are published' logged one run
is 'beside the package, one after another' "$(cat logs/products/1/log.txt)" "==> import.1.log <==
failed

==> import.2.log <==
imported

==> train.1.log <==
trained"
echo more >run/train.2.log
ok 'the same again' logged one run
is 'keeps the log of the run that made it' "$(grep -c more logs/products/1/log.txt)" 0
ok 'another version' logged two run
is 'has a log of its own' "$(grep -c more logs/products/2/log.txt)" 1
refuses 'logs that are not there are said' 74 "cannot read the directory of logs 'nowhere'" logged v1 nowhere
mkdir odd && mkfifo odd/a.1.log
refuses 'nor is anything but a file read' 74 "'odd/a.1.log' is not a regular file" logged v1 odd
is 'and nothing is published' "$(ls logs/products | tr '\n' ' ')$(json logs/products/current.json version)" '1 2 current.json history "2"'
ok 'a version that is taken away goes with its log' "$B/bin/refit-models" prune products --keep 1 --registry logs
is 'whole' "$(ls logs/products | tr '\n' ' ')" '2 current.json history '
cat >p.yaml <<'E'
refit: 1
name: p
stages:
  say: {cmd: 'echo heard; cp one.tar "${outs.tar}"', outs: {tar: work/one.tar}}
  upload:
    deps: {package: work/one.tar}
    outs: {receipt: work/receipt.json}
    params: {registry: piped, name: products, log: "${run.dir}"}
E
ok 'in a pipeline' "$B/bin/refit" run -f p.yaml
is 'a stage finds the logs of its run under ${run.dir}' "$(sed -n 1,2p piped/products/1/log.txt | tr '\n' ' ')" '==> say.1.log <== heard '

# ---- a list of what was current ----
clients() { "$L/upload" --package "$1.tar" --receipt receipt.json --registry old --name clients --key 'twc_model_{version}' --status_key twc_status; }
ok 'the first model of a list' clients one
ok 'and the second' clients two
same 'each under a key of its own' two.tar old/twc_model_2
is 'the list has both' "$(/usr/bin/python3 -c 'import json; print([sorted(x) + [x["current_version"]] for x in json.load(open("old/twc_status"))])')" \
    "[['current_version', 'timestamp', '1'], ['current_version', 'timestamp', '2']]"
ok 'the same again' clients two
is 'adds nothing' "$(grep -c current_version old/twc_status)" 2
echo '{"no": "list"}' >old/twc_status
cp -r old before
refuses 'what is no list is kept' 65 "'old/twc_status' is no JSON list" clients one
is 'and nothing is published' "$(diff -r old before)" ''
ok 'a registry may be anywhere' "$L/upload" --package one.tar --receipt r2.json --name one --registry "$(printf 'reg\377')"
has 'the receipt tells where as far as it can' "$(cat r2.json)" "$(printf '"registry": "reg\357\277\275"')"
refuses 'a model and the list cannot have one key' 64 "key 'twc_status': a model and the list" "$L/upload" --check --name clients --key twc_status --status_key twc_status
refuses 'the list is one for all versions' 64 'no {version}' "$L/upload" --package one.tar --receipt receipt.json --registry old --name clients --status_key 'x{version}'

# ---- what is refused, and what is left then ----
before=$(find reg -type f -exec sha256sum {} + | sort)
unchanged() { is "$1: the registry is as it was" "$(find reg -type f -exec sha256sum {} + | sort)" "$before"; }
rm receipt.json
/usr/bin/python3 - <<'P'
import io, tarfile
def change(out, edit):
    with tarfile.open("one.tar") as old, tarfile.open(out, "w") as new:
        for m in old:
            for info, data in edit(m, old.extractfile(m).read()):
                info.size = len(data)
                new.addfile(info, io.BytesIO(data))
change("flipped.tar", lambda m, d: [(m, bytes([d[0] ^ 1]) + d[1:] if m.name == "model.h5" else d)])
change("fewer.tar", lambda m, d: [] if m.name == "mapper.json" else [(m, d)])
change("more.tar", lambda m, d: [(m, d)] + ([(tarfile.TarInfo("virus.exe"), b"x")] if m.name == "model.h5" else []))
change("bare.tar", lambda m, d: [] if m.name == "manifest.json" else [(m, d)])
change("version.tar", lambda m, d: [(m, d)] + ([(tarfile.TarInfo("VERSION"), b"9\n")] if m.name == "model.h5" else []))
change("broken.tar", lambda m, d: [(m, d[:-9] if m.name == "manifest.json" else d)])
change("outside.tar", lambda m, d: [(m, d)] + ([(tarfile.TarInfo("../evil"), b"x")] if m.name == "model.h5" else []))
with tarfile.open("link.tar", "w") as new:
    info = tarfile.TarInfo("model.h5"); info.type = tarfile.SYMTYPE; info.linkname = "/etc/passwd"
    new.addfile(info)
P
head -c 9000 one.tar >cut.tar
: >empty.tar
refuses 'a changed member is found' 65 "member 'model.h5' is damaged" upload flipped
refuses 'a missing member is found' 65 "names the member 'mapper.json', which is not there" upload fewer
refuses 'a member too many is found' 65 'members beside manifest.json' upload more
refuses 'a tar without manifest is no package' 65 'no manifest.json' upload bare
refuses 'VERSION must be in the manifest' 65 "'version.tar'" upload version
refuses 'a damaged manifest is refused' 65 "'broken.tar': 'manifest.json' line" upload broken
refuses 'a name that leads outside is refused' 65 'no plain relative path' upload outside
refuses 'a link is refused' 65 'not a regular file' upload link
refuses 'a truncated package is refused' 65 "'cut.tar'" upload cut
refuses 'an empty one, too' 65 "'empty.tar' is empty" upload empty
refuses 'a missing one is an error of the machine' 74 "cannot open 'nowhere.tar'" upload nowhere
refuses 'another scheme is refused' 64 "the scheme 'ftp' is not known" "$L/upload" --package one.tar --receipt receipt.json --registry ftp://b/p --name products
refuses 'by --check, too' 64 "the scheme 'ftp' is not known" "$L/upload" --check --registry ftp://b/p --name products
refuses 'a name is needed' 64 '--name is missing' "$L/upload" --package one.tar --receipt receipt.json --registry reg
refuses 'a name stays in the registry' 64 "--name '../x'" "$L/upload" --package one.tar --receipt receipt.json --registry reg --name ../x
refuses 'a key stays in the registry' 64 "key '../x'" "$L/upload" --package one.tar --receipt receipt.json --registry reg --name products --key ../x
refuses 'a key stays out of the versions' 64 "key 'products/1/models.tar'" "$L/upload" --package one.tar --receipt receipt.json --registry reg --name products --key products/1/models.tar
refuses 'a copy needs a key' 64 'want --key' "$L/upload" --package one.tar --copy model.h5 --receipt receipt.json --registry reg --name products
pack three 0.95
: >file
refuses 'a registry that cannot be made is said' 74 "'file" "$L/upload" --package three.tar --receipt receipt.json --registry file/reg --name products
refuses 'a full disk is said' 74 'models.tar' bash -c "trap '' XFSZ; ulimit -f 16; exec '$L/upload' --package three.tar --receipt receipt.json --registry reg --name products --key models.tar"
unchanged 'after all these'
absent 'no failure leaves a receipt' receipt.json receipt.json.tmp

# ---- kill -9 at every system call that changes the registry, then once more ----
if ! strace -qq -o /dev/null true 2>/dev/null; then skip 'kill -9 anywhere' 'strace cannot trace here'; finish; exit; fi
cp -r reg start
once_more() { upload three; }
# field FILE NAME: the text of a field, without starting an interpreter for each of some fifty runs
field() { sed -n "s/.*\"$2\": \"\([^\"]*\)\".*/\1/p" "$1"; }
for call in mkdir write fsync rename link unlink; do
    for when in 1 2 3 4 5 6 7 8 9 10 11 12; do
        rm -rf reg receipt.json && cp -r start reg
        { strace -qq -o /dev/null -e trace=$call -e inject=$call:signal=KILL:when=$when \
            "$L/upload" --package three.tar --receipt receipt.json --registry reg --name products --key models.tar && break; } 2>/dev/null
        version=$(field reg/products/current.json version)
        is "killed at $call $when: the current model is whole" "$(sha "reg/products/$version/models.tar")" "$(field reg/products/current.json sha256)"
        run once_more
        if [ $rc -eq 0 ] && cmp -s three.tar reg/products/3/models.tar && cmp -s three.tar reg/models.tar && [ ! -e reg/products/4 ] &&
            [ "$(field reg/products/current.json version),$(field reg/products/history/3.json version)" = 3,3 ] &&
            [ ! -e reg/products/history/4.json ] && [ -z "$(find reg -name '.new*' -o -name '*.tmp')" ]; then
            pass "killed at $call $when: the next upload finishes"
        else
            fail "killed at $call $when: the next upload finishes" "status $rc" "$err" "$(find reg)"
        fi
    done
done
finish
