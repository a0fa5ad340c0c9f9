#!/bin/sh
# Who is told what, when: the outbox between the end of a run and whoever shall know. No sleeps: what is awaited shows
# in a file.
. "$(dirname "$0")/tap.sh"
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy

# server ANSWER...: $port and the directory $hook; its requests are $hook/1, $hook/2...
server() {
    hook=$(mktemp -d "$t/hook.XXXXXX")
    "$B/tests/tools/httpd" "$hook" "$@" &
    until [ -s "$hook/port" ]; do kill -0 $! || exit 1; done
    port=$(cat "$hook/port")
}

# fresh CHANNELS: a pipeline whose stage `work` does what the file `do` says
fresh() {
    cd "$t" && rm -rf p && mkdir p && cd p || exit 1
    cat >pipeline.yaml <<EOY
refit: 1
name: toy
secrets: {TOKEN: {env: SOME_TOKEN}}
stages:
  other:
    cmd: [sh, -c, 'cp other "\$1"', sh, "\${outs.o}"]
    deps: [other]
    outs: {o: work/other.txt}
  work:
    cmd: [sh, do, "\${outs.o}"]
    code: [do]
    outs: {o: work/o.txt}
notify: $1
EOY
    echo 1 >other
    echo 'echo fine >"$1"' >do
}

# field FILE EXPRESSION: of the JSON document d that ends the file
field() { tail -n 1 "$1" | /usr/bin/python3 -c "import json, sys; d = json.load(sys.stdin); print($2)"; }
waiting() { refit notify -n --json | /usr/bin/python3 -c "import json, sys; print(' '.join(r['state'] + ':' + str(r['attempts']) for r in json.load(sys.stdin)))"; }
told() { ls "$hook" | grep -vc port; }
# all_events CHANNEL...: the same list for every event
all_events() { echo "{on_failure: [$1], on_blocked: [$1], on_missed: [$1], on_recovery: [$1], on_success: [$1]}"; }

# ---- failure, and what it says ----
server 200
export SOME_TOKEN='t0ken&much'
fresh "$(all_events "{webhook: \"http://127.0.0.1:$port/x\", tail: 3, header: {Authorization: \"Bearer \${secrets.TOKEN}\"}}")"
printf 'echo one; echo two; echo three; printf "caf\\351 \\033[31m\\n"; exit 65\n' >do
run refit run
is "a failed run keeps its status" $rc 1
is "and is told once" "$(told)" 1
is "with its event and stage" "$(field "$hook/1" '[d[k] for k in ("event", "pipeline", "state", "exit_code", "late")] + [d["stage"]["name"], d["stage"]["exit_code"]]')" "['failure', 'toy', 'failed', 1, False, 'work', 65]"
is "with the end of its log, as UTF-8" "$(field "$hook/1" 'd["stage"]["tail"] == ["two", "three", "caf\ufffd ?[31m"]')" True
id=$(refit history | awk '{ print $1; exit }')
is "and how to go on" "$(field "$hook/1" 'd["commands"]')" "{'retry': 'refit retry $id', 'logs': 'refit logs work --run $id'}"
is "in one line" "$(field "$hook/1" 'd["subject"]')" "[refit] toy failed: work (exit 65)"
has "and as a text" "$(field "$hook/1" 'd["text"]')" "    refit retry $id"
has "and where" "$(field "$hook/1" 'd["directory"] + d["host"]')" "$t/p$(uname -n)"
is "the secret reaches the server" "$(grep -c 'Authorization: Bearer t0ken&much' "$hook/1")" 1
is "and nothing else" "$(grep -rl 't0ken&much' . | wc -l)" 0
is "nothing is left to send" "$(waiting)" ""

# ---- success, recovery ----
echo 'echo fine >"$1"' >do
refit run -q
is "the recovery is told once, not as a success too" "$(told) $(field "$hook/2" 'd["event"], d["subject"], d["since"]')" "2 recovery [refit] toy recovered run $id failed"
refit run -q -F
is "the next success is one" "$(told) $(field "$hook/3" 'd["event"], d["stage"]')" "3 success None"
refit run -q
is "nothing to do is not told" "$(told)" 3
echo 'exit 1' >do
refit run -q --no-notify >/dev/null 2>&1
is "--no-notify" "$(told)" 3
refit run -q >/dev/null 2>&1
is "a failure again" "$(told) $(field "$hook/4" 'd["event"]')" "4 failure"
echo 2 >other
refit run -q -s other
is "a success elsewhere is no recovery" "$(told) $(field "$hook/5" 'd["event"]')" "5 success"
echo 'echo well >"$1"' >do
refit run -q
is "the stage that failed is one" "$(told) $(field "$hook/6" 'd["event"]')" "6 recovery"
echo 'echo ask; exit 98' >do
refit run -q >/dev/null 2>&1
is "a blocked run" "$(told) $(field "$hook/7" 'd["event"], d["subject"], list(d["commands"])')" "7 blocked [refit] toy blocked: work (exit 98) ['logs', 'approve']"
echo 'exit 99' >do
refit run -q
is "skipped by design is well" "$(told) $(field "$hook/8" 'd["event"], d["state"]')" "8 recovery skipped"
echo 'kill -9 $$' >do
refit run -q >/dev/null 2>&1
is "a signal by its name" "$(field "$hook/9" 'd["subject"], d["stage"]["signal"], d["stage"]["exit_code"]')" "[refit] toy failed: work (SIGKILL) SIGKILL None"
mkfifo there
echo 'echo >there; read x <there' >do
refit run -q >/dev/null 2>&1 &
runner=$!
read -r _ <there
kill -INT $runner 2>/dev/null || true
kill -TERM $runner
wait $runner
is "stopped by a person: nobody is told" "$(told)" 9
echo 'timeout: 1s' >>pipeline.yaml
refit run -q >/dev/null 2>&1
is "a run that took too long" "$(told) $(field "$hook/10" 'd["event"], d["subject"], d["stage"]["name"]')" "10 failure [refit] toy failed: timed out after 1.0 s: work (SIGTERM) work"
rm there

# ---- what does not arrive ----
server 500 200 404
fresh "{on_failure: [{webhook: \"http://127.0.0.1:$port/x\"}, {cmd: [sh, -c, 'cat >told; exit 3']}]}"
echo 'exit 1' >do
run refit run
is "a server in trouble changes no status" $rc 1
has "but is a warning" "$err" "warning webhook 127.0.0.1:$port  it answered 500, tried again later"
is "both wait" "$(waiting)" "due:1 due:1"
is "a command that fails has got it" "$(/usr/bin/python3 -c 'import json; print(json.load(open("told"))["event"])')" failure
run refit status
has "status tells" "$out" "not told:  webhook 127.0.0.1:$port: it answered 500 (it is tried again)"
has "history too" "$(refit history)" "2 notifications are not delivered"
run refit notify --due
has "what is not due waits" "$out" "nothing waits"
run refit notify
has "refit notify sends it at once" "$out" "delivered  failure of run"
has "and says what still fails" "$out" "'sh' ended with 3"
is "with status 1" $rc 1
is "which stays" "$(waiting)" "due:2"
is "the same message, the same id" "$(field "$hook/1" 'd["id"]')" "$(field "$hook/2" 'd["id"]')"
run refit run
has "a refusal is final" "$err" "it answered 404, given up"
is "and stays in view" "$(waiting)" "due:2 failed:1 due:1"

# ---- the runner dies ----
server 200
fresh "{on_failure: [{webhook: \"http://127.0.0.1:$port/x\"}]}"
mkfifo there
echo 'echo >there; read x <there' >do
refit run -q -s work >/dev/null 2>&1 &
runner=$!
read -r _ <there
until_true eval 'refit status | grep -q "^  work  *running"'
kill -9 $runner
wait $runner 2>/dev/null
is "a dead runner tells nothing itself" "$(told)" 0
id=$(refit history | awk '{ print $1; exit }')
echo 3 >other
refit run -q -s other
is "the next one does" "$(told) $(field "$hook/1" 'd["event"], d["state"], d["late"], d["run"], d["subject"]')" "1 failure lost True $id [refit] toy lost: its runner died while it ran work"
refit run -q -s other
is "once" "$(told)" 1

if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null && [ "${B%asan*}${B%tsan*}" = "$B$B" ]; then
    echo 'exit 1' >do
    strace -f -o /dev/null -e trace=memfd_create -e inject=memfd_create:signal=SIGKILL refit run -q >/dev/null 2>&1
    is "killed between the end of a run and its telling" "$(told) $(refit history | awk '{ print $3; exit }')" "1 failed"
    echo 4 >other
    refit run -q -s other
    is "it is told by the next command" "$(told) $(field "$hook/2" 'd["event"], d["stage"]["exit_code"]')" "2 failure 1"
else
    skip "killed between the end of a run and its telling" "no strace here"
fi

# At any change of anything: what was recorded is told, what was not is lost and told so.
export t
cat >"$t/told.sh" <<'EOC'
refit run -q -F -s other || { echo "cannot start: $?"; exit 1; }
for run in $(refit history -n 0 | awk '$3 == "succeeded" || $3 == "lost" { print $1 }'); do
    grep -qx "$run" told || { echo "nobody was told of run $run"; exit 1; }
done
[ "$(refit notify -n)" = 'nothing waits to be sent' ] || { refit notify -n; exit 1; }
EOC
fresh "{on_success: [{cmd: 'echo \"\$REFIT_RUN\" >>told'}], on_failure: [{cmd: 'echo \"\$REFIT_RUN\" >>told'}]}"
if [ "${B%asan*}${B%tsan*}" = "$B$B" ] && "$B/tests/tools/crashlab" sweep 1 true "$t/try" true >/dev/null 2>&1; then
    "$B/tests/tools/crashlab" sweep "$([ -n "${REFIT_LONG:-}" ] && echo 0 || echo 20)" 'sh "$t/told.sh"' "$t/try" refit run -q >"$t/.lab" 2>&1
    case $(tail -n 1 "$t/.lab") in
    *' states, 0 failed') pass "killed at any change: no message is lost ($(tail -n 1 "$t/.lab"))" ;;
    *) fail "killed at any change: no message is lost" "$(head -c 2000 "$t/.lab")" ;;
    esac
else
    skip "killed at any change: no message is lost" "no ptrace here"
fi

server slow 200
fresh "{on_failure: [{webhook: \"http://127.0.0.1:$port/x\"}]}"
echo 'exit 1' >do
refit run -q >/dev/null 2>&1 &
runner=$!
until_true test -s "$hook/1"
kill -9 $runner
wait $runner 2>/dev/null
echo 5 >other
refit run -q -s other
is "killed while it tells: told again, by the same id" "$(told) $(field "$hook/2" 'd["id"]')" "2 $(field "$hook/1" 'd["id"]')"
is "and done" "$(waiting)" ""

# ---- runs of a schedule ----
# queue INSTANT: a run of `weekly` for that second, as whoever fires schedules queues it, with the options of the last run
queue() {
    /usr/bin/python3 - "$1" <<'EOY'
import sqlite3, sys
c = sqlite3.connect(".refit/refit.db")
at = int(sys.argv[1]) * 1000
run = "toy.weekly." + sys.argv[1]
options = c.execute("SELECT options FROM runs ORDER BY id LIMIT 1").fetchone()[0]
c.execute("INSERT INTO ticks(pipeline, schedule, instant, state, run, decided, overlap) VALUES('toy', 'weekly', ?, 'fired', ?, ?, 'skip')", (at, run, at))
c.execute("INSERT INTO runs(name, pipeline, state, options, pid, pid_start, boot, began, schedule, scheduled) VALUES(?, 'toy', 'queued', ?, 0, 0, '', ?, 'weekly', ?)", (run, options, at, at))
c.commit()
EOY
}
server 200
fresh "$(all_events "{webhook: \"http://127.0.0.1:$port/x\"}")"
refit run -q
queue 1763953200
echo 'exit 7' >do
refit run -q --queued toy.weekly.1763953200 >/dev/null 2>&1
is "a failure of a schedule's run tells its instant" "$(told) $(field "$hook/2" 'd["event"], d["schedule"], d["scheduled"], d["stage"]["exit_code"]')" "2 failure weekly 2025-11-24T03:00:00.000Z 7"
queue 1764558000
cp pipeline.yaml good.yaml
echo 'stages: twice' >>pipeline.yaml
refit run -q --queued toy.weekly.1764558000 >/dev/null 2>&1
is "a pipeline file that was broken since does not fail in silence" "$(told) $(field "$hook/3" 'd["event"], d["scheduled"], "stages" in d["reason"], d["stage"]')" "3 failure 2025-12-01T03:00:00.000Z True None"
cp good.yaml pipeline.yaml
mkfifo there
echo 'echo >there; read x <there; echo >"$1"' >do
refit run -q -s work >/dev/null 2>&1 &
runner=$!
read -r _ <there
queue 1765162800
refit run -q --queued toy.weekly.1765162800 >/dev/null 2>&1
is "a run that gives way is told as missed" "$(told) $(field "$hook/4" 'd["event"], d["state"], d["subject"]')" "4 missed overlapped [refit] toy overlapped: weekly 2025-12-08 03:00 UTC"
has "with its reason" "$(field "$hook/4" 'd["text"]')" "overlap: skip, run "
echo >there
wait $runner
is "and the next success is a recovery" "$(told) $(field "$hook/5" 'd["event"], d["since"]')" "5 recovery run toy.weekly.1764558000 failed"

# ---- tick and daemon ----
. "$top/tests/cli/schedule.sh"
server 500 200
fresh "{on_missed: [{cmd: [sh, -c, 'cat >missed']}], on_failure: [{webhook: \"http://127.0.0.1:$port/x\"}]}"
echo 'schedule: [{daily: "12:00", force: [work]}]' >>pipeline.yaml
echo 'exit 3' >do
refit tick -q
turn_back daily 3
refit tick -q >/dev/null 2>&1
is "a tick tells of what was missed" "$(field missed 'd["event"], d["state"], d["missed"]')" "missed missed 2"
is "a failure that does not arrive waits" "$(waiting)" "due:1"
refit daemon >daemon.out 2>&1 &
daemon=$!
until_true grep -q 'daemon: ready' daemon.out
is "the daemon too waits" "$(waiting)" "due:1"
sql "UPDATE outbox SET due = due - 60000"
kill -HUP $daemon
if until_true test -s "$hook/2"; then pass "until it is due"; else fail "until it is due" "$(cat daemon.out)"; fi
is "it is the failure" "$(field "$hook/2" 'd["event"], d["schedule"]')" "failure daily"
if until_true eval '[ -z "$(waiting)" ]'; then pass "which is noted"; else fail "which is noted" "$(waiting)"; fi
mkfifo there
echo 'read x <there; echo >"$1"' >do
once_more daily
sql "DELETE FROM outbox"
kill -HUP $daemon
until_true eval 'refit status | grep -q "^  work  *running"'
kill -9 "$(sql "SELECT pid FROM runs WHERE state = 'running'")"
if until_true test -s "$hook/3"; then pass "a runner that dies is told of by its daemon"; else fail "a runner that dies is told of by its daemon" "$(cat daemon.out)"; fi
is "with what it did" "$(field "$hook/3" 'd["event"], d["state"], d["late"], d["stage"]["name"], d["stage"]["state"]')" "failure lost True work lost"
if until_true eval '[ -z "$(waiting)" ]'; then pass "which is noted too"; else fail "which is noted too" "$(waiting)"; fi
refit tick -q
refit run -q -s other
is "and not again by who cleans up" "$(told) $(sql "SELECT count(*) FROM runs WHERE state = 'lost'")" "3 1"
kill -TERM $daemon
wait $daemon
is "TERM ends it" $? 0
refit run -q -s work >/dev/null 2>&1 &
runner=$!
until_true eval 'refit status | grep -q "^  work  *running"'
kill -9 $runner
wait $runner 2>/dev/null
refit tick -q
is "a tick tells of a dead runner" "$(told) $(field "$hook/4" 'd["subject"]')" "4 [refit] toy lost: its runner died while it ran work"
refit tick -q
is "once" "$(told)" 4

# ---- many; nobody in the way ----
server 200
many=$(for i in 1 2 3 4 5 6 7 8 9 10; do for k in 0 1 2 3 4 5 6 7 8 9; do printf '{webhook: "http://127.0.0.1:%s/%s"}, ' "$port" "$i$k"; done; done)
fresh "{on_success: [${many%, }]}"
refit run -q
is "a hundred channels" "$(told) $(waiting)" "100 "
fresh "{on_success: [{webhook: \"http://127.0.0.1:$port/x\"}]}"
refit run -q -s other
/usr/bin/python3 - <<'EOY' &
import os, sqlite3, time
c = sqlite3.connect(".refit/refit.db", isolation_level=None)
c.execute("BEGIN IMMEDIATE")
open("locked", "w").close()
while not os.path.exists("free"):
    time.sleep(0.01)
c.execute("COMMIT")
EOY
until_true test -e locked
refit notify -q && touch free
wait $!
pass "a memory that another process writes to is waited for"

# ---- refit notify --test ----
server 200 404
fresh "{on_failure: [{webhook: \"http://127.0.0.1:$port/x\"}], on_missed: [{webhook: \"http://127.0.0.1:$port/y\"}, {cmd: [./nowhere]}]}"
ok "a test of one event" refit notify --test --event failure
is "tells its result" "$out" "delivered  on_failure   webhook 127.0.0.1:$port"
is "and says what it is" "$(field "$hook/1" 'd["event"], d["state"], d["subject"]')" "failure test [refit] toy: a test of on_failure"
run refit notify --test --json
is "a test of all" "$rc $(echo "$out" | /usr/bin/python3 -c 'import json, sys; print([(r["event"], r["state"], r["exit_code"]) for r in json.load(sys.stdin)])')" "1 [('failure', 'failed', 65), ('missed', 'failed', 65), ('missed', 'failed', 75)]"
is "leaves nothing in the outbox" "$(waiting)" ""
refuses "an event that there is not" 64 "did you mean 'failure'" refit notify --test --event failur
refuses "nobody to tell" 64 "tells nobody of on_success" refit notify --test --event success
refuses "--event alone" 64 "goes with --test" refit notify --event failure
sed -i 's/on_failure/on_failed/' pipeline.yaml
refuses "an unknown list" 64 "pipeline.yaml:13:10: notify: unknown key 'on_failed'; did you mean 'on_failure'?" refit notify --test
finish
