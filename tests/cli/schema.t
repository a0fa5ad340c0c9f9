#!/bin/sh
# refit schema: the JSON Schema of the pipeline file, held against pipeline files. That it agrees with the reader in
# every value of every key is tests/unit/test_keys.c.
. "$(dirname "$0")/tap.sh"
check() { "$B/tests/tools/schemacheck" "$@"; }

refit schema >schema.json
refit schema --programs >programs.json
ok "the pipeline files of the repository fit" check schema.json "$top/pipeline.yaml" "$top"/pipelines/*.yaml
ok "and with the options of the programs" check programs.json "$top/pipeline.yaml" "$top"/pipelines/*.yaml

# bad NAME WHERE YAML: neither refit nor the schema takes it
bad() {
    printf 'refit: 1\nname: toy\n%s\n' "$3" >pipeline.yaml
    run refit plan
    is "$1: refit refuses it" "$rc" 64
    run check "${4-schema.json}" pipeline.yaml
    has "$1: the schema too" "$rc $out" "1 pipeline.yaml: $2"
}
bad "an unknown key" "/job: unknown key" 'job: 2
stages: {a: {cmd: ["true"]}}'
bad "an unknown key of a stage" "/stages/a/dep: unknown key" 'stages: {a: {cmd: ["true"], dep: {}}}'
bad "no stages" ": 'stages' is missing" 'jobs: 1'
bad "a number out of range" "/jobs: out of range" 'jobs: 0
stages: {a: {cmd: ["true"]}}'
bad "a duration without a unit" "" 'stages: {a: {cmd: ["true"], timeout: 5}}'
bad "run and cmd" "/stages/a: what must not be" 'stages: {a: {cmd: ["true"], run: split}}'
bad "a secret's value" "/secrets/KEY: another type" 'secrets: {KEY: hidden}
stages: {a: {cmd: ["true"]}}'
bad "a schedule that says when twice" "/schedule: want exactly one of several" 'schedule: [{daily: "1:00", cron: "* * * * *"}]
stages: {a: {cmd: ["true"]}}'
bad "an output without a path" "" 'stages: {a: {cmd: ["true"], outs: {o: {format: json}}}}'
bad "an unknown param of a program" "/stages/split/params/methd: unknown key" \
    'stages: {split: {deps: {table: t.h5}, outs: {split: s.h5}, params: {methd: x}}}' programs.json
bad "a param out of its words" "" \
    'stages: {mine: {run: split, deps: {table: t.h5}, outs: {split: s.h5}, params: {method: x}}}' programs.json
bad "an input that the program has not" "/stages/split/deps/tabel: unknown key" \
    'stages: {split: {deps: {tabel: t.h5}, outs: {split: s.h5}}}' programs.json
# A pipe whose reader has gone, as behind `| head`.
mkfifo gone
exec 3<>gone 4>gone 3<&-
refit schema >&4 2>err
exec 4>&-
is "who has read enough is told nothing" "$(cat err)" ""
finish
