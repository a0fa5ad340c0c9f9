#!/bin/sh
# Schedules are paused and go on from then.
. "$(dirname "$0")/tap.sh"
. "$top/tests/cli/schedule.sh"
touch go
pipeline p '  - daily: "12:00"
    name: noon
  - weekly: monday 03:00'
refuses "a pipeline file is wanted" 64 "pipeline.yaml" refit pause
refuses "an unknown schedule is refused before any is paused" 64 "did you mean 'noon'?" refit pause -f p.yaml weekly non
is "and nothing was changed" "$(sql 'SELECT count(*) FROM schedules')" 0
ok "one schedule" refit pause -f p.yaml noon
is "is paused" "$out" "p.noon is paused"
turn_back noon 3
ok "a paused schedule" refit tick p.yaml
is "starts nothing" "$(sql 'SELECT count(*) FROM runs')" 0
is "its instants are rows" "$(sql "SELECT count(*), min(state), substr(min(reason), 1, 12) FROM ticks")" "3|paused|paused since"
has "history has them" "$(refit history)" paused
turn_back noon 1
sql 'DELETE FROM ticks'
ok "resume" refit resume -f p.yaml
has "tells what fell into the pause" "$out" "p.noon goes on; 1 of its instants fell into the pause"
is "and records it" "$(sql 'SELECT schedule, state FROM ticks')" "noon|paused"
ok "nothing is made up for" refit tick p.yaml
is "after a pause" "$(sql 'SELECT count(*) FROM runs')" 0
once_more noon
ok "but what comes later" refit tick p.yaml
is "fires" "$(sql 'SELECT schedule FROM runs')" noon
is "--json" "$(refit pause --json -f p.yaml | tr -d ' \n')" \
    '{"pipeline":"p","schedules":[{"schedule":"noon","paused":true,"instants":0},{"schedule":"weekly","paused":true,"instants":0}]}'
since=$(sql "SELECT paused FROM schedules WHERE name = 'noon'")
refit pause -q -f p.yaml
is "pausing twice keeps the first time" "$(sql "SELECT paused FROM schedules WHERE name = 'noon'")" "$since"
printf 'refit: 1\nname: bare\nstages: {a: {cmd: "true"}}\n' >bare.yaml
refuses "a pipeline without a schedule" 64 "'bare.yaml' has no schedule" refit pause -f bare.yaml
finish
