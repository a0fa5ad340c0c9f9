#!/bin/bash
# A registry in S3, as its programs use it, against Ceph's radosgw.
. "$(dirname "$0")/tap.sh"
. "$top/tests/cli/radosgw.sh"

s3_start
case $? in 0) ;; 1) skip_all "$why" ;; *) echo "Bail out! $why"; exit 1 ;; esac
"$B/tests/tools/samples" .
M=$B/bin/refit-models
export REFIT_REGISTRY="s3://models/our models?endpoint=$s3"
"$B/tests/tools/s3tool" "$REFIT_REGISTRY" make && "$B/tests/tools/s3tool" "$REFIT_REGISTRY" versioned
pack() { echo "{\"accuracy\": $2}" >m.json; "$L/package" --model model.h5 --metrics m.json --package "$1.tar" 2>/dev/null; }
upload() { "$L/upload" --package "$1.tar" --receipt "${2:-receipt}.json" --registry "$REFIT_REGISTRY" --name products --key 'old/models.tar'; }
said() { # FILE KEY...: of a receipt
    perl -MJSON::PP -e 'local $/; open my $f, "<", shift; my $j = decode_json(<$f>); print join(" ", map { $j->{$_} // "null" } @ARGV), "\n"' "$@"
}
read_key() { "$B/tests/tools/storetool" "$REFIT_REGISTRY" get "$1" got && sha256sum <got | cut -c1-64; }
pack one 0.7
pack two 0.8
pack three 0.9

# The stage of docs/stages.md that fetches the champion.
cat >pipeline.yaml <<'E'
refit: 1
name: champion
params: {registry: ""}
secrets:
  AWS_ACCESS_KEY_ID: {env: AWS_ACCESS_KEY_ID}
  AWS_SECRET_ACCESS_KEY: {env: AWS_SECRET_ACCESS_KEY}
stages:
  champion:
    always_changed: true
    secrets: [AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY]
    cmd: |
      mkdir -p ${outs.folder}
      refit-models current products --registry ${params.registry}
      case $? in 0) ;; 65) exit 0 ;; *) exit $? ;; esac
      refit-models pull products work/pulled --registry ${params.registry} && cp work/pulled/model.h5 ${outs.folder}
    outs: {folder: work/champion}
  contest:
    cmd: 'ls ${deps.champion} >${outs.seen}'
    deps: {champion: {path: work/champion/model.h5, optional: true}}
    outs: {seen: work/seen}
E
contest() { "$B/bin/refit" run --param registry="$REFIT_REGISTRY"; }
ok 'a pipeline asks for the champion' contest
absent 'there is none yet' work/champion/model.h5

refuses 'a bucket that is not there' 74 "there is no bucket 'nowhere'" "$M" list --registry "s3://nowhere?endpoint=$s3"
run "$M" current products
is 'an empty registry has no current version' "$rc" 65
ok 'a package is published' upload one
is 'as version 1' "$(said receipt.json version previous history)" '1 null 1'
is 'with the package' "$(read_key products/1/models.tar)" "$(sha256sum <one.tar | cut -c1-64)"
is 'under the fixed key, too' "$(read_key old/models.tar)" "$(sha256sum <one.tar | cut -c1-64)"
ok 'again' upload one
has 'makes no new version' "$err" 'nothing new was published'
ok 'another one' upload two
is 'is version 2' "$(said receipt.json version previous history)" '2 1 2'
is 'under the fixed key, too' "$(read_key old/models.tar)" "$(sha256sum <two.tar | cut -c1-64)"
run "$M" current products
is 'and current' "$rc $out" '0 2'
mkdir run && echo heard >run/train.1.log
pack logged 0.85
ok 'what the run said' "$L/upload" --package logged.tar --receipt receipt.json --registry "$REFIT_REGISTRY" --name logged --log run
is 'lies beside the package' "$("$B/tests/tools/storetool" "$REFIT_REGISTRY" read logged/1/log.txt)" '==> train.1.log <==
heard'
ok 'rolled back' "$M" set products 1
is 'version 1 is current' "$("$M" current products)" 1
is 'and at the fixed key' "$(read_key old/models.tar)" "$(sha256sum <one.tar | cut -c1-64)"
ok 'the model alone at a key' "$L/upload" --package two.tar --receipt r --registry "$REFIT_REGISTRY" --name lstm --copy model.h5 --key lstm_models/LSTM_model.h5 --status_key twc_status
ok 'another version of it' "$L/upload" --package three.tar --receipt r --registry "$REFIT_REGISTRY" --name lstm --copy model.h5 --key lstm_models/LSTM_model.h5 --status_key twc_status
ok 'is rolled back, too' "$M" set lstm --previous
is 'the key has its model' "$(read_key lstm_models/LSTM_model.h5)" "$(sha256sum <model.h5 | cut -c1-64)"
read_key twc_status >/dev/null
is 'the list of what was current knows' "$(grep -c current_version got)" 3
ok 'what differs' "$M" diff lstm 2
has 'is told' "$out" 'metric    accuracy'
ok 'the history' "$M" history lstm
is 'has three changes' "$(printf '%s\n' "$out" | wc -l | tr -d ' ')" 4
ok 'what is not current can go' "$M" prune lstm --keep 1 --dry-run
refuses 'a row is asked of the model that is served' 65 "'products version 1: model.h5': '/' has no attribute 'roles'" "$B/bin/refit-predict" --registry "$REFIT_REGISTRY" --name products title=livre
refuses 'and of one that is not there' 65 "has no current model 'toys'" "$B/bin/refit-predict" --registry "$REFIT_REGISTRY" --name toys title=livre
refuses 'an export goes as far as the model' 65 "model.h5': '/' has no attribute 'network'" "$M" export lstm --onnx x.onnx
refuses 'a server that is away' 75 '' "$B/bin/refit-predict" --registry 's3://models?endpoint=http://127.0.0.1:9&attempts=1' --name products title=livre
ok 'a gate asks the current model there' "$L/gate" --metrics m.json --require 'accuracy >= current.accuracy' --registry "$REFIT_REGISTRY" --name products
ok 'so does a pipeline' contest
is 'its contest is with the champion' "$(cat work/seen)$(cmp work/champion/model.h5 model.h5)" work/champion/model.h5
run contest
has 'and is not held twice' "$rc $out$err" '1 reused'
ok 'a model is pulled' "$M" pull products folder
is 'it is the current one' "$(cmp model.h5 folder/model.h5 && tail -1 folder/model_folder_metadata.csv | cut -d, -f2,3)" 'products,1'
ok 'all packages are as their manifests say' "$M" verify

for i in 1 2 3 4 5 6 7 8; do
    pack "p$i" "0.1$i"
    "$L/upload" --package "p$i.tar" --receipt "r$i.json" --registry "$REFIT_REGISTRY" --name products >"u$i" 2>&1 &
    publishers="${publishers:-} $!"
done
bad=0
for p in $publishers; do
    wait "$p"
    case $? in 0|75) ;; *) bad=$((bad + 1)) ;; esac
done
is 'of eight publishers at once each has published, or is to try again' "$bad$([ $bad -eq 0 ] || cat u?)" 0
is 'and no two have one version' "$(for i in 1 2 3 4 5 6 7 8; do [ ! -e "r$i.json" ] || said "r$i.json" version; done | sort | uniq -d)" ""
ok 'every version is whole' "$M" verify products
s3_stop
finish
