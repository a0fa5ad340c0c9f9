#!/bin/sh
# The daemon: it starts what is due, reads files again, ends as it is told, and sleeps otherwise.
. "$(dirname "$0")/tap.sh"
. "$top/tests/cli/schedule.sh"
daemons=
trap 'kill -KILL $daemons $traced 2>/dev/null; touch "$t/go"; cd /; rm -rf "$t"' EXIT
# start FILE...: a daemon that is ready, its pid in $daemon
start() {
    : >daemon.out
    refit daemon "$@" >>daemon.out 2>&1 &
    daemon=$!
    daemons="$daemons $daemon"
    until_true grep -q 'daemon: ready' daemon.out || fail "the daemon is ready" "$(cat daemon.out)"
}
# said TEXT: it says so now or soon
said() { if until_true grep -qF -- "$1" daemon.out; then pass "it says: $1"; else fail "it says: $1" "$(cat daemon.out)"; fi; }
end() { kill -"$1" $daemon; wait $daemon; }

# One that is watched to the end of this file.
traced=
case $B in *asan* | *tsan*) ;; *)
    if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
        mkdir idle && cd idle || exit 1
        pipeline p "  - cron: '0 0 1 1 *'"
        strace -o trace refit daemon p.yaml >daemon.out 2>&1 &
        until_true grep -q 'daemon: ready' daemon.out
        traced=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' .refit/p.daemon.lock)
        cd ..
    fi
    ;;
esac

pipeline p '  - daily: "12:00"
    targets: [work]
    force: [work]'
pipeline q '  - daily: "12:00"
    targets: [aside]
    force: [aside]'
start p.yaml q.yaml
refuses "a pipeline has one daemon" 75 "another daemon of 'q' holds the lock: pid $daemon" refit daemon q.yaml
turn_back daily
kill -HUP $daemon
said "run q.daily."
until_true test -s p.log
until_true test -s q.log
is "what is due is started" "$(cat p.log q.log)" "plain
aside"
ok "a tick beside it" refit tick p.yaml q.yaml
is "starts nothing again" "$(sql 'SELECT count(*) FROM runs')" 2
pid=$(sql "SELECT pid FROM runs WHERE pipeline = 'p'")
end KILL
kill -0 "$pid" && pass "a run outlives a daemon that is killed"
start p.yaml q.yaml
said "is going on (pid $pid)"
touch go
said "run $(sql "SELECT name FROM runs WHERE pipeline = 'p'") succeeded"
end TERM
is "TERM ends it" "$?" 0

# ---- files ----
rm go
start p.yaml
echo 'name: again' >>p.yaml
kill -HUP $daemon
said "the schedules of 'p' stay as they were"
once_more daily
kill -HUP $daemon
said " failed (64)"
is "a broken file keeps its old schedules, and its run says what is wrong" \
    "$(sql "SELECT count(*) FROM runs WHERE reason LIKE '%is given twice%'")" 1
sed -i '$d' p.yaml
once_more daily
rm p.log
kill -HUP $daemon
said "p.yaml: read again"
until_true test -s p.log

# ---- ends ----
kill -INT $daemon
said "stopping 1 running"
wait $daemon
is "Ctrl-C stops the runs" "$? $(sql 'SELECT state FROM runs')" "0 aborted"
start --on-stop finish p.yaml
once_more daily
rm p.log
kill -HUP $daemon
until_true test -s p.log
kill -TERM $daemon
said "waiting for 1 running"
touch go
wait $daemon
is "--on-stop finish lets them finish" "$? $(sql 'SELECT state FROM runs')" "0 succeeded"
sed -i 's/until \[/trap : TERM; until [/; s/kill_after: 1s/kill_after: 1h/' p.yaml
rm go p.log
start --on-stop finish p.yaml
once_more daily
kill -HUP $daemon
until_true test -s p.log
kill -TERM $daemon
said "waiting for 1 running"
end TERM
is "a second signal kills" "$? $(sql 'SELECT state FROM runs')" "0 aborted"

# ---- overlap ----
overlap() {
    pipeline p "  - daily: \"12:00\"
    overlap: $1
    targets: [work]
    force: [work]"
    rm -f p.log go
    rm -rf .refit
    start p.yaml
    refit run -q -F work -f p.yaml -p word=mine >/dev/null 2>&1 &
    mine=$!
    until_true test -s p.log
    id=$(sql "SELECT name FROM runs WHERE state = 'running'")
    turn_back daily
    kill -HUP $daemon
}
overlap skip
said "overlap: skip, run $id was going on"
is "skip leaves an instant without a run" "$(sql 'SELECT state, reason, run IS NULL FROM ticks; SELECT count(*) FROM runs')" \
    "overlapped|overlap: skip, run $id was going on|1
1"
touch go; wait $mine; end TERM
overlap queue
said "waits for run $id"
is "queue waits" "$(sql 'SELECT state FROM runs ORDER BY id' | tr '\n' ' ')" "running queued "
touch go; wait $mine
said " succeeded"
is "and runs then" "$(tail -n 1 p.log)" plain
end TERM
overlap cancel
said "overlap: cancel, stopping run $id"
wait $mine
until_true grep -q plain p.log
is "cancel stops the one that is going on" "$? $(sql 'SELECT state FROM runs ORDER BY id' | tr '\n' ' ')" "0 aborted running "
touch go
said " succeeded"
end TERM
overlap queue
said "waits for run $id"
end TERM
is "a daemon that ends leaves queued what is queued" "$(sql 'SELECT state FROM runs ORDER BY id' | tr '\n' ' ')" "running queued "
touch go; wait $mine
start p.yaml
until_true grep -q plain p.log
said " succeeded"
is "the next one starts it" "$(sql 'SELECT state FROM runs ORDER BY id' | tr '\n' ' ')" "succeeded succeeded "
end TERM

# ---- notifications ----
rm -rf .refit
pipeline p "  - daily: '12:00'
    catchup: none
notify:
  on_missed: [{cmd: [sh, -c, 'cat >>told']}]"
start p.yaml
turn_back daily
kill -HUP $daemon
said "missed (catchup: none)"
until_true grep -q '"event":"missed"' told
is "what was missed is told while nothing runs" "$(grep -c . told)" 1
end TERM
rm told
turn_back daily
sql 'DELETE FROM ticks'
ok "a tick" refit tick p.yaml
is "tells it too" "$(grep -c '"event":"missed"' told)" 1

# ---- systemd ----
if command -v /usr/bin/python3 >/dev/null; then
    for address in "$t/socket" "@refit-test-$$"; do
        /usr/bin/python3 -c 'import os, socket, sys
a = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\0" + a[1:] if a[0] == "@" else a)
open("listening", "w").close()
while True:
    m = s.recv(4096).decode()
    open("notified", "a").write(m + "\n")
    if "STOPPING" in m: break' "$address" &
        listener=$!
        until_true test -e listening
        export NOTIFY_SOCKET="$address" WATCHDOG_USEC=200000
        start p.yaml
        unset NOTIFY_SOCKET WATCHDOG_USEC
        until_true grep -q WATCHDOG=1 notified
        kill -HUP $daemon
        until_true sh -c '[ "$(grep -c READY=1 notified)" = 2 ]'
        end TERM
        wait $listener
        is "systemd is told by $(echo "$address" | cut -c 1)" "$(sed -n 's/^MONOTONIC_USEC=[0-9]*$/MONOTONIC/p; s/^STATUS=next p at .* UTC; 0 running$/STATUS/p
            /^READY/p; /^RELOADING/p; /^STOPPING/p' notified | uniq | tr '\n' ' ')" "READY=1 STATUS RELOADING=1 MONOTONIC READY=1 STATUS STOPPING=1 "
        rm -f listening notified
    done
else
    skip "systemd is told" "no python3"
fi

# ---- sleep ----
if [ -n "$traced" ]; then
    kill -TERM "$traced"
    wait
    is "a daemon with nothing to do made no system call all the while" \
        "$(sed -n '/daemon: ready/,$p' idle/trace | grep -c epoll_wait)" 1
else
    skip "a daemon with nothing to do made no system call all the while" "no strace, or not ptrace here"
fi
finish
