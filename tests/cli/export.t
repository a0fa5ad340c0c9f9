#!/bin/sh
# refit export: what it writes for systemd, cron and GitHub works there.
. "$(dirname "$0")/tap.sh"
[ -e "${TZDIR:-/usr/share/zoneinfo}/Europe/Berlin" ] || skip_all "no time zone data (package tzdata)"

pipeline() { # FILE SCHEDULE...
    file=$1; shift
    { printf 'refit: 1\nname: toy\nparams: {q: x}\nprofiles: {ci: {jobs: 1}}\nsecrets: {KEY: {env: TOY_KEY}}\nschedule:\n'
      for entry; do printf '  - %s\n' "$entry"; done
      printf 'stages: {a: {cmd: ["true"], kill_after: 50s}, b: {cmd: ["true"]}}\n'; } >"$file"
}
pipeline pipeline.yaml '{name: night, daily: "02:30", timezone: Europe/Berlin, targets: [a], params: {q: "it'"'"'s ${{ x }}"}}' \
    '{name: week, weekly: "mon, fri 00:10", timezone: UTC+5:30, jitter: 15m}' \
    '{name: both, cron: "5,35 4 13 3 FRI", timezone: America/New_York}' \
    '{name: often, cron: "*/20 * * * *", timezone: Australia/Lord_Howe}' \
    '{name: many, cron: "*/10 0-11 * * *"}' \
    '{name: never, daily: "01:00", enabled: false}'

# ---- systemd ----
ok "the units are written" refit export systemd -o units
is "and named" "$out" "units/refit-toy.service
units/refit-toy-tick.service
units/refit-toy-tick.timer"
has "what to do with them is told" "$err" "systemctl enable --now refit-toy.service"
service=$(cat units/refit-toy.service)
has "the daemon tells systemd when it is ready" "$service" "Type=notify"
has "it is started where the pipeline lies" "$service" "WorkingDirectory=$t"
has "stages get the time to stop that they have" "$service" "TimeoutStopSec=80s"
has "secrets have a place" "$service" "EnvironmentFile=-/etc/refit/toy.env"
timer=$(cat units/refit-toy-tick.timer)
has "the timer speaks local time" "$timer" "OnCalendar=*-*-* 02:30:00 Europe/Berlin"
gap=$(refit next --schedule night -n 400 --json | grep -B9 '"dst": "gap"' | sed -n 's/.*"utc": "\(.*\)T\(.*\)\.000Z.*/\1 \2/p')
has "a change of the clocks is written out" "$timer" "OnCalendar=$gap UTC"
has "either kind of day elapses" "$timer" "OnCalendar=*-3-13 04:05:00 America/New_York
OnCalendar=Fri *-3-* 04:05:00 America/New_York"
has "every hour is UTC, at the minutes of both offsets" "$timer" "OnCalendar=*-*-* *:0,10,20,30,40,50:00 UTC"
has "more than a timer should list: each minute" "$timer" "# many
OnCalendar=*-*-* *:*:00 UTC"
case $timer in *never*) fail "a disabled schedule is left out" ;; *) pass "a disabled schedule is left out" ;; esac
start=$(refit next --schedule week -n 1 --json | sed -n 's/.*"starts": ".*T\([0-9:]*\).*/\1/p')
has "an offset of its own becomes UTC, with the jitter" "$timer" "OnCalendar=Sun,Thu *-*-* $start UTC"
if command -v systemd-analyze >/dev/null; then
    mkdir "od d%u\$x\"y" && cp pipeline.yaml "od d%u\$x\"y/p %n.yaml"
    ok "units of a directory with odd signs" refit -C "od d%u\$x\"y" export systemd -f 'p %n.yaml' -o "$t/odd"
    for u in units/refit-toy.service units/refit-toy-tick.service units/refit-toy-tick.timer odd/refit-toy.service; do
        run env SYSTEMD_UNIT_PATH="$t/units:" systemd-analyze verify "$t/$u"
        is "systemd-analyze finds no fault in $u" "$rc $out$err" "0 "
    done
    sed -n 's/^OnCalendar=//p' units/refit-toy-tick.timer | while read -r line; do
        systemd-analyze calendar "$line" >/dev/null 2>&1 || echo "$line"
    done >refused
    is "systemd understands every time" "$(cat refused)" ""
    # All instants at which refit starts something, over a year, are among those at which the timer elapses.
    for s in night week both often; do
        sed -n "/^# $s/,/^#/s/^OnCalendar=//p" units/refit-toy-tick.timer | while read -r line; do
            systemd-analyze calendar --iterations=900 "$line"
        done | sed -n 's/.*: [A-Z][a-z][a-z] \(2.*\) UTC$/\1/p' | sort -u >elapses
        refit next -q --schedule $s -n 400 --json | sed -n 's/.*"starts": "\(.*\)T\(.*\)\.000Z.*/\1 \2/p' | sort >starts
        is "the timer of $s elapses whenever refit starts it" "$(wc -l <starts) $(comm -13 elapses starts)" "400 "
    done
else
    skip "systemd judges the units" "systemd-analyze is not installed"
fi

# ---- cron ----
mkdir "per%cent" && cp pipeline.yaml "per%cent/it's.yaml"
run refit -C "per%cent" export cron -f "it's.yaml"
line=$(printf '%s\n' "$out" | grep -v '^#')
has "the crontab runs tick each minute" "$line" "* * * * * cd "
# What cron would hand to the shell: up to the first % that is not escaped, without the escapes.
command=$(printf '%s\n' "$line" | sed 's/^\* \* \* \* \* //; s/\([^\\]\)%.*/\1/; s/\\%/%/g; s|^\(.*\) [^ ]*/refit tick|\1 printf "%s,"|')
is "and its words arrive whole" "$(cd /; sh -c "$command")" "-q,-f,it's.yaml,"

is "what it runs does its work" "$(cd /; sh -c "$(printf '%s\n' "$line" | sed 's/^\* \* \* \* \* //; s/\\%/%/g')" 2>&1; echo $?)" 0

# ---- GitHub ----
run refit export github
workflow=$out
printf '%s\n' "$out" >workflow.yml
has "what GitHub cannot do is told" "$err" "schedule 'often' is left out: it fires more than 24 times a day"
refuses "it is YAML (though no pipeline)" 64 "unknown key 'on'" refit validate -f workflow.yml
has "a secret is passed on" "$workflow" 'TOY_KEY: "${{ secrets.TOY_KEY }}"'
for offset in "30 1 * * *" "30 0 * * *"; do has "a line for each offset of the zone: $offset" "$workflow" "- cron: \"$offset\" # night"; done

# The script of the workflow, under a clock that stands and with a refit that tells what it would run.
sed '1,/^          set -eu/d; s/^          //' workflow.yml >script
mkdir bin
cat >bin/date <<'END'
#!/bin/sh
case "$*" in
+%s) exec /bin/date -u -d "$NOW" +%s ;;
"-u -d "[0-9][0-9]:[0-9][0-9]" +%s") exec /bin/date -u -d "${NOW%T*}T$3:00Z" +%s ;;
*) exec /bin/date "$@" ;;
esac
END
cat >bin/refit <<END
#!/bin/sh
[ "\$1" = run ] || exec "$B/bin/refit" "\$@"
printf '%s,' "\$@"; exit \${FAIL:-0}
END
chmod +x bin/date bin/refit
# at NOW CRON: what runs
at() { run env PATH="$t/bin:$PATH" NOW="$1" EVENT=schedule CRON="$2" sh -eu script; }
starts="run,-f,pipeline.yaml,-p,q=it's \${{ x }},a,"
at 2026-07-01T00:31:00Z "30 0 * * *"; is "in summer the line of summer runs" "$out" "$starts"
at 2026-07-01T01:31:00Z "30 1 * * *"; is "and that of winter not" "$rc $out" "0 "
at 2026-01-01T01:55:00Z "30 1 * * *"; is "in winter that of winter, though it is late" "$out" "$starts"
at 2026-01-01T00:31:00Z "30 0 * * *"; is "and that of summer not" "$out" ""
at 2026-03-29T00:31:00Z "30 0 * * *"; is "when the clocks go ahead, not before" "$out" ""
at 2026-03-29T01:31:00Z "30 1 * * *"; is "but after the gap" "$out" "$starts"
at 2026-10-25T00:31:00Z "30 0 * * *"; is "when they go back, the first time" "$out" "$starts"
at 2026-10-25T01:31:00Z "30 1 * * *"; is "and not the second" "$out" ""
cron=$(sed -n 's/.*cron: "\(.*\)" # week.*/\1/p' workflow.yml)
clock=$(printf '%s' "$cron" | awk '{ printf "%02d:%02d", $2, $1 }')
at "2026-11-22T$clock:40Z" "$cron"; is "a schedule with jitter runs by its line" "$cron $out" "${cron% * 0,4} * 0,4 run,-f,pipeline.yaml,"
at "2026-11-24T$clock:40Z" "$cron"; is "and not on a day that is none of it" "$out" ""
run env PATH="$t/bin:$PATH" NOW=2026-07-01T00:31:00Z EVENT=schedule CRON="30 0 * * *" FAIL=3 sh -eu script
is "a run that fails fails the workflow" "$rc" 3
run env PATH="$t/bin:$PATH" EVENT=push-branch CRON= sh -eu script
has "a push runs the profile ci" "$out" "run,-f,pipeline.yaml,--profile,ci,"
run env PATH="$t/bin:$PATH" EVENT=push-tag CRON= sh -eu script
is "a tag runs it all" "$out" "run,-f,pipeline.yaml,"

# ---- refused ----
refuses "an unknown kind" 64 "export 'systmd': want systemd, cron or github; did you mean 'systemd'?" refit export systmd
sed '/^schedule/,/^  - .*never/d' pipeline.yaml >idle.yaml
refuses "a pipeline without a schedule" 64 "idle.yaml has no schedule" refit export cron -f idle.yaml
refuses "a directory that cannot be made" 74 "pipeline.yaml/x" refit export cron -o pipeline.yaml/x
run refit export cron --json
has "--json" "$out" '"name": "refit-toy.cron"'
finish
