#!/bin/bash
# Attempts after one that failed: which, how many, when. No test waits for a delay: those that do not end at once are an
# hour long and are ended by something else.
. "$(dirname "$0")/tap.sh"

# One stage `only` with a shell script and further keys: one "$SCRIPT" "$MORE"
one() {
    cd "$t" && rm -rf p && mkdir p && cd p || exit 1
    printf '%s\n' "$1" >script.sh
    cat >pipeline.yaml <<EOY
refit: 1
name: toy
stages:
  only:
    cmd: [sh, script.sh, "\${outs.o}"]
    code: [script.sh]
    outs: {o: work/o.txt}
${2-}
EOY
}
asked() { refit status --json | /usr/bin/python3 -c "
import json, sys
only = [s for s in json.load(sys.stdin)['stages'] if s['stage'] == '${2:-only}'][0]
print($1)"; }

one 'echo x >>n; exit 3' '    retry: {max: 3, delay: 1ms, on_exit: [3, 75]}'
run refit run
is "a status of on_exit is tried again, max times" "$rc $(wc -l <n)" "1 4"
has "each retry is told with its number" "$out" "exit 3, again in 0.0 s (attempt 4 of 4)"
has "the failure too" "$err" "exit 3, attempt 4 of 4"
is "each attempt is a row with its reason and what it took" \
    "$(asked "[(a['reason'], a['exit_code'], a['max_rss_kb'] > 0) for a in only['attempts']]")" \
    "[('exit 3', 3, True), ('exit 3', 3, True), ('exit 3', 3, True), ('exit 3, attempt 4 of 4', 3, True)]"
is "and has its log" "$(ls .refit/runs/*/only.*.log | wc -l)" 4

one 'echo x >>n; exit 75' '    retry: {max: 3, delay: 1ms, on_exit: [3]}'
run refit run
is "on_exit replaces 75" "$rc $(wc -l <n)" "1 1"
one 'echo x >>n; exit 1' '    retry: {max: 3, delay: 1ms}'
run refit run
is "other statuses are not tried again" "$rc $(wc -l <n)" "1 1"
one 'echo x >>n; kill -SEGV $$' '    retry: {max: 3, delay: 1ms, on_exit: [11, 139, 1]}'
run refit run
is "nor is death by a signal" "$rc $(wc -l <n)" "1 1"
one 'echo x >>n; exec ./gone' '    retry: {max: 3, delay: 1ms}'
run refit run
is "nor a program that is not there" "$rc $(wc -l <n)" "1 1"

one 'if [ -e "$2" ]; then cat "$2" >"$1"; else echo saved >"$2"; mkfifo f; read x <f; fi' \
    '    retry: {max: 1, delay: 1ms, on_timeout: true}
    timeout: 1500ms
    kill_after: 50ms
    checkpoint: work/ckpt'
sed -i 's|"${outs.o}"\]|"${outs.o}", "${checkpoint}"]|' pipeline.yaml
ok "a timeout is tried again where on_timeout says so" refit run
is "from the checkpoint" "$(cat work/o.txt)" saved
is "its row says what it was" "$(asked "[a['state'] for a in only['attempts']]")" "['timed_out', 'succeeded']"
has "with 124" "$(asked "[a['exit_code'] for a in only['attempts']]")" "[124, 0]"

# ---- waiting: nothing happens, nothing is held ----
waiting='  waits: {cmd: [sh, -c, "exit 75"], retry: {max: 1, delay: 1h}}'
one 'echo free >"$1"'
sed -i "s/^  only:/$waiting\n&/" pipeline.yaml
mkfifo log
refit run -j 1 >log 2>&1 &
runner=$!
exec 8<log
while read -r word stage rest <&8; do [ "$word $stage" = "done only," ] || [ "$word $stage" = "done only" ] && break; done
is "a stage that waits holds no slot of -j" "$(cat work/o.txt)" free
kill -INT $runner
cat <&8 >rest
wait $runner
is "stopped while it waits, refit ends at once" $? 130
exec 8<&-
is "the stage is recorded as stopped" "$(asked "only['state'], only['reason']" waits)" \
    "aborted stopped before its next attempt"

one 'exit 1' "$waiting"
sed -i 's/^stages:/jobs: 2\nstages:/' pipeline.yaml
run refit run
is "a failure elsewhere gives up what waits" "$rc $(asked "only['state']" waits)" "1 failed"

# ---- the same attempt, the same delay ----
one 'exit 75' '    retry: {max: 1, delay: 1h, backoff: 3, max_delay: 30m, jitter: 0.5}'
mkfifo log
refit run >log 2>&1 &
runner=$!
exec 8<log
while read -r word stage rest <&8; do [ "$word" = retry ] && break; done
kill -INT $runner
cat <&8 >/dev/null
wait $runner
exec 8<&-
minutes=$(echo "$rest" | sed 's/.*again in \([0-9]*\)m.*/\1/')
is "max_delay and jitter bound the delay ($rest)" "$((minutes >= 14 && minutes <= 45))" 1
finish
