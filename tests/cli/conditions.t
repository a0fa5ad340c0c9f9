#!/bin/sh
# run_if, exit 98 and 99, pools, priorities, enabled, frozen, always_changed: what runs, and the reason where nothing
# does. Stages and tests meet at FIFOs.
. "$(dirname "$0")/tap.sh"

fresh() { cd "$t" && rm -rf p && mkdir p && cd p || exit 1; }

# states [RUN]: "a=succeeded b=skipped ..." ; reason STAGE
states() { refit status --json "$@" | /usr/bin/python3 -c '
import json, sys
print(" ".join(s["stage"] + "=" + s["state"] for s in json.load(sys.stdin)["stages"]))'; }
reason() { refit status --json | /usr/bin/python3 -c "
import json, sys
print([s['reason'] for s in json.load(sys.stdin)['stages'] if s['stage'] == '$1'][0])"; }

# diamond STATUS RULE: `left` ends with STATUS, `right` is done, `below` needs both and has RULE, `last` needs below
diamond() {
    fresh
    cat >pipeline.yaml <<EOY
refit: 1
name: toy
stages:
  left: {cmd: [sh, -c, 'echo l >"\$1"; exit $1', sh, "\${outs.o}"], outs: {o: work/left}}
  right: {cmd: [touch, "\${outs.o}"], outs: {o: work/right}}
  below:
    cmd: [sh, -c, 'cat "\$@" >"\$0"', "\${outs.o}", "\${deps.l}", "\${deps.r}"]
    deps: {l: {path: work/left, optional: true}, r: work/right}
    outs: {o: work/below}
    run_if: $2
  last: {cmd: [cp, "\${deps.i}", "\${outs.o}"], deps: {i: work/below}, outs: {o: work/last}}
EOY
    run refit run -k
}

# ---- run_if ----
while read -r status rule code states; do
    diamond "$status" "$rule"
    is "a stage above ends with $status, run_if: $rule" "$rc $(states)" "$code $states"
done <<'EOR'
0 all_success 0 left=succeeded right=succeeded below=succeeded last=succeeded
0 none_failed 0 left=succeeded right=succeeded below=succeeded last=succeeded
0 always 0 left=succeeded right=succeeded below=succeeded last=succeeded
99 all_success 0 left=skipped right=succeeded below=skipped last=skipped
99 none_failed 0 left=skipped right=succeeded below=succeeded last=succeeded
99 always 0 left=skipped right=succeeded below=succeeded last=succeeded
98 all_success 3 left=blocked right=succeeded below=blocked last=blocked
98 none_failed 3 left=blocked right=succeeded below=blocked last=blocked
98 always 3 left=blocked right=succeeded below=succeeded last=succeeded
1 all_success 5 left=failed right=succeeded below=upstream_failed last=upstream_failed
1 none_failed 5 left=failed right=succeeded below=upstream_failed last=upstream_failed
1 always 5 left=failed right=succeeded below=succeeded last=succeeded
EOR
diamond 1 always
is "the reason tells what ran in spite of what" "$(reason below)" "never run (run_if: always, 'left' did not succeed)"
diamond 99 all_success
is "and why something did not" "$(reason below)" "'left' was skipped"
is "up to the last one" "$(reason last)" "'below' was skipped"
diamond 98 always
is "what runs below a blocked stage reads what it has put in place" "$(cat work/below)" l

fresh
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  bad: {cmd: 'false'}
  next: {cmd: 'true', outs: {}, needs: [other]}
  other: {cmd: 'true', needs: []}
  tidy: {cmd: 'echo tidy >>tidied', needs: [bad, next], run_if: always}
EOY
run refit run -j 1
is "always runs even where a failure lets nothing else start" "$rc $(states)" \
   "1 bad=failed next=pending other=pending tidy=succeeded"
is "the others have a reason" "$(reason other) $(reason next)" "not started: 'bad' failed 'other' was not started"

fresh
mkfifo here
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  slow: {cmd: 'echo x >here; exec sleep 1000', kill_after: 1h}
  next: {cmd: 'true', needs: [slow]}
  tidy: {cmd: 'true', needs: [slow], run_if: always}
EOY
refit run >log.out 2>&1 &
runner=$!
read -r x <here
kill -INT $runner
wait $runner
is "but not when a person stops the run" "$? $(states)" "130 slow=aborted next=upstream_failed tidy=pending"
is "which is the reason" "$(reason tidy)" "not started: the run was stopped"

fresh
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  none: {cmd: 'exit 99; ${outs.o}', outs: {o: work/none}}
  below: {cmd: 'cp ${deps.i} ${outs.o}', deps: {i: work/none}, outs: {o: work/below}, run_if: none_failed}
EOY
run refit run
is "a dep that a skipped stage has never made fails the stage" "$rc $(states)" "1 none=skipped below=failed"
has "and is named" "$(reason below)" "'work/none' does not exist"
has "with what is above" "$(reason below)" "'none' was skipped"
mkdir -p work && echo old >work/none
ok "what lies there from before is taken" refit run
is "as it is" "$(cat work/below)" old

has "explain names the rule" "$(refit explain below)" "run_if: none_failed: unless a stage above fails or is blocked"

# ---- every stage has a row ----
fresh
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  a: {cmd: 'true'}
  b: {cmd: 'true', enabled: false}
  c: {cmd: 'true'}
EOY
refit run -q a
is "one that was not selected or is disabled has its reason" "$(states) $(reason b) $(reason c)" \
   "a=succeeded b=off c=off disabled not selected"
ok "with nothing to do" refit run --json a
has "too" "$out" '"reason": "not selected"'

# ---- always_changed, frozen ----
fresh
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  top: {cmd: 'cp source ${outs.o}', outs: {o: work/top}, always_changed: true}
  mid: {cmd: 'cp ${deps.i} ${outs.o}; echo x >>mids', deps: {i: work/top}, outs: {o: work/mid}}
  end: {cmd: 'cp ${deps.i} ${outs.o}; echo x >>ends', deps: {i: work/mid}, outs: {o: work/end}, frozen: true}
EOY
echo one >source
refit run -q
ok "always_changed runs again" refit run
is "and equal bytes stop the run there" "$(states)" "top=succeeded mid=reused end=reused"
echo two >source
refit run -q
is "other bytes go on, up to a frozen stage" "$(states) $(wc -l <ends)" "top=succeeded mid=succeeded end=reused 1"
is "for that reason" "$(reason end)" frozen
refit run -q -F
is "not even -F melts it" "$(wc -l <ends)" 1

# ---- pools and priorities ----
# a and b share a pool of one, c and d one of two; `last` starts last, and says so
fresh
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
pools: {net: 1, train: 2}
stages:
  a: {cmd: 'read x <go_a', pool: net}
  b: {cmd: 'read x <go_b', pool: net}
  c: {cmd: 'echo c >meet', pool: train}
  d: {cmd: 'read x <meet', pool: train}
  last: {cmd: 'echo last >here; read x <end'}
EOY
mkfifo go_a go_b here meet end
refit run -j 8 >log.out 2>&1 &
runner=$!
read -r x <here
# the memory may learn of a start a moment later than the stage runs
until_true eval 'states | grep -q "^a=running "'
is "a pool of one lets one of its stages run" "$(states | cut -d' ' -f1,2)" "a=running b=pending"
echo x >go_a; echo x >go_b; echo x >end
wait $runner
is "all have run, two beside each other where the pool has room for two" "$? $(states)" \
   "0 a=succeeded b=succeeded c=succeeded d=succeeded last=succeeded"

fresh
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
defaults: {resources: {priority: 1}}
stages:
  low: {cmd: 'echo low >>order', resources: {priority: -5}}
  one: {cmd: 'echo one >>order'}
  two: {cmd: 'echo two >>order', resources: {priority: 1}}
  high: {cmd: 'echo high >>order', resources: {priority: 100}}
  late: {cmd: 'echo late >>order', resources: {priority: 99}, needs: [low]}
EOY
refit run -q -j 1
is "the highest priority starts first, the first of the file among equals" "$(tr '\n' ' ' <order)" "high one two low late "

fresh
try() { printf 'refit: 1\nname: toy\npools: {net: 1}\nstages:\n  a: {cmd: "true", %s}\n' "$1" >pipeline.yaml; }
try 'pool: nte'
refuses "an unknown pool" 64 "pipeline.yaml:5:26: stage 'a': there is no pool 'nte' under the pipeline's pools; did you mean 'net'?" refit run
try 'run_if: all_sucess'
refuses "an unknown rule" 64 "run_if" refit run
has "which names the rules" "$err" "all_success, none_failed, always"
try 'resources: {priority: 101}'
refuses "a priority out of range" 64 "resources.priority" refit run
sed -i 's/net: 1/net: 0/; s/, resources.*}}/}/' pipeline.yaml
refuses "a pool without room" 64 "pools.net" refit run

# ---- retry goes on with what the run had ----
fresh
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
env: {WHERE: "${env.OUTSIDE}"}
stages:
  look: {cmd: 'echo x >>looks', always_changed: true}
  work: {cmd: 'test -e repaired && echo ${env.WHERE} ${env.OTHER} $WHERE >said', needs: [look]}
EOY
OUTSIDE=here OTHER=there run refit run
is "a run that fails" "$rc" 1
touch repaired
sed 's/said/changed/' pipeline.yaml >new.yaml && mv new.yaml pipeline.yaml
OUTSIDE=elsewhere ok "is retried" refit retry
is "with the environment and the file that it had, and not what it had done" "$(cat said) $(wc -l <looks)" "here there here 1"
refit run -q 2>/dev/null
rm said
sed -i 's/test -e repaired/test -e again/' pipeline.yaml
OUTSIDE=one OTHER=two refit run -q 2>/dev/null
touch again
OUTSIDE=three OTHER=four ok "--current takes those of today" refit retry --current
is "both" "$(cat changed)" "three four three"
finish
