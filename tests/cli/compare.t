#!/bin/sh
# refit metrics, diff, lineage: figures, what differs between two runs, where a file came from and went.
. "$(dirname "$0")/tap.sh"

# json EXPRESSION: of the document in $out, as d
json() { printf %s "$out" | /usr/bin/python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }

# `load` copies, `train` tells a metric and makes a report, `pack` reads a directory that holds train's model
project() {
    cd "$t" && rm -rf p && mkdir p && cd p || exit 1
    cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
params: {epochs: 10}
stages:
  load:
    cmd: [sh, -c, 'sort "$1" >"$2"', sh, "${deps.raw}", "${outs.table}"]
    deps: {raw: data.csv}
    outs: {table: work/table.txt}
  train:
    cmd: [sh, train.sh, "${deps.table}", "${outs.model}", "${outs.report}"]
    code: [train.sh]
    params: {epochs: "${params.epochs}"}
    env: {EPOCHS: "${params.epochs}"}
    deps: {table: work/table.txt}
    outs: {model: work/model/weights.txt, report: work/report.json}
  pack:
    cmd: [sh, -c, 'cat "$1"/* | tr a-z A-Z >"$2"', sh, "${deps.model}", "${outs.package}"]
    deps: {model: work/model}
    outs: {package: work/package.tar}
EOY
    cat >train.sh <<'EOY'
for step in 1 2; do echo "{\"metric\":{\"name\":\"loss\",\"value\":0.$EPOCHS$step,\"step\":$step}}" >&3; done
echo "{\"accuracy\": 0.$EPOCHS, \"classes\": {\"a\": {\"f1\": 1}}, \"list\": [1]}" >"$3"
echo "trained $EPOCHS" | cat - "$1" >"$2"
[ "$EPOCHS" != 30 ]
EOY
    printf '2\n1\n' >data.csv
}

# ---- nothing ----
project
for command in "metrics" "metrics diff" "diff"; do
    refuses "refit $command before the first run" 64 "nothing has run here yet" refit $command
done
refuses "lineage before the first run" 1 "no stage here made or read" refit lineage data.csv
absent "makes nothing" .refit
ok "a first run" refit run -q
first=$(refit history --json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["run"])')
refuses "one run has none to be compared with" 64 "has only one run" refit diff
refuses "metrics diff neither" 64 "has only one run" refit metrics diff
refuses "a run with itself" 64 "with itself" refit diff last last
refuses "an unknown word" 64 "did you mean 'show'" refit metrics shwo
refuses "two runs to show" 64 "takes one run" refit metrics show last last
refuses "an unknown run" 64 "no run 'x1'" refit metrics show x1

# ---- metrics ----
run refit metrics show --json
is "metrics: the last value, and the numbers of a JSON output" "$(json 'd["metrics"]')" \
   "{'train': {'loss': 0.102, 'report.accuracy': 0.1, 'report.classes.a.f1': 1.0}}"
has "for people" "$(refit metrics | sed -n 's/  */ /gp')" " report.accuracy 0.1"
ok "a second run" refit run -q -p epochs=20
run refit metrics diff --json
is "metrics diff: a JSON output that was replaced has no old figures" "$(json 'd["metrics"]["train"]')" \
   "[{'name': 'loss', 'old': 0.102, 'new': 0.202}, {'name': 'report.accuracy', 'old': None, 'new': 0.2}, {'name': 'report.classes.a.f1', 'old': None, 'new': 1.0}]"
has "for people: the change" "$(refit metrics diff)" "0.102 -> 0.202  (+0.1, +98 %)"
has "two runs in the order in which they are named" "$(refit metrics diff last "$first")" "0.202 -> 0.102"
echo '{"accuracy": 9}' >work/report.json
run refit metrics --json
is "a file that was changed has no figures" "$(json 'd["metrics"]')" "{'train': {'loss': 0.202}}"
ok "made again" refit run -q -p epochs=20

is "metrics history: one metric over the runs, newest first" \
   "$(refit metrics history loss --json | /usr/bin/python3 -c 'import json, sys; print([r["value"] for r in json.load(sys.stdin)])')" "[0.202, 0.202, 0.102]"
is "-n" "$(refit metrics history loss -n 2 | wc -l)" 2
has "for people" "$(refit metrics history loss)" "UTC  train  0.202"
refuses "an unknown metric" 64 "unknown metric 'los'; did you mean 'loss'?" refit metrics history los
refuses "no name" 64 "usage: refit metrics history NAME" refit metrics history

# ---- diff ----
run refit diff "$first" last
has "diff: params" "$out" "params.epochs: 10 -> 20"
has "environment" "$out" "env.EPOCHS: 10 -> 20"
has "outputs by hash" "$out" "outs.model: work/model/weights.txt changed, "
has "metrics" "$out" "  loss: 0.102 -> 0.202"
has "what is the same is counted" "$out" "1 stage the same"
has "-v shows it" "$(refit diff -v "$first" last)" "outs.table: work/table.txt the same"
echo '# other' >>train.sh
printf '3\n1\n' >data.csv
ok "other data, another program" refit run -q -p epochs=20
run refit diff
has "diff without runs: the last two" "$out" "code: train.sh changed"
has "inputs" "$out" "deps.raw: data.csv changed"
run refit diff --json
is "as JSON" "$(json '[(s["stage"], s["same_commit"], len(s["inputs"]), [o["change"] for o in s["outs"]]) for s in d["stages"]]')" \
   "[('load', False, 1, ['changed']), ('train', False, 2, ['changed', 'same']), ('pack', False, 1, ['changed'])]"
run refit run -q -p epochs=30
is "a failure" "$rc" 1
run refit diff
has "a stage that failed: its state" "$out" " -> failed, "
case $out in *outs.model*) fail "and nothing of its outputs, which nobody took away" "$out" ;; *) pass "and nothing of its outputs, which nobody took away" ;; esac
sed 's/name: toy/name: other/' pipeline.yaml >other.yaml
ok "another pipeline" refit run -q -f other.yaml -F load
refuses "runs of two pipelines are not compared" 64 "want two of one pipeline" refit diff "$first" last

# ---- what a stage calls its metrics cannot steer the terminal ----
printf 'refit: 1\nname: sly\nstages:\n  sly: {cmd: [sh, say.sh], always_changed: true}\n' >sly.yaml
echo 'printf "{\"metric\":{\"name\":\"a\\\\u001b[2Jb\",\"value\":%s}}\\n" $(wc -l <runs) >&3' >say.sh
echo >runs
ok "a run" refit run -q -f sly.yaml
echo >>runs
ok "another" refit run -q -f sly.yaml
case "$(refit metrics)$(refit metrics diff)$(refit diff)" in
    *"$(printf '\033')"*) fail "an escape in a metric's name stays in the JSON" "$(refit metrics | cat -v)" ;;
    *"a [2Jb"*) pass "an escape in a metric's name stays in the JSON" ;;
    *) fail "an escape in a metric's name stays in the JSON" "$(refit metrics)" ;;
esac

# ---- lineage ----
project
ok "a run" refit run -q
ok "lineage of the last output" refit lineage work/package.tar
has "who made it" "$out" "made by stage 'pack' of 'toy', run 2"
has "from a directory that a stage wrote into" "$out" "deps.model: work/model "
has "down to the source" "$out" "deps.raw: data.csv "
has "which is one" "$out" ", a source"
ok "lineage of the source" refit lineage ./data.csv
has "no stage made it" "$out" "a source, which no stage made"
has "the last thing made of it" "$out" "outs.package: work/package.tar"
cp work/package.tar "$t/published.tar"
run refit lineage "$t/published.tar"
has "a copy elsewhere is known by its content" "$out" "a copy of what was made as work/package.tar"
has "an absolute path in here" "$(refit lineage "$PWD/work/table.txt")" "work/table.txt "
run refit lineage work/table.txt --json
is "as JSON: what made it" "$(json 'd["found"], d["up"][str(d["commit"])]["stage"]')" "made load"
is "and what was made of it" "$(json 'sorted(c["stage"] for c in d["down"].values())')" "['pack', 'train']"
echo more >>work/table.txt
has "a changed file is not called made" "$(refit lineage work/table.txt)" "NOT as it was made"
rm work/table.txt
has "a file that is gone is known by its path" "$(refit lineage work/table.txt)" "is not there now"
refuses "an unknown file" 1 "no stage here made or read a file of this content or path" refit lineage pipeline.yaml
refuses "a file that is not there" 1 "'nosuch' is not there, and no stage here made it" refit lineage nosuch
refuses "no file at all" 64 "usage: refit lineage FILE" refit lineage
finish
