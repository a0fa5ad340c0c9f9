#!/bin/bash
. "$(dirname "$0")/tap.sh"
"$B/tests/tools/samples" .
M=$B/bin/refit-models
# pack NAME ACCURACY [option...]: a package NAME.tar with these metrics
pack() { name=$1; echo "{\"accuracy\": $2}" >m.json; shift 2; "$L/package" --model model.h5 --metrics m.json --package "$name.tar" "$@" 2>/dev/null; }
upload() { "$L/upload" --package "$1.tar" --receipt receipt.json --registry reg --name "${2:-products}" 2>/dev/null; }
like() { if [[ $2 =~ $3 ]]; then pass "$1"; else fail "$1" "found: $2" "want:  $3"; fi; }
lacks() { case $2 in *"$3"*) fail "$1" "found: $2" "want no: $3" ;; *) pass "$1" ;; esac; }
there() { if [ -e "$2" ]; then pass "$1"; else fail "$1" "$2 is not there"; fi; }
export REFIT_REGISTRY=reg
ok 'an empty registry has no model, and that is no error' "$M" list
has 'and says so' "$err" "no model is published here: 'reg'"
refuses 'nor a current version' 65 "'products' has no current version" "$M" current products
for i in 1 2 3; do echo "note $i" >note; pack p$i 0.$((i + 5)) --extra note; upload p$i; done
printf '0.1\n' >V; pack v 0.5 --version V; upload v titanic

ok 'the models are listed' "$M" list
like 'each with its current version' "$out" 'products +3 +20'
like 'a name of its own, too' "$out" 'titanic +0\.1 +20'
ok 'the versions of a model' "$M" list products
is 'newest first, the current one marked, with its metrics' "$(echo "$out" | sed 's/20[^ ]*Z/TIME/; s/[0-9.]* kB/SIZE/; s/  */ /g')" \
' VERSION PUBLISHED SIZE METRICS
* 3 TIME SIZE accuracy 0.8
 2 TIME SIZE accuracy 0.7
 1 TIME SIZE accuracy 0.6'
ok 'current' "$M" current products
is 'prints the version alone' "$out" 3
ok 'as JSON' "$M" current products --json
has 'with its hash' "$out" "\"sha256\": \"$(sha256sum <p3.tar | cut -d' ' -f1)\""

# ---- set ----
ok 'an earlier version is served again' "$M" set products 1
is 'and says what was before' "$out" 'products version 1 is current now, before: 3'
is 'current.json says so' "$("$M" current products)" 1
ok 'the same again' "$M" set products 1
has 'changes nothing' "$out" 'is current already'
ok 'back to what was before' "$M" set products --previous
is 'is version 3' "$("$M" current products)" 3
ok 'the history' "$M" history products
is 'tells every change' "$(echo "$out" | awk 'NR > 1 { print $1, $3, $4 }' | tr '\n' ';')" '1 1 -;2 2 1;3 3 2;4 1 3;5 3 1;'
refuses 'what is not there is not served' 65 "has no version '9' of 'products'" "$M" set products 9
refuses 'there is nothing before the first' 65 'was never served in another version' "$M" set titanic --previous
refuses 'a version or --previous' 64 'either a version or --previous' "$M" set products 1 --previous
is 'and version 3 is still current' "$("$M" current products)" 3

# ---- set, for those who read a fixed key ----
up() { name=$1 tar=$2; shift 2; "$L/upload" --registry fixed --name "$name" --package "$tar.tar" --receipt receipt.json "$@" 2>/dev/null; }
sums() { for f; do sha256sum <"$f" | cut -c1-64; done; }
for i in 1 2; do up clients p$i --key old/models.tar --status_key old/twc_status; done
ok 'a version is set' "$M" -r fixed set clients 1
is 'the fixed key has its package' "$(sums fixed/old/models.tar)" "$(sums p1.tar)"
is 'and the list tells it' "$(grep -o 'current_version.*' fixed/old/twc_status | tr -dc '0-9\n' | tr '\n' ' ')" '1 2 1 '
ok 'back again' "$M" -r fixed set clients --previous
is 'in both' "$(sums fixed/old/models.tar) $(grep -c current_version fixed/old/twc_status)" "$(sums p2.tar) 4"
echo '{}' >fixed/old/twc_status
refuses 'a list that is none is said before anything is done' 65 "'fixed/old/twc_status' is no JSON list" "$M" -r fixed set clients 1
is 'version 2 is current and at the key' "$("$M" -r fixed current clients) $(sums fixed/old/models.tar)" "2 $(sums p2.tar)"
"$L/package" --model image.h5 --metrics m.json --package image.tar 2>/dev/null
up lstm p1 --copy model.h5 --key lstm_models/LSTM_model.h5; up lstm image --copy image.h5 --key lstm_models/LSTM_model.h5
ok 'where the model alone lies at the key' "$M" -r fixed set lstm 1
is 'it is that of the version' "$(sums fixed/lstm_models/LSTM_model.h5)" "$(sums model.h5)"
ok 'the same again puts right what lagged behind' eval 'echo x >fixed/lstm_models/LSTM_model.h5; "$M" -r fixed set lstm 1'
is 'it is right' "$(sums fixed/lstm_models/LSTM_model.h5)" "$(sums model.h5)"
for i in 1 2; do up twc p$i --key 'twc_model_{version}'; done
ok 'keys by version' "$M" -r fixed set twc 1
is 'stay as they are' "$(sums fixed/twc_model_1 fixed/twc_model_2)" "$(sums p1.tar p2.tar)"
ok 'one that was lost' eval 'rm fixed/twc_model_2; "$M" -r fixed set twc 2'
is 'is there again' "$(sums fixed/twc_model_2)" "$(sums p2.tar)"
for i in 1 2; do up own p$i --copy m.json --key own.json; done
ok 'what is no part of the package' "$M" -r fixed set own 1
has 'cannot be' "$err" "warning: 'own.json' stays as it is"
up own p1 --key own.tar
"$M" -r fixed set own 2 >/dev/null
is 'another key, without another package, counts from then on' "$(sums fixed/own.tar)" "$(sums p2.tar)"
up own p3
"$M" -r fixed set own 1 >/dev/null
is 'and no key' "$(sums fixed/own.tar)" "$(sums p2.tar)"

# ---- diff ----
ok 'diff' "$M" diff products 1 3
like 'tells of figures' "$out" 'metric +accuracy +0\.6[0-9]* -> 0\.8 +\(\+0\.2\)'
like 'and members' "$out" 'member +note +"[0-9a-f]{64}" -> "[0-9a-f]{64}"'
lacks 'but not of what is the same' "$out" 'model.h5'
ok 'against the current one, as JSON' "$M" diff products 1 --json
has 'the same' "$out" '"name": "note"'
is 'nothing differs from itself' "$("$M" diff products 3 | tail -1)" 'nothing differs'

# ---- pull ----
files() { (cd "$1" && find . -type f ! -name model_folder_metadata.csv -exec sha256sum {} + | sort -k2); }
mkdir want3 want1 && tar xf p3.tar -C want3 && tar xf p1.tar -C want1
ok 'pull' "$M" pull products model
is 'gives the files of the current version' "$(files model)" "$(files want3)"
like 'and says when and what' "$(tail -1 model/model_folder_metadata.csv)" '^20[-0-9]+T[0-9:]+Z,products,3,[0-9a-f]{64}$'
absent 'nothing stays beside it' model.new* model.tmp
"$M" set products 1 >/dev/null
ok 'a young folder is left alone' "$M" pull products model --max-age 7d
has 'and says so' "$out" 'is there already, whole'
ok 'without asking any server' env REFIT_REGISTRY=nowhere "$M" pull products model --max-age 7d
ok 'an old one is pulled' "$M" pull products model --max-age 0s
is 'with the files of the version that is current now' "$(files model)" "$(files want1)"
ok 'a version that is asked for' "$M" pull products@3 model
is 'is what comes' "$(files model)" "$(files want3)"
ok 'a damaged folder' eval 'echo more >>model/note; "$M" pull products@3 model --max-age 7d'
has 'is noticed' "$err" "'model' member 'note' is damaged"
is 'and pulled again, however young' "$(files model)" "$(files want3)"
ok 'a folder that lost a file' eval 'rm model/mapper.json; "$M" pull products@3 model --max-age 7d'
has 'is noticed, too' "$err" "'model/mapper.json' is not there"
is 'and mended' "$(files model)" "$(files want3)"
ok 'the same version again' "$M" pull products@3 model/
has 'is not fetched' "$out" 'is there already, whole'
ok 'an empty folder may be there' eval 'mkdir -p deep/er; "$M" pull products deep/er'
refuses 'a folder of somebody is left alone' 64 "'mine' is not empty and no folder of pull" eval 'mkdir mine; echo x >mine/x; "$M" pull products mine'
is 'with what is in it' "$(ls mine)" x
refuses 'a file, too' 64 'is there and no directory' "$M" pull products p1.tar
refuses 'a version that is not there' 65 "has no version '9'" "$M" pull products@9 model
refuses 'a name that is none' 64 "is no NAME or NAME@VERSION" "$M" pull ../x model
ok 'a link to a folder' eval 'ln -s deep/er link; "$M" pull products@1 link/'
is 'stays one: the folder behind it is exchanged' "$(readlink link) $(files deep/er)" "deep/er $(files want1)"
refuses 'a link to nothing is none' 64 "'dangling' is a link to what is not there" eval 'ln -s nowhere dangling; "$M" pull products dangling'
sed -i 's/^2[0-9]*/2999/' deep/er/model_folder_metadata.csv
ok 'a date in the future is not young' "$M" pull products@1 deep/er --max-age 7d
like 'the date is now' "$(tail -1 deep/er/model_folder_metadata.csv)" '^20'
is 'and the folder is as it was' "$(files model)" "$(files want3)"

# ---- kill -9 at every system call that changes something ----
if strace -qq -o /dev/null true 2>/dev/null; then
    for call in mkdir openat write rename renameat2 unlink unlinkat rmdir; do
        for when in 1 2 3 5 8 13 21; do
            rm -rf model && cp -r want1 model && echo >model/model_folder_metadata.csv
            { strace -qq -o /dev/null -e trace=$call -e inject=$call:signal=KILL:when=$when "$M" pull products@3 model && break; } >/dev/null 2>&1
            case $(files model) in
            "$(files want1)" | "$(files want3)") ;;
            *) fail "killed at $call $when: the folder is whole" "$(find model)" ;;
            esac
            run "$M" pull products@3 model
            if [ $rc -eq 0 ] && [ "$(files model)" = "$(files want3)" ] && [ -z "$(find . -maxdepth 1 -name 'model.new*')" ]; then
                pass "killed at $call $when: the next pull finishes, nothing is left"
            else
                fail "killed at $call $when: the next pull finishes, nothing is left" "status $rc" "$err" "$(ls -a)"
            fi
        done
    done
else
    skip 'kill -9 anywhere' 'strace cannot trace here'
fi

# ---- damage ----
cp -r reg good
printf x | dd of=reg/products/1/models.tar bs=1 seek=3000 conv=notrunc 2>/dev/null
refuses 'a package that does not have its hash is not pulled' 65 "'reg/products/1/models.tar' is damaged" "$M" pull products@1 model
is 'the folder stays' "$(files model)" "$(files want3)"
refuses 'verify finds it' 65 '1 of 4 packages are not good' "$M" verify
like 'and names it' "$out" 'BAD +products version 1'
like 'and the good ones' "$out" 'ok +products version 2'
ok 'one version can be asked for' "$M" verify products 2
refuses 'a damaged version is not served' 65 'is damaged' "$M" set products 1
head -c 3000 p1.tar >reg/products/1/models.tar
refuses 'a truncated one is found' 65 'is damaged' "$M" verify products 1
rm reg/products/1/models.tar
refuses 'a missing one is found' 65 "'reg/products/1/models.tar' is not there" "$M" verify products 1
like 'list says that it is unfinished' "$("$M" list products)" ' 1 .* unfinished'
# a manifest in the registry that agrees with a hostile package
hostile() { # VERSION FILE
    mkdir -p "reg/products/$1"; cp "$2" "reg/products/$1/models.tar"
    echo "{\"version\": \"$1\", \"sha256\": \"$(sha256sum <"$2" | cut -d' ' -f1)\", \"size\": 1}" >"reg/products/$1/manifest.json"
}
/usr/bin/python3 - <<'P'
import io, tarfile
def change(out, edit):
    with tarfile.open("p1.tar") as old, tarfile.open(out, "w") as new:
        for m in old:
            for info, data in edit(m, old.extractfile(m).read()):
                info.size = len(data)
                new.addfile(info, io.BytesIO(data))
        if out == "link.tar":
            info = tarfile.TarInfo("note2"); info.type = tarfile.SYMTYPE; info.linkname = "/etc/passwd"
            new.addfile(info)
change("outside.tar", lambda m, d: [(m, d)] + ([(tarfile.TarInfo("../evil"), b"x")] if m.name == "model.h5" else []))
change("absolute.tar", lambda m, d: [(m, d)] + ([(tarfile.TarInfo("/tmp/refit-evil"), b"x")] if m.name == "model.h5" else []))
change("link.tar", lambda m, d: [(m, d)])
change("lie.tar", lambda m, d: [(m, bytes([d[0] ^ 1]) + d[1:] if m.name == "model.h5" else d)])
change("more.tar", lambda m, d: [(m, d)] + ([(tarfile.TarInfo("virus.exe"), b"x")] if m.name == "model.h5" else []))
# a member that claims a terabyte
data = bytearray(open("p1.tar", "rb").read())
info = tarfile.TarInfo("huge"); info.size = 1 << 40
open("huge.tar", "wb").write(info.tobuf(format=tarfile.GNU_FORMAT) + bytes(2048))
# one that has it, as a hole
info = tarfile.TarInfo("hole"); info.type = tarfile.GNUTYPE_SPARSE
head = bytearray(info.tobuf(format=tarfile.GNU_FORMAT))
terabyte = b"\x80" + (1 << 40).to_bytes(11, "big")
head[386:410] = terabyte + b"00000000000\0" # no bytes behind it
head[483:495] = terabyte
head[148:156] = b" " * 8
head[148:155] = b"%06o\0" % sum(head)
open("sparse.tar", "wb").write(data[:-10240] + head + bytes(10240))
P
version=20
while read -r tar what; do
    version=$((version + 1)); hostile $version "$tar.tar"
    refuses "a hostile package ($tar) is not unpacked" 65 "$what" "$M" pull products@$version model
done <<'END'
outside no plain relative path
absolute no plain relative path
link not a regular file
lie member 'model.h5' is damaged
more members beside manifest.json
huge more than are left
sparse member 'hole' is sparse
END
is 'the folder has seen none of it' "$(files model)" "$(files want3)"
absent 'nothing is left beside it, nothing outside' model.new-* evil ../evil /tmp/refit-evil
rm -rf reg && mv good reg
echo '{"version":' >reg/products/current.json
refuses 'a damaged current.json is said' 65 "'reg/products/current.json' line" "$M" current products
refuses 'so is one that is no file' 74 "'reg/products/current.json' is not a regular file" eval 'rm reg/products/current.json; mkfifo reg/products/current.json; timeout 60 "$M" current products'
refuses 'and a registry that is none' 74 "cannot read directory 'p1.tar" "$M" -r p1.tar list
rm -rf reg/products/current.json && "$M" set products 3 >/dev/null

# ---- prune ----
for i in 4 5 6; do echo "note $i" >note; pack p$i 0.9 --extra note; upload p$i; touch -d "2020-01-0$i" reg/products/$i/models.tar; done
for i in 1 2 3; do touch -d "2020-01-0$i" reg/products/$i/models.tar; done
"$M" set products 2 >/dev/null
refuses 'prune wants to know how many stay' 64 '--keep is missing' "$M" prune products
ok 'a dry run' "$M" prune products --keep 3 -n
is 'says what would go' "$out" 'products version 3 would be taken away
products version 1 would be taken away'
ok 'younger ones stay if that is asked for' "$M" prune products --keep 1 --older-than 100000d
has 'here all' "$out" 'nothing to take away: 6 versions'
ok 'prune' "$M" prune products --keep 3
is 'keeps the newest three and the current one' "$(ls reg/products | tr '\n' ' ')" '2 4 5 6 current.json history '
ok 'what is served is still good' "$M" verify products
ok 'a version without its package, of today, stays: its publisher may be at work' eval 'mkdir reg/products/7; echo "{\"sha256\":\"0\"}" >reg/products/7/manifest.json; "$M" prune products --keep 1'
there 'it is there' reg/products/7/manifest.json
touch -d 2020-01-01 reg/products/7/manifest.json
ok 'after a day it goes' "$M" prune products --keep 1
absent 'it is gone' reg/products/7

# ---- export (what it computes: tests/onnx) ----
refuses 'export wants a file' 64 '--onnx FILE is missing' "$M" export products
refuses 'a model that contradicts itself is refused' 65 "model.h5': '/' has no attribute 'network'" "$M" export products --onnx x.onnx
refuses 'so is what is no model' 65 "'table.h5'" "$M" export table.h5 --onnx x.onnx
refuses 'a package in a file is looked at in the same way' 65 "model.h5': '/' has no attribute 'network'" "$M" export p1.tar --onnx x.onnx
head -c 3000 p1.tar >cut.tar
refuses 'after its members' 65 "'cut.tar' is not a whole tar file" "$M" export cut.tar --onnx x.onnx
mkdir tmp
export TMPDIR=$t/tmp
refuses 'a damaged package is' 65 'is damaged' eval 'cp -r reg bad && printf x | dd of=bad/titanic/0.1/models.tar bs=1 seek=3000 conv=notrunc 2>/dev/null && "$M" -r bad export titanic --onnx x.onnx'
refuses 'and a version that is not there' 65 "has no version '9'" "$M" export products@9 --onnx x.onnx
absent 'none leaves a file' x.onnx x.onnx.tmp
is 'nor anything else' "$(ls tmp)" ''

# ---- the command line ----
refuses 'no command' 64 'a command is missing' "$M"
refuses 'an unknown one' 64 "did you mean 'pull'?" "$M" pul
refuses 'too few words' 64 'usage: refit-models pull NAME[@VERSION] DIR' "$M" pull products
refuses 'an option of another command' 64 '--keep is an option of prune, not of list' "$M" list --keep 3
refuses 'a time without a unit' 64 "'7' is no time" "$M" pull products x --max-age 7
refuses 'a name that leads outside' 64 "'../x' is no name of a model" "$M" list ../x
run "$M" current nothing --json
has 'an error as JSON' "$out" '"code": 65'
bad=$(printf 'x\377')
run "$M" current "$bad" --json
has 'also where a word is no UTF-8' "$rc $out" '64 {'
ok 'paths may be anything' eval '"$M" keys "$bad" --json && "$M" pull products "$bad" --json && "$M" pull products "$bad" --json'
has 'in JSON they are texts' "$out" "$(printf '"dir": "x\357\277\275"')"
ok 'help' "$M" --help
has 'teaches' "$out" 'refit-models set products --previous'
finish
