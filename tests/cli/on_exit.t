#!/bin/sh
# on_exit runs last whatever became of the run, and changes nothing of it; the time limit of a whole run.
. "$(dirname "$0")/tap.sh"

# leaving STAGE ON_EXIT [MORE]: one stage with that shell text, and that on_exit
leaving() {
    cd "$t" && rm -rf p && mkdir p && cd p || exit 1
    cat >pipeline.yaml <<EOY
refit: 1
name: toy
params: {who: "it's me"}
env: {MODE: fast}
on_exit: $2
${3-}
stages:
  work: {cmd: '$1', always_changed: true, kill_after: 1h}
EOY
}
note='{cmd: '"'"'echo "$REFIT_RUN_STATE $REFIT_RUN_EXIT" >>said'"'"'}'
last() { refit status --json | /usr/bin/python3 -c "
import json, sys
d = json.load(sys.stdin)
o = [s for s in d['stages'] if s['stage'] == 'on_exit']
print($1)"; }
runs() { refit history --json -n 0 | grep -c '"run":'; }

leaving 'true' "$note"
ok "after a run that went well" refit run
is "on_exit is told so" "$(cat said)" "succeeded 0"
is "and is a row of the run" "$(last 'o[0]["state"], o[0]["attempts"][0]["log"].split("/")[-1]')" "succeeded on_exit.1.log"
has "but none of its stages" "$(refit history)" "1 done"
leaving 'exit 5' "$note"
run refit run
is "after a failure" "$rc $(cat said)" "1 failed 1"
leaving 'exit 98' "$note"
run refit run
is "a blocked run" "$rc $(cat said)" "3 blocked 3"
leaving 'exit 99' "$note"
run refit run
is "one that was skipped" "$rc $(cat said)" "0 skipped 0"
leaving 'echo x >here; exec sleep 1000' "$note"
mkfifo here
refit run >log.out 2>&1 &
runner=$!
read -r x <here
kill -TERM $runner
wait $runner
is "one that was stopped" "$? $(cat said)" "143 aborted 143"
leaving 'true' "$note"
sed -i 's/, always_changed: true//' pipeline.yaml
refit run -q && refit run -q
is "not after nothing to do" "$(wc -l <said)" 1

leaving 'true' '{cmd: [sh, -c, "echo \"$*\" >said; echo $MODE $REFIT_PIPELINE $REFIT_RUN_ID $REFIT_RUN_LATE >>said; echo told", sh, "${run.id}", "${run.dir}", "${run.state}", "${params.who}"]}'
refit run -q
R=$(last 'd["run"]')
is "references and its environment" "$(cat said)" "$R .refit/runs/$R succeeded it's me
fast toy $R 0"
is "its log is one of the run" "$(refit logs on_exit)" told

leaving 'true' '{cmd: "exit 7"}'
run refit run
is "its failure changes nothing" "$rc $(last 'd["state"], o[0]["state"], o[0]["reason"]')" "0 succeeded failed exit 7"
has "and is a warning" "$err" "warning on_exit"
leaving 'true' '{cmd: "mkfifo f; read x <f", timeout: 100ms}'
run refit run
is "nor that it takes too long" "$rc $(last 'o[0]["state"], o[0]["reason"]')" "0 timed_out timed out after 0.1 s"
leaving 'true' '{cmd: "setsid sleep 1000 & echo $! >pid"}'
refit run -q 2>/dev/null
if kill -0 "$(cat pid)" 2>/dev/null; then fail "nothing of it is left running"; else pass "nothing of it is left running"; fi

# ---- the runner dies ----
leaving 'echo x >here; read x <go' '{cmd: "echo $REFIT_RUN_STATE $REFIT_RUN_LATE >>said"}'
mkfifo here go
refit run >log.out 2>&1 &
runner=$!
read -r x <here
kill -KILL $runner
wait $runner 2>/dev/null
absent "after the runner's death it has not run" said
sed -i 's/echo x >here; read x <go/true/' pipeline.yaml
ok "the next run" refit run
is "makes up for it, and says so" "$(tr '\n' ' ' <said)" "lost 1 succeeded 0 "
leaving 'true' '{cmd: "test ! -e block || { echo x >here; read x <go; }; echo $REFIT_RUN_STATE $REFIT_RUN_LATE $0 >>said"}'
mkfifo here go
touch block
refit run >log.out 2>&1 &
runner=$!
read -r x <here
kill -KILL $runner
wait $runner 2>/dev/null
rm block
sed -i 's/ $0 / new /' pipeline.yaml
refit run -q
is "so it does where the runner died while it ran, with the command of that run" "$(tr '\n' ' ' <said)" "succeeded 1 /bin/sh succeeded 0 new "

leaving 'true' '{cmd: "echo $REFIT_RUN_ID >>said"}'
cat >"$t/said.sh" <<'EOC'
refit run -q || { echo "cannot start: $?"; exit 1; }
for run in $(refit history -n 0 | awk '$3 == "succeeded" || $3 == "lost" { print $1 }'); do
    grep -qx "$run" said || { echo "not after run $run"; exit 1; }
done
EOC
refit run -q
if [ "${B%asan*}${B%tsan*}" = "$B$B" ] && "$B/tests/tools/crashlab" sweep 1 true "$t/try" true >/dev/null 2>&1; then
    "$B/tests/tools/crashlab" sweep "$([ -n "${REFIT_LONG:-}" ] && echo 0 || echo 15)" "sh '$t/said.sh'" "$t/try" refit run -q >"$t/.lab" 2>&1
    case $(tail -n 1 "$t/.lab") in
    *' states, 0 failed') pass "killed at any change: it runs after each run ($(tail -n 1 "$t/.lab"))" ;;
    *) fail "killed at any change: it runs after each run" "$(head -c 2000 "$t/.lab")" ;;
    esac
else
    skip "killed at any change: it runs after each run" "no ptrace here"
fi

# ---- the time of a run ----
leaving 'echo x >here; exec sleep 1000' "$note" 'timeout: 1s'
printf '  next: {cmd: "true", needs: [work]}\n  other: {cmd: "true", needs: [next], run_if: always}\n' >>pipeline.yaml
sed -i 's/echo x >here; //' pipeline.yaml
run refit run
is "a run that takes too long is stopped: exit 124" "$rc $(last 'd["state"], d["reason"]')" "124 failed timed out after 1.0 s"
is "with its stages" "$(last '[(s["state"], s["reason"]) for s in d["stages"]][:3]')" \
   "[('aborted', 'stopped: the time of the run is over'), ('upstream_failed', \"'work' did not succeed\"), ('pending', 'not started: the time of the run is over')]"
is "and on_exit is told" "$(cat said)" "failed 124"
leaving 'exec sleep 1000' "$note"
run refit run --timeout 100ms
is "--timeout does the same" "$rc $(last 'd["reason"]')" "124 timed out after 0.1 s"
leaving 'true' "$note" 'timeout: none'
ok "none is no limit" refit run

bad() { leaving 'true' "$2" "${4-}"; refuses "$1" 64 "$3" refit validate; }
bad "on_exit without a command" '{timeout: 1s}' "'cmd' is missing"
bad "with another key" '{cmd: "true", retry: 1}' "unknown key 'retry'"
bad "with a program that is not there" '{cmd: [nosuchprogram]}' "there is no program 'nosuchprogram' in PATH"
bad "with files of a stage" '{cmd: ["true", "${deps.x}"]}' "deps"
bad "a limit that is none" "$note" "timeout" 'timeout: soon'
leaving 'true' "$note"
sed -i 's/echo "$REFIT/echo ${run.sate} "$REFIT/' pipeline.yaml
refuses "a reference that is none" 64 "did you mean 'run.state'" refit validate
leaving 'echo ${run.state}' "$note"
refuses "the state is not known to a stage" 64 "known only to on_exit" refit validate
leaving 'echo ${run.scheduled_at} >said' "$note"
refit run -q
ok "the instant that the run is for is known to a stage" grep -qx '20[0-9-]*T[0-9:]*Z' said
sed -i 's/^  work:/  on_exit:/' pipeline.yaml
refuses "a stage of that name" 64 "stages: 'on_exit' is" refit validate
finish
