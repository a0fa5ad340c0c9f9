#!/bin/sh
# Without pidfd_open, as on kernels before 5.3 and behind the filters of some containers, everything works as with it.
. "$(dirname "$0")/tap.sh"
. "$top/tests/cli/schedule.sh"
without="$B/tests/tools/nopidfd 38"
$B/tests/tools/nopidfd 38 true 2>/dev/null || skip_all "no filters of system calls here"
daemon=
trap '[ "$daemon" ] && kill -KILL $daemon 2>/dev/null; touch "$t/go"; cd /; rm -rf "$t"' EXIT

{
    printf 'refit: 1\nname: fan\nstages:\n'
    for i in 1 2 3 4 5 6 7 8; do
        printf '  s%d: {cmd: [sh, -c, "echo %d >$0", "${outs.o}"], outs: {o: work/%d}}\n' $i $i $i
    done
} >fan.yaml
for errno in 38 1; do
    ok "a fan of stages (errno $errno)" "$B/tests/tools/nopidfd" $errno refit run -q -F -j 4 -f fan.yaml
done
is "all of them are waited for" "$(cat work/[1-8] | tr '\n' ' ')" "1 2 3 4 5 6 7 8 "
ok "nothing to do" $without refit run -f fan.yaml
has "is seen" "$out" "nothing to do"

cat >bad.yaml <<'E'
refit: 1
name: bad
stages:
  long: {cmd: [sh, -c, "trap '' TERM; while :; do sleep 1; done"], timeout: 200ms, kill_after: 100ms}
  leaves: {cmd: [sh, -c, "sleep 1000 & echo x"]}
  dies: {cmd: [sh, -c, "kill -SEGV $$$$"]}
E
run $without refit run -k -f bad.yaml
is "timeouts, signals and strays are told as ever" "$rc $(sql "SELECT stage, attempts.state, signal FROM attempts JOIN runs ON run = name WHERE pipeline = 'bad' ORDER BY stage" | tr '\n' ' ')" \
    "5 dies|failed|11 leaves|succeeded|0 long|timed_out|9 "
$without refit schema --programs >schema.json
ok "programs are asked, and answer" grep -q '"epochs"' schema.json
ok "doctor says so" $without refit doctor -f fan.yaml
has "as a warning" "$out" "no pidfd (Function not implemented)"

# ---- runs of others ----
for name in p q r; do
    pipeline $name "  - name: of_$name
    daily: '12:00'
    targets: [work]"
done
start() {
    : >daemon.out
    $without refit daemon p.yaml q.yaml r.yaml >>daemon.out 2>&1 &
    daemon=$!
    until_true grep -q 'daemon: ready' daemon.out
}
said() { if until_true grep -qF -- "$1" daemon.out; then pass "it says: $1"; else fail "it says: $1" "$(cat daemon.out)"; fi; }
# fire PIPELINE: its run, in $id, has begun and waits
fire() {
    rm -f go
    turn_back "of_$1"
    kill -HUP $daemon
    until_true test -s "$1.log"
    id=$(sql "SELECT name FROM runs WHERE pipeline = '$1'")
}
start
fire p
touch go
said "run $id of 'p' succeeded"
fire q
kill -KILL $daemon
wait $daemon 2>/dev/null
start
said "run $id is going on"
touch go
said "run $id succeeded"
fire r
ok "stop waits for the end" $without refit stop "$id"
is "it has ended" "$(sql "SELECT state FROM runs WHERE name = '$id'")" aborted
said "run $id of 'r' aborted"
kill -TERM $daemon
wait $daemon
is "the daemon ends" $? 0
daemon=
finish
