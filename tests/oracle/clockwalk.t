#!/bin/sh
# The planner of schedules against a walk minute by minute, around changes of the clocks: all of some zones that have
# had every kind of them, and a sample of all zones. `make check-long` takes every change of every zone.
. "$(dirname "$0")/../cli/tap.sh"
[ -d "${TZDIR:-/usr/share/zoneinfo}" ] || skip_all "no time zone data (package tzdata)"
every=120
case $B in *asan* | *tsan*) every=1500 ;; esac

for zone in Pacific/Apia America/St_Johns Asia/Beirut; do
    ok "every change of $zone" "$B/tests/oracle/clockwalk" 1 "$zone"
done
ok "one change in $every of every zone" "$B/tests/oracle/clockwalk" $every
finish
