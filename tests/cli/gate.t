#!/bin/bash
. "$(dirname "$0")/tap.sh"
echo '{"accuracy": 0.9, "rows": 120, "auc": null, "models": {"text": {"accuracy": 0.7}}, "per_class": [{"f1": 0.25}]}' >metrics.json
gate() { "$L/gate" --metrics metrics.json "$@"; }
# champion ACCURACY: a registry in which the current model has that accuracy
champion() {
    mkdir -p reg/products/3
    echo "{\"version\": \"3\", \"sha256\": \"x\", \"metrics\": {\"accuracy\": $1, \"models\": {\"text\": {\"accuracy\": 0.7}}}}" >reg/products/3/manifest.json
    printf '{"version": "3", "sha256": "%064d", "timestamp": "2026-01-01T00:00:00Z"}' 0 >reg/products/current.json
}

ok 'rules that hold let the model pass' gate --require 'accuracy >= 0.80' --require 'accuracy > models.text.accuracy + 0.05'
has 'every rule is printed with what was found' "$err" 'accuracy >= 0.80                        ok    0.9, want >= 0.8'
is 'on standard error alone' "$out" ''
refuses 'a rule that fails blocks' 98 'blocked: 1 of 2 rules failed: accuracy >= 0.95 (0.9, want >= 0.95)' \
    gate --require 'accuracy >= 0.95' --require 'rows == 120'
has 'the others are judged all the same' "$err" 'rows == 120       ok'
refuses 'a figure that is missing fails its rule' 98 "the new model has no metric 'recall'" gate --require 'recall > 0'
refuses 'a figure that is no number fails its rule' 98 "metric 'auc' of the new model is no number" gate --require 'auc > 0'

ok 'without a registry rules on the current model pass' gate --require 'accuracy >= current.accuracy'
has 'with a note' "$err" 'there is no current model to compare with'
ok 'so they do when nothing is published yet' gate --require 'accuracy >= current.accuracy' --registry reg --name products
champion 0.9
ok 'an equal model passes' gate --require 'accuracy >= current.accuracy' --registry file:reg --name products
has 'compared with the current model' "$err" 'current model: products version 3'
champion 0.91
refuses 'a worse one is blocked' 98 'accuracy >= current.accuracy (0.9, want >= 0.91)' gate --require 'accuracy >= current.accuracy' --registry reg --name products
ok 'unless it is only a little worse' gate --require 'accuracy >= current.accuracy - 0.01' --registry reg --name products
refuses 'a figure that the current model does not have fails its rule' 98 "the current model has no metric 'rows'" \
    gate --require 'rows >= current.rows' --registry reg --name products

refuses 'a malformed rule is refused with its place' 64 "rule 'accuracy => 1' column 10" gate --require 'accuracy => 1'
refuses 'by --check, too' 64 'column 10' "$L/gate" --check --require 'accuracy => 1'
ok '--check looks at no file' "$L/gate" --check --metrics nowhere.json --require 'accuracy >= 1' --registry nowhere --name x
refuses 'a gate without rules is refused' 64 'require is missing' gate
refuses 'a registry needs a name' 64 'want its --name' gate --require 'accuracy >= current.accuracy' --registry reg
refuses 'an unknown registry is refused' 64 "the scheme 'ftp' is not known" gate --require 'accuracy >= current.accuracy' --registry ftp://b --name products
echo '{"accuracy": 0.9' >metrics.json
refuses 'damaged metrics are refused' 65 "'metrics.json' line" gate --require 'accuracy > 0'
: >metrics.json
refuses 'empty metrics are refused' 65 "'metrics.json' line" gate --require 'accuracy > 0'
rm metrics.json
refuses 'missing metrics are an error of the machine' 74 "cannot open 'metrics.json'" gate --require 'accuracy > 0'
echo '{"accuracy": 0.9}' >metrics.json
echo '{' >reg/products/current.json
refuses 'a damaged registry is refused' 65 'current.json' gate --require 'accuracy >= current.accuracy' --registry reg --name products
finish
