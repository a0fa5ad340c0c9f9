#!/bin/sh
# refit next: when schedules fire; and what a pipeline file may say of them.
. "$(dirname "$0")/tap.sh"
[ -e "${TZDIR:-/usr/share/zoneinfo}/Europe/Berlin" ] || skip_all "no time zone data (package tzdata)"

# schedule ENTRY...: a pipeline file with these
schedule() {
    { printf 'refit: 1\nname: toy\nparams: {size: 1}\nprofiles: {ci: {params: {size: 2}}}\nschedule:\n'
      for entry; do printf '  - %s\n' "$entry"; done
      printf 'stages: {a: {cmd: ["true"], params: {x: "${params.size}"}}}\n'; } >pipeline.yaml
}
# rows: lines of $out without the title, blanks joined
rows() { printf '%s\n' "$out" | sed '1d; s/  */ /g; s/ $//'; }

schedule '{daily: "02:30", timezone: Europe/Berlin}'
run refit next -n 3 --from 2026-03-28
is "a firing has its local time, zone, offset, UTC and what the clocks do" "$(rows)" \
"Sat 2026-03-28 02:30 CET +01:00 2026-03-28 01:30 daily
Sun 2026-03-29 03:00 CEST +02:00 2026-03-29 01:00 daily 02:30 does not exist that day: the first instant after it
Mon 2026-03-30 02:30 CEST +02:00 2026-03-30 00:30 daily"
run refit next -n 2 --from 2026-10-25
is "a local time that comes twice is marked" "$(rows)" \
"Sun 2026-10-25 02:30 CEST +02:00 2026-10-25 00:30 daily 02:30 comes twice that day: the first time
Mon 2026-10-26 02:30 CET +01:00 2026-10-26 01:30 daily"
run refit next -n 1 --from 2026-10-25T00:31Z
is "--from with a Z is UTC" "$(rows)" "Mon 2026-10-26 02:30 CET +01:00 2026-10-26 01:30 daily"
run refit next --json -n 1 --from "2026-03-29 01:00"
is "--json tells the same" "$(printf '%s' "$out" | tr -d ' \n')" \
'{"firings":[{"file":"pipeline.yaml","pipeline":"toy","schedule":"daily","utc":"2026-03-29T01:00:00.000Z","local":"2026-03-29T03:00:00+02:00","timezone":"Europe/Berlin","abbreviation":"CEST","offset_s":7200,"starts":"2026-03-29T01:00:00.000Z","dst":"gap","enabled":true,"paused":false,"note":"02:30doesnotexistthatday:thefirstinstantafterit"}],"warnings":[]}'
run refit next
is "ten from now on" "$(rows | wc -l)" 10
refuses "a --from that is no time" 64 "--from 'monday' is not a time" refit next --from monday

schedule '{daily: "02:30", timezone: Europe/Berlin, dst: {gap: skip, fold: both}}'
run refit next -n 3 --from 2026-03-28
is "gap: skip leaves that day out" "$(rows | cut -d' ' -f2 | tr '\n' ' ')" "2026-03-28 2026-03-30 2026-03-31 "
run refit next -n 2 --from 2026-10-25
has "fold: both fires twice" "$out" "the second time"

schedule '{weekly: monday 00:00}' '{daily: "12:00", timezone: UTC-8, enabled: false, jitter: 1h}'
run refit next -n 3 --from 2026-11-22T21:00Z
is "schedules are told in order, in their own zones; one that is disabled is marked" \
    "$(rows | sed 's/[0-9]*m [0-9]*s/JITTER/')" \
"Mon 2026-11-23 00:00 UTC +00:00 2026-11-23 00:00 weekly
Mon 2026-11-23 12:00 UTC-8 -08:00 2026-11-23 20:00 daily JITTER later by jitter; disabled: it will not run
Tue 2026-11-24 12:00 UTC-8 -08:00 2026-11-24 20:00 daily JITTER later by jitter; disabled: it will not run"
first=$(rows)
run refit next -n 3 --from 2026-11-22T21:00Z
is "jitter is the same at every time" "$(rows)" "$first"
sed 's/^name: toy/name: other/' pipeline.yaml >other.yaml
run refit next -n 2 pipeline.yaml other.yaml --from 2026-11-22
is "of several files the pipelines are told" "$(rows | sed 's/.* \([a-z]*\/[a-z]*\).*/\1/' | tr '\n' ' ')" "toy/daily other/daily "
run refit next -n 2 -f pipeline.yaml -f other.yaml --from 2026-11-22
has "-f may be given again too" "$out" "other/daily"
refit tick -q && refit pause -q weekly
run refit next -n 1 --schedule weekly
has "a schedule that is paused is marked" "$out" "paused: it will not run until \`refit resume\`"
run refit next -n 1 --schedule daily --from 2026-11-22
has "--schedule picks one" "$(rows)" " daily "
refuses "a schedule that is not there" 64 "pipeline.yaml: there is no schedule 'dayly'; did you mean 'daily'?" \
    refit next --schedule dayly

schedule '{cron: "0 6 29 2 *", timezone: Europe/Berlin, start: 2027-01-01, end: 2032-12-31}'
run refit next --from 2020-01-01
is "start and end bound it" "$out" \
"LOCAL TIME            ZONE           UTC               SCHEDULE
Tue 2028-02-29 06:00  CET    +01:00  2028-02-29 05:00  cron
Sun 2032-02-29 06:00  CET    +01:00  2032-02-29 05:00  cron
cron fires no more after that"

schedule '{cron: "*/45 3 13 * fri"}'
run refit next -n 1
has "a step that does not divide the hour is warned of" "$err" \
    "pipeline.yaml:6:5: schedule 'cron': minute '*/45' is not every 45: it is 0, 45 and then 0 again"
has "and two restricted days" "$err" "it fires if either fits"
run refit validate
has "validate warns too" "$rc $err" "0 refit: warning: pipeline.yaml:6:5: schedule 'cron': minute '*/45'"
run refit validate --json
has "also in JSON" "$out" '"warnings": ['

schedule '{daily: "3:00", timezone: Etc/GMT+8}'
run refit next -n 1 --from 2026-01-01
has "a zone with the sign of POSIX is warned of" "$err $(rows)" "'Etc/GMT+8' has the sign of POSIX: it is UTC-8 Thu 2026-01-01 03:00 -08 -08:00"

# ---- what is refused ----
bad() { schedule "$2"; refuses "$1" 64 "$3" refit validate; }
bad "30 February" '{cron: "0 0 30 2 *"}' "pipeline.yaml:6:12: cron: '0 0 30 2 *' never fires: no such day"
bad "a zone that does not exist" '{daily: "1:00", timezone: Europe/Berlino}' "did you mean 'Europe/Berlin'?"
bad "a city alone" '{daily: "1:00", timezone: berlin}' "did you mean 'Europe/Berlin'?"
bad "a zone that counts leap seconds" '{daily: "1:00", timezone: right/Europe/Berlin}' "'right/Europe/Berlin' is neither UTC"
bad "what the machine calls its zone" '{daily: "1:00", timezone: localtime}' "'localtime' is neither UTC"
bad "an end before the start" '{daily: "1:00", start: 2027-01-01, end: 2026-01-01}' \
    "schedule 'daily' never fires: there is no such time from 2027-01-01 to 2026-01-01"
bad "no time between start and end" '{weekly: monday 1:00, start: 2026-11-24, end: 2026-11-29}' "never fires"
bad "a day that does not exist" '{daily: "1:00", start: 2026-02-30}' "start: '2026-02-30' is not a time"
bad "an unknown shorthand" '{cron: "@montly"}' "did you mean '@monthly'?"
bad "an unknown policy" '{daily: "1:00", dst: {gap: last}}' "'last' is not one of next, skip"
bad "an unknown profile" '{daily: "1:00", profile: cl}' "there is no profile 'cl'; did you mean 'ci'?"
bad "an unknown param" '{daily: "1:00", params: {sise: 3}}' "there is no param 'sise'; did you mean 'size'?"
bad "a param of an unknown stage" '{daily: "1:00", params: {b.x: 3}}' "there is no stage 'b'"
bad "two of one name" '{daily: "1:00"}
  - {daily: "2:00"}' "two entries are called 'daily'"
schedule '{daily: "1:00", timezone: Europe/Berlin}'
refuses "a machine without zone data" 64 "there is no time zone data under $t/none (Debian: package tzdata)" \
    env TZDIR="$t/none" refit validate
schedule '{daily: "1:00", timezone: UTC+5:30, profile: ci, params: {a.x: 3, size: "4"}}'
ok "a fixed offset needs none, and a good profile and params are taken" env TZDIR="$t/none" refit validate
schedule '{daily: "1:00", profile: ci}'
sed -i 's/^profiles.*/profiles: {ci: {stages: {a: {timeout: never}}}}/' pipeline.yaml
refuses "a profile of a schedule is read too" 64 "timeout: 'never' is not a duration" refit validate
finish
