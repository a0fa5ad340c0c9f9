#!/bin/sh
# Instants of the past that have no run get one.
. "$(dirname "$0")/tap.sh"
. "$top/tests/cli/schedule.sh"
touch go
pipeline p '  - name: noon
    daily: "12:00"
    timezone: Europe/Berlin
    targets: [aside]
    force: [aside]
  - name: weekly
    weekly: monday 00:00
    targets: [work]'
ok "-n shows what would run" refit backfill -n -f p.yaml --from 2026-03-27 --to 2026-03-30
is "in order, in the zone of each schedule" "$out" "would run p.noon.20260327T110000Z
would run p.noon.20260328T110000Z
would run p.noon.20260329T100000Z
would run p.weekly.20260330T000000Z
would run p.noon.20260330T100000Z"
absent "and makes no memory" .refit
ok "it runs them" refit backfill -q -f p.yaml --from 2026-03-27 --to 2026-03-30
is "one after the other, as the schedule has them" "$(sql 'SELECT name, state FROM runs ORDER BY id' | tr '\n' ' '; tr '\n' ' ' <p.log)" \
    "p.noon.20260327T110000Z|succeeded p.noon.20260328T110000Z|succeeded p.noon.20260329T100000Z|succeeded p.weekly.20260330T000000Z|succeeded p.noon.20260330T100000Z|succeeded aside aside aside plain aside "
ok "again" refit backfill -f p.yaml --from 2026-03-27 --to 2026-03-30
is "it does nothing" "$out" "nothing to do: every instant of the range has a run"
ok "a part of a day, in UTC and with an offset" refit backfill -n -f p.yaml --schedule noon --from 2026-03-31T10:00:00Z --to 2026-04-01T12:00:00+02:00
is "ends included" "$(echo "$out" | tr '\n' ' ')" "would run p.noon.20260331T100000Z would run p.noon.20260401T100000Z "
sql "INSERT INTO ticks(pipeline, schedule, instant, state, reason, decided) VALUES('p', 'noon', 1775037600000, 'missed', 'catchup: none', 0)"
ok "an instant that was missed" refit backfill -q -f p.yaml --schedule noon --from 2026-04-01 --to 2026-04-01
is "has its run now" "$(sql "SELECT state, reason IS NULL, run FROM ticks WHERE instant = 1775037600000")" \
    "backfilled|1|p.noon.20260401T100000Z"
is "--json" "$(refit backfill --json -f p.yaml --schedule noon --from 2026-04-02 --to 2026-04-02 | tr -d ' \n')" \
    '{"pipeline":"p","runs":[{"event":"ended","run":"p.noon.20260402T100000Z","state":"succeeded","reason":null,"exit_code":0}],"exit_code":0}'

# ---- a failure ----
sed -i 's/cmd: .*echo aside.*/cmd: [sh, -c, "test -e good", "${outs.o}"]/' p.yaml
refuses "a failure ends it" 1 "" refit backfill -q -f p.yaml --schedule noon --from 2026-05-01 --to 2026-05-03
is "after the run that failed" "$(sql "SELECT state FROM runs WHERE name LIKE 'p.noon.202605%'")" failed
refuses "unless -k" 1 "" refit backfill -q -k -f p.yaml --schedule noon --from 2026-05-01 --to 2026-05-03
is "which leaves alone what has a run" "$(sql "SELECT state FROM runs WHERE name LIKE 'p.noon.202605%'" | tr '\n' ' ')" "failed failed failed "

# ---- bad input ----
refuses "both ends are wanted" 64 "wants --from TIME and --to TIME" refit backfill -f p.yaml --from 2026-03-27
refuses "no time" 64 "--from 'yesterday' is not a time" refit backfill -f p.yaml --from yesterday --to 2026-03-27
refuses "no day of the calendar" 64 "--to '2026-02-30' is not a time" refit backfill -f p.yaml --from 2026-02-01 --to 2026-02-30
refuses "an offset that is none" 64 "is not a time" refit backfill -f p.yaml --from 2026-03-31T10:00:00+99:00 --to 2026-04-02
refuses "ends the wrong way round" 64 "is after --to" refit backfill -f p.yaml --from 2026-03-27 --to 2026-03-26
refuses "the future" 64 "has not come yet" refit backfill -f p.yaml --from 2126-03-27 --to 2126-03-28
refuses "too many" 64 "instants without a run, at most 1000 at a time" refit backfill -f p.yaml --from 1990-01-01 --to 2026-01-01
refuses "an unknown schedule" 64 "did you mean 'weekly'?" refit backfill -f p.yaml --schedule weekli --from 2026-03-27 --to 2026-03-28

# ---- side by side, and stopped ----
sed -i 's/cmd: .*test -e good.*/cmd: [sh, -c, "echo aside >>p.log; until [ -e go ]; do sleep 0.02; done; echo >$0", "${outs.o}"]/' p.yaml
rm -f go p.log
refit backfill -f p.yaml --schedule noon --from 2026-06-01 --to 2026-06-03 >first 2>&1 &
first=$!
until_true test -s p.log
refit backfill -f p.yaml --schedule noon --from 2026-06-01 --to 2026-06-03 >second 2>&1 &
second=$!
until_true grep -q 'waits for run' second
touch go
wait $first; a=$?; wait $second; b=$?
is "two at a time both succeed" "$a $b" "0 0"
is "and each instant runs once" "$(sql "SELECT state FROM runs WHERE name LIKE 'p.noon.202606%'" | tr '\n' ' ')$(wc -l <p.log)" "succeeded succeeded succeeded 3"
rm go p.log
refit backfill -q -f p.yaml --schedule noon --from 2026-07-01 --to 2026-07-03 >/dev/null 2>&1 &
first=$!
until_true test -s p.log
kill -TERM $first
wait $first
is "TERM stops the run and begins no other" "$? $(sql "SELECT state FROM runs WHERE name LIKE 'p.noon.202607%'")" "143 aborted"
finish
