#!/bin/sh
# stop, and waiting for another run.
. "$(dirname "$0")/tap.sh"
. "$top/tests/cli/schedule.sh"
pipeline p '  - daily: "12:00"
    targets: [work]
    overlap: queue'
pipeline q '  - daily: "12:00"'
ok "nothing to stop" refit stop
is "is told" "$out" "nothing is running"
is "also as JSON" "$(refit stop --json | tr -d ' \n')" '{"run":null,"state":"nothingisrunning","reason":null}'
# begin PIPELINE: a run that goes on, its id in $id
begin() {
    rm -f go "$1.log"
    refit run -q -F work -f "$1.yaml" >/dev/null 2>&1 &
    running=$!
    until_true test -s "$1.log"
    id=$(sql "SELECT name FROM runs WHERE pipeline = '$1' AND state = 'running'")
}
begin p
ok "the only run is stopped" refit stop
has "it is told which" "$out" "stopping run $id of 'p' (pid "
wait $running
is "its runner has saved the state" "$? $(sql 'SELECT state, reason FROM runs')" "143 aborted|Terminated"
ok "a run that has ended" refit stop "$id"
is "stays as it is" "$out" "run $id aborted: Terminated"

begin p
p=$id p_pid=$running
begin q
refuses "of several one must be named" 64 "which run?" refit stop
ok "by its pipeline file" refit stop -q -f q.yaml
wait $running
is "it is that one" "$? $(sql "SELECT state FROM runs WHERE name = '$id'")" "143 aborted"
ok "by its name" refit stop -q "$p"
wait $p_pid
is "it has ended when stop returns" "$?" 143
refuses "an unknown run" 64 "no run" refit stop nonesuch

sed -i 's/until \[/trap : TERM; until [/; s/kill_after: 1s/kill_after: 1h/' p.yaml
begin p
ok "--now kills what does not obey" refit stop --now
wait $running
is "at once" "$(sql "SELECT state FROM runs WHERE name = '$id'")" aborted
sed -i 's/trap : TERM; //; s/kill_after: 1h/kill_after: 1s/' p.yaml

# ---- queued ----
refit tick p.yaml
begin p
turn_back daily
refit tick p.yaml >tick.out 2>&1 &
tick=$!
until_true grep -q "waits for run $id" tick.out
queued=$(sql "SELECT name FROM runs WHERE state = 'queued'")
ok "a queued run is aborted" refit stop "$queued"
touch go
wait $running
wait $tick
is "it never begins" "$? $(sql "SELECT state, reason FROM runs WHERE name = '$queued'; SELECT count(*) FROM stages WHERE run = '$queued'")" \
    "143 aborted|stopped before it began
0"
ok "what it was to do can be retried" refit retry -q "$queued"

# ---- wait ----
begin p
refuses "another run holds the lock" 75 "another run of 'p' holds the lock: pid $running, run $id" refit run -f p.yaml
refuses "--wait=DURATION ends" 75 "another run of 'p' holds the lock: pid $running, run $id" refit run --wait=50ms -f p.yaml
refuses "a bad duration" 64 "--wait: 'soon' is not a duration" refit run --wait=soon -f p.yaml
refit run --wait -F work -f p.yaml >wait.out 2>&1 &
waiting=$!
refit run --wait=1h -F work -f p.yaml >wait2.out 2>&1 &
waiting2=$!
until_true grep -q 'waiting: another run' wait.out
until_true grep -q 'waiting: another run' wait2.out
touch go
wait $running
wait $waiting; a=$?; wait $waiting2; b=$?
is "those that wait get their turn" "$a $b $(wc -l <p.log)" "0 0 3"
begin p
kill -KILL $running
wait $running 2>/dev/null
is "a run whose runner was killed is lost at once" "$(refit history -n 1 | awk '{ print $3 }')" lost
ok "stop sees that it is not running" refit stop
is "and says so" "$out" "nothing is running"
rm -f p.log
refit retry --wait -q "$id" >/dev/null 2>&1 &
until_true test -s p.log
touch go
wait $!
is "retry takes --wait too" "$?" 0

# ---- no other process is told to stop ----
begin p
sql "UPDATE runs SET pid = $$ WHERE name = '$id'"
refuses "a pid that names another process now" 74 "is not to be seen from here" refit stop "$id"
kill -TERM $running
wait
finish
