#!/bin/sh
# refit approve: the outputs of a blocked stage count, and only they; persistent outputs; retries of what was approved.
. "$(dirname "$0")/tap.sh"

# gated [MORE]: `make` is always_changed, `gate` ends with what stands in the file `verdict`, `ship` is below
gated() {
    cd "$t" && rm -rf p && mkdir p && cd p || exit 1
    echo 98 >verdict
    cat >pipeline.yaml <<EOY
refit: 1
name: toy
stages:
  make: {cmd: 'echo model; echo x >>makes; echo model >\${outs.o}', outs: {o: work/model}, always_changed: true}
  gate:
    cmd: 'echo x >>gates; echo worse >\${outs.o}; exit \$(cat verdict)'
    deps: {i: work/model}
    outs: {o: work/verdict.txt}
    ${1-}
  ship: {cmd: 'cp \${deps.i} \${outs.o}', deps: {i: work/verdict.txt}, outs: {o: work/shipped}}
EOY
    run refit run
}
last() { refit history -n 1 | sed 's/^  *//; s/ .*//'; }
field() { refit status --json "$2" | /usr/bin/python3 -c "
import json, sys
d = json.load(sys.stdin)
g = {s['stage']: s for s in d['stages']}
print($1)"; }

gated
is "a gate that ends with 98 blocks the run" "$rc $(cat work/verdict.txt)" "3 worse"
R=$(refit status --json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["run"])')
has "status says how to go on" "$(refit status)" "refit approve $R gate --reason"
refuses "a reason must be given" 64 "--reason TEXT is missing" refit approve "$R"
refuses "one of words" 64 "--reason TEXT is missing" refit approve "$R" --reason ' '
refuses "an unknown stage" 64 "did you mean 'gate'" refit approve "$R" gat --reason x
refuses "a stage that is not blocked" 64 "it is succeeded" refit approve "$R" make --reason x
refuses "one that only waits for the blocked one" 64 "because 'gate' is blocked" refit approve "$R" ship --reason x
refuses "an unknown run" 64 "no run '1999'" refit approve 1999 --reason x
cp work/verdict.txt kept
echo edited >work/verdict.txt
refuses "outputs that were changed since" 64 "'work/verdict.txt' was changed since stage 'gate' made it" \
    refit approve "$R" --reason x
rm work/verdict.txt
refuses "or are gone" 64 "'work/verdict.txt' is gone" refit approve "$R" --reason x
cp kept work/verdict.txt
is "nothing of that is kept" "$(field 'g["gate"]["approval"]' "$R")" None
ok "with a reason it is approved" refit approve "$R" gate --reason "the holiday's data; it's fine"
has "and how to go on is told" "$out" "refit retry $R"
is "who and why stand in the history" "$(field 'g["gate"]["approval"]["who"], g["gate"]["approval"]["reason"], g["gate"]["state"]' "$R")" \
    "$(id -un) the holiday's data; it's fine blocked"
has "status tells it" "$(refit status "$R")" "approved:  gate by $(id -un): the holiday's data; it's fine"
refuses "a second time it is refused" 64 "was approved already, by $(id -un)" refit approve "$R" --reason again
ok "retry goes on below it" refit retry "$R"
is "with its outputs, without running it or what had been done again" \
    "$(cat work/shipped) $(wc -l <gates) $(wc -l <makes)" "worse 1 1"
refuses "a run that went well has nothing to approve" 64 "is not blocked: it is succeeded" refit approve last --reason x
ok "run goes on too" refit run
is "the gate stays approved as long as nothing changes" "$(wc -l <gates)" 1

gated
run refit run
R1=$(refit history --json | /usr/bin/python3 -c 'import json, sys; d = json.load(sys.stdin); print(sorted(r["run"] for r in (d["runs"] if isinstance(d, dict) else d))[0])')
refuses "a run whose stage was committed again since" 64 "was committed again since" refit approve "$R1" --reason x

# a run that goes on holds the lock
gated
R=$(refit status --json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["run"])')
mkfifo here go
printf 'refit: 1\nname: toy\nstages:\n  wait: {cmd: "echo x >here; read x <go"}\n' >busy.yaml
refit run -q -f busy.yaml &
runner=$!
read -r x <here
refuses "while a run of the pipeline goes on" 75 "holds the lock" refit approve "$R" --reason x
echo x >go
wait $runner
ok "afterwards" refit approve "$R" --reason x --json
is "as a document" "$(echo "$out" | /usr/bin/python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["stage"], d["reason"])')" "gate x"

# ---- persist ----
cd "$t" && rm -rf p && mkdir p && cd p || exit 1
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  grow:
    cmd: 'cat day >>${outs.s}; wc -l <${outs.s} >${outs.n}; exit $(cat verdict)'
    deps: {day: day}
    outs: {s: {path: state/log, persist: true}, n: work/n}
EOY
echo one >day; echo 0 >verdict
ok "a persistent output" refit run
ok "its own new content" refit run
has "does not make it run again" "$out" "nothing to do"
echo two >day; echo 98 >verdict
run refit run
is "an attempt that is blocked leaves the committed one" "$rc $(tr '\n' ' ' <state/log)" "3 one "
run refit run
is "from which the next one starts" "$rc $(cat work/n) $(tr '\n' ' ' <state/log)" "3 2 one "
ok "approved" refit approve last --reason ok
is "it takes its place" "$(tr '\n' ' ' <state/log)" "one two "
is "without leaving anything beside it" "$(find . -name '.refit-*')" ""
ok "then" refit run
has "it is up to date" "$out" "nothing to do"
echo 1 >verdict; echo three >day
run refit run
is "a failed attempt leaves it too" "$rc $(tr '\n' ' ' <state/log)" "1 one two "
echo 0 >verdict
refit run -q
echo other >>state/log
run refit plan
has "another program that changes it is noticed" "$out" "state/log was changed"
run refit run
is "and the stage goes on from what lies there" "$(tr '\n' ' ' <state/log)" "one two three other three "

# ---- killed, and a power cut, at any change ----
cd "$t" && rm -rf p && mkdir p && cd p || exit 1
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  grow:
    cmd: 'cat day >>${outs.s}; cp day ${outs.n}; exit $(cat verdict)'
    deps: {day: day}
    outs: {s: {path: state/log, persist: true}, n: work/n}
  below: {cmd: 'cat ${deps.s} ${deps.n} >${outs.o}', deps: {s: state/log, n: work/n}, outs: {o: work/below}}
EOY
echo one >day; echo 0 >verdict
refit run -q
echo two >day; echo 98 >verdict
refit run -q 2>/dev/null
echo 1 >verdict # were it to run again it would fail
cat >"$t/approved.sh" <<'EOC'
case $(tr '\n' ' ' <state/log) in 'one ' | 'one two ') ;; *) echo "half: $(cat state/log)"; exit 1 ;; esac
refit approve last --reason again >said 2>&1 || grep -q 'was approved already' said || { cat said; exit 1; }
[ "$(tr '\n' ' ' <state/log)" = 'one two ' ] || { echo "not in place"; exit 1; }
[ "$(refit status --json | grep -c '"who"')" = 1 ] || { echo "approved more than once, or not"; exit 1; }
refit retry -q || { echo "retry: $?"; exit 1; }
[ "$(tr '\n' ' ' <work/below)" = 'one two two ' ] || { echo "wrong: $(cat work/below)"; exit 1; }
EOC
if [ "${B%asan*}${B%tsan*}" = "$B$B" ] && "$B/tests/tools/crashlab" sweep 1 true "$t/try" true >/dev/null 2>&1; then
    for kind in sweep power; do
        "$B/tests/tools/crashlab" $kind "$([ -n "${REFIT_LONG:-}" ] && echo 0 || echo 15)" "sh '$t/approved.sh'" "$t/try" \
            refit approve last --reason once >"$t/.lab" 2>&1
        case $(tail -n 1 "$t/.lab") in
        *' states, 0 failed') pass "an approval is whole or not there, $kind: $(tail -n 1 "$t/.lab")" ;;
        *) fail "an approval is whole or not there, $kind" "$(head -c 2000 "$t/.lab")" ;;
        esac
    done
else
    skip "an approval is whole or not there" "no ptrace here"
fi
finish
