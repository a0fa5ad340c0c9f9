#!/bin/sh
# What is due is started once, whoever comes, whenever he dies.
. "$(dirname "$0")/tap.sh"
. "$top/tests/cli/schedule.sh"
touch go
ticks() { sql "SELECT schedule, state, coalesce(reason, '') FROM ticks ORDER BY instant, schedule"; }
runs() { sql "SELECT state FROM runs ORDER BY id" | sort | uniq -c | sed 's/^ *//'; }

pipeline p '  - daily: "12:00"'
ok "the first look at a schedule starts nothing" refit tick -f p.yaml
is "and leaves no instant behind" "$(ticks)" ""
ok "nothing is due" refit tick -f p.yaml
turn_back daily
ok "-n tells what is due" refit tick -n p.yaml
has "-n names the run" "$out" "would decide p.daily of "
is "-n starts nothing" "$(ls p.log 2>/dev/null)" ""
ok "what is due runs" refit tick -f p.yaml
id=$(sql 'SELECT name FROM runs')
case $id in p.daily.????????T120000Z) pass "the run is named by pipeline, schedule and instant" ;; *) fail "the run is named by pipeline, schedule and instant" "$id" ;; esac
has "its lines carry its name" "$out" "$id: run $id of 'p' succeeded"
is "it ran" "$(sort p.log)" "aside
plain"
turn_back daily
ok "an instant that has a run gets no other" refit tick -f p.yaml
is "it ran once" "$(wc -l <p.log)" 2

once_more daily
ok "another instant whose inputs are unchanged" refit tick -f p.yaml
is "keeps its row though there was nothing to do" "$(sql "SELECT state, reason FROM runs")" \
    "succeeded|nothing to do"
turn_back daily 2
refit tick -q p.yaml
has "the earlier of the two is missed and says why" "$(refit history)" "missed"

# ---- what a schedule says ----
rm -rf .refit work p.log
pipeline p '  - daily: "12:00"
    name: part
    targets: [work]
    params: {word: given}
    force: [work]
  - daily: "13:00"
    name: other
    profile: other
    targets: [work]'
refit tick p.yaml
turn_back part
ok "targets and params of the schedule" refit tick p.yaml
is "are what runs" "$(cat p.log)" given
once_more part
ok "force of the schedule" refit tick p.yaml
is "makes its stage run again" "$(cat p.log)" "given
given"
turn_back other
ok "profile of the schedule" refit tick p.yaml
is "is merged" "$(tail -n 1 p.log)" profile

# ---- backlog ----
rm -rf .refit work p.log
pipeline p '  - daily: "12:00"
    catchup: all
    catchup_window: 30d
    force: [work]
    targets: [work]'
refit tick p.yaml
turn_back daily 4
ok "catchup: all runs each that was missed" refit tick p.yaml
is "in order, none pushed out by another" "$(runs), $(wc -l <p.log)" "4 succeeded, 4"
turn_back daily 4
ok "and once" refit tick p.yaml
is "as before" "$(wc -l <p.log)" 4
refit tick --json p.yaml >doc
has "--json tells that nothing was due" "$(tr -d ' \n' <doc)" '{"instants":[],"runs":[],"exit_code":0}'

# ---- many at a time ----
rm -rf .refit work p.log
pipeline p '  - daily: "12:00"
    force: [work]
    targets: [work]'
refit tick p.yaml
rm go
turn_back daily
pids=
for i in 1 2 3 4 5 6 7 8; do
    refit tick -q p.yaml &
    pids="$pids $!"
done
until_true test -s p.log
touch go
bad=
for pid in $pids; do wait "$pid" || bad="$bad $?"; done
is "eight ticks at a time all succeed" "$bad" ""
is "and start one run" "$(runs), $(wc -l <p.log)" "1 succeeded, 1"

# ---- failures ----
rm -rf .refit work p.log
pipeline p '  - daily: "12:00"'
pipeline q '  - daily: "12:00"'
sed -i 's/cmd: .*aside >>q.log.*/cmd: "false ${outs.o}"/' q.yaml
refit tick p.yaml q.yaml
turn_back daily
refuses "the status is that of the worst run" 1 "" refit tick p.yaml q.yaml
is "the other one ran" "$(sort -u p.log | tr '\n' ' ')" "aside plain "
once_more daily
echo 'name: q' >>q.yaml
refuses "a broken file is told" 64 "q.yaml:" refit tick p.yaml q.yaml
is "and holds up no other pipeline" "$(sql "SELECT count(*) FROM ticks WHERE pipeline = 'p' AND run IS NOT NULL")" 1
pipeline p '  - daily: "12:00"
    targets: [work]
    force: [work]'
sed -i 's/^name: p/name: r/' p.yaml
refit tick p.yaml
turn_back daily
rm -f go p.log
refit tick p.yaml >tick.out 2>&1 &
tick=$!
until_true test -s p.log
sed -i 's/  work:/  toil:/; s/\[work\]/[toil]/' p.yaml
kill -TERM $tick
wait $tick
is "TERM ends the tick and its run" "$? $(sql "SELECT state FROM runs WHERE pipeline = 'r'")" "143 aborted"
touch go
ok "retry continues it with its own pipeline file" refit retry
is "to the end" "$(tail -n 1 p.log; sql "SELECT state FROM runs ORDER BY id DESC LIMIT 1")" "plain
succeeded"
refit tick p.yaml
turn_back daily 2
refit tick -n p.yaml >/dev/null
sql "INSERT INTO ticks(pipeline, schedule, instant, state, run, decided, overlap) SELECT 'r', 'daily', 86400000, 'fired', 'r.daily.19700102T000000Z', 0, 'skip';
    INSERT INTO runs(name, pipeline, state, options, pid, pid_start, boot, began, schedule, scheduled)
    VALUES('r.daily.19700102T000000Z', 'r', 'queued', '{\"file\": \"p.yaml\", \"targets\": [\"work\"]}', 0, 0, '', 0, 'daily', 86400000)"
run refit tick p.yaml
is "a queued run whose stage is gone from the file fails" "$(sql "SELECT state, exit_code FROM runs WHERE scheduled = 86400000")" "failed|64"
has "and says so" "$err" "no stage 'work'"

# ---- edited, disabled ----
rm -rf .refit
pipeline p '  - daily: "12:00"'
refit tick p.yaml
turn_back daily 3
pipeline p '  - daily: "12:30"'
ok "an edited schedule starts at now" refit tick p.yaml
is "without a backlog" "$(ticks)" ""
pipeline p '  - daily: "12:30"
    catchup: all
    catchup_window: 30d
    enabled: false'
refit tick p.yaml
turn_back daily 1
ok "a disabled schedule" refit tick p.yaml
is "records its instants" "$(ticks)" "daily|disabled|enabled: false"
finish
