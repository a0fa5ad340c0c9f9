#!/bin/sh
# Looking at runs: status -w, history, logs -f, graph; also while a run is going on. No sleeps: stages and tests meet at
# FIFOs, and wait for a condition with a deadline.
. "$(dirname "$0")/tap.sh"

fresh() { cd "$t" && rm -rf p && mkdir p && cd p || exit 1; }

# json EXPRESSION: of the document in $out, as d
json() { printf %s "$out" | /usr/bin/python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }

# `slow` tells how far it is and waits for the FIFO `go`; `again` asks for another attempt once; `last` fails.
project() {
    fresh
    mkfifo go
    cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  slow:
    cmd: [sh, -c, 'echo begun; echo "{\"progress\":{\"done\":3,\"total\":4,\"unit\":\"rows\",\"note\":\"loss 0.5\"}}" >&3; echo "{\"metric\":{\"name\":\"m\",\"value\":1,\"step\":1}}" >&3; read x <go; echo ended >"$1"; echo "$x"', sh, "${outs.o}"]
    outs: {o: work/slow.txt}
  again:
    cmd: [sh, -c, 'if [ -e tried ]; then echo second; cp "$1" "$2"; else echo first; echo >tried; exit 75; fi', sh, "${deps.i}", "${outs.o}"]
    deps: {i: work/slow.txt}
    outs: {o: work/again.txt}
    retry: {max: 1, delay: 1ms}
  last:
    cmd: [sh, -c, 'echo broken; exit 3']
    deps: {i: work/again.txt}
  never:
    cmd: [echo]
    needs: [last]
EOY
}

# ---- nothing to look at ----
fresh
for command in "status" "status -w" "logs x" "logs x -f" "graph --run last"; do
    [ "$command" = "graph --run last" ] && printf 'refit: 1\nname: toy\nstages: {a: {cmd: [echo]}}\n' >pipeline.yaml
    run refit $command
    case $rc,$(printf '%s\n' "$err" | wc -l),$err in
        64,1,*"run here"*) pass "refit $command in an empty project is one clear line" ;;
        *) fail "refit $command in an empty project is one clear line" "$rc" "$out" "$err" ;;
    esac
done
ok "history of nothing" refit history
is "says so" "$out" "nothing has run here yet"
ok "as JSON" refit history --json
is "it is an empty list" "$out" "[]"
absent "and makes nothing" .refit

# ---- while a run is going on ----
project
refit run -q >run.out 2>&1 &
runner=$!
if until_true sh -c 'refit status --json | grep -q \"done\"'; then
    pass "the progress of a running stage is there for all"
else
    fail "the progress of a running stage is there for all" "$(cat run.out)" "$(refit status --json)"
fi
has "status tells it, with what the stage says besides, rather than its last metric" "$(refit status)" "3/4 rows, loss 0.5"
refit status -w >watch.out 2>&1 &
watch=$!
refit status -w --json >watch.json 2>&1 &
watch_json=$!
refit logs slow -f >slow.out 2>&1 &
follow=$!
refit logs again -f >again.out 2>&1 &
follow_again=$!
until_true grep -q begun slow.out && pass "logs -f shows what is there" || fail "logs -f shows what is there" "$(cat slow.out)"
until_true test -s watch.out
until_true test -s watch.json
until_true eval "ls -l /proc/$follow_again/fd | grep -q inotify" # it waits for an attempt
# Others that look must not wake who waits (asking for the lock opens a file beside the memory).
switches() { sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' /proc/$watch/status /proc/$follow/status; }
asleep() {
    before=$(switches)
    i=0
    while [ $((i += 1)) -le 150 ]; do refit status; done
    [ "$(switches)" = "$before" ]
}
{ asleep || asleep || asleep || asleep; } && pass "who waits sleeps until something happens" || fail "who waits sleeps until something happens" "$(switches)"
echo go-on >go
wait $runner $watch $watch_json $follow
is "logs -f ends with the stage" "$(cat slow.out)" "begun
go-on"
wait $follow_again
is "and goes through all attempts" "$(cat again.out)" "first
==> attempt 2 <==
second"
has "status -w tells a change" "$(sed -n 's/  */ /gp' watch.out)" " slow succeeded"
has "and ends with the run" "$(tail -n 3 watch.out)" "toy': failed"
has "and what to do next" "$(tail -n 1 watch.out)" "refit retry"
is "with --json a document a line" "$(/usr/bin/python3 -c '
import json
docs = [json.loads(line) for line in open("watch.json")]
print(docs[0]["state"], docs[0]["stages"][0]["progress"]["done"], docs[-1]["state"], docs[-1]["exit_code"])')" "running 3 failed 1"
absent "progress is gone with the run" .refit/runs/*/progress

# ---- afterwards ----
ok "status -w of a run that has ended" refit status -w
has "is the status" "$out" "last"
run refit status
has "a failed stage: where to look" "$out" "look:      refit logs last --run 2"
has "how to go on" "$out" "go on:     refit retry 2"
id=$(refit history --json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["run"])')
for name in last "$id" "${id%?}" 2; do
    run refit status "$name" --json
    is "a run may be called $(echo "$name" | tr 0-9 n)" "$(json 'd["run"]')" "$id"
done
refuses "one that is not there" 64 "no run '99999999-000000'" refit status 99999999-000000
refuses "one that is nearly there" 64 "did you mean '$id'" refit status "x$id"
is "logs -a" "$(refit logs again -a 1)" "first"
is "logs of the last attempt" "$(refit logs again)" "second"
is "logs --tail" "$(refit logs slow --tail 1)" "go-on"
is "no line" "$(refit logs slow --tail 0)" ""
is "more than there are" "$(refit logs slow --tail 100)" "begun
go-on"
refuses "an attempt that is not there" 64 "has no attempt 3 in run $id; it has 1 to 2" refit logs again -a 3
refuses "an unknown stage" 64 "did you mean 'again'" refit logs agian
refuses "a stage that was not started" 64 "has never run here" refit logs never
refuses "in this run" 64 "it is upstream_failed, 'last' did not succeed" refit logs never --run last
run refit logs again --json
is "logs as JSON" "$(json 'd["attempt"], [a["state"] for a in d["attempts"]], d["running"]')" "2 ['failed', 'succeeded'] False"
rm .refit/runs/"$id"/slow.1.log
refuses "a log that is gone" 74 "cannot open the log" refit logs slow

# ---- history ----
sed 's/exit 3/exit 0/' pipeline.yaml >fixed.yaml
ok "another run" refit run -q -f fixed.yaml
is "history is newest first" "$(refit history --json | /usr/bin/python3 -c 'import json, sys; print([r["state"] for r in json.load(sys.stdin)])')" \
   "['succeeded', 'failed']"
is "--status" "$(refit history --status failed,lost | wc -l)" 1
is "--since" "$(refit history --since 1h | wc -l),$(refit history --since 2099-01-01)" "2,no such run"
is "--pipeline" "$(refit history --pipeline toy | wc -l)" 2
is "-n" "$(refit history -n 1 | wc -l)" 1
has "--stage: its attempts" "$(refit history --stage again | sed -n 's/  */ /gp')" "#2 succeeded"
is "newest first" "$(refit history --stage last --json | /usr/bin/python3 -c 'import json, sys; print([a["exit_code"] for a in json.load(sys.stdin)])')" "[0, 3]"
refuses "an unknown state" 64 "unknown state 'faild'; did you mean 'failed'?" refit history --status faild
refuses "an unknown pipeline" 64 "unknown pipeline 'tyo'; did you mean 'toy'?" refit history --pipeline tyo
refuses "an unknown schedule" 64 "unknown schedule 'weekly'" refit history --schedule weekly
refuses "an unknown stage" 64 "unknown stage 'lst'; did you mean 'last'?" refit history --stage lst
for since in 3x 2026-13-01 2026-02-30 tomorrow 99999999999w ''; do
    refuses "--since '$since'" 64 "--since is '$since', want" refit history --since "$since"
done
/usr/bin/python3 - <<'EOP'
import sqlite3
db = sqlite3.connect('.refit/refit.db')
db.execute("INSERT INTO ticks(pipeline, schedule, instant, state, reason, run, decided) VALUES('toy', 'weekly', 4102444800000, 'missed', 'older than catchup_window', NULL, 4102444900000)")
db.execute("INSERT INTO ticks(pipeline, schedule, instant, state, reason, run, decided) VALUES('toy', 'weekly', 946684800000, 'overlapped', NULL, NULL, 946684800000)")
db.commit()
EOP
run refit history --json
is "a tick that made no run is a row in its place" "$(json '[r["state"] for r in d], d[0]["reason"], d[0]["run"], d[0]["scheduled"]')" \
   "['missed', 'succeeded', 'failed', 'overlapped'] older than catchup_window None 2100-01-01T00:00:00.000Z"
has "for people too" "$(refit history -n 1)" "schedule 'weekly' (older than catchup_window)"
is "by its schedule" "$(refit history --schedule weekly | wc -l)" 2
is "by its state" "$(refit history --status missed | wc -l)" 1

/usr/bin/python3 - <<'EOP'
import sqlite3
db = sqlite3.connect('.refit/refit.db')
db.execute("UPDATE runs SET schedule='weekly', scheduled=began - 90000 WHERE id=(SELECT max(id) FROM runs)")
db.commit()
EOP
has "status tells schedule and lateness" "$(refit status)" "UTC, 1m 30s late"
is "as JSON" "$(refit status --json | /usr/bin/python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["schedule"], d["late_ms"])')" "weekly 90000"

# ---- graph ----
has "graph has the states of the last run" "$(refit graph)" "last (sh)  succeeded"
has "or of another" "$(refit graph --run "$id")" "last (sh)  failed"
has "filled for Graphviz" "$(refit graph --format dot)" '"last" [style=filled, fillcolor='
has "and Mermaid" "$(refit graph --format mermaid)" 's2["last"]:::succeeded'
case $(refit graph --color never)$(NO_COLOR=1 refit graph) in
    *"$(printf '\033')"*) fail "no colour where it is not wanted" ;;
    *) pass "no colour where it is not wanted" ;;
esac
has "colour where it is" "$(refit graph --color always)" "$(printf '\033[32mlast')"
if command -v dot >/dev/null; then
    has "svg" "$(refit graph --format svg)" "<svg"
else
    skip "svg" "there is no dot"
fi
mkdir "$t/bin" && ln -s "$(command -v sh)" "$t/bin/" && ln -s sh "$t/bin/echo"
refuses "svg without dot" 64 "package graphviz" env PATH="$t/bin" "$B/bin/refit" graph --format svg
sed 's/name: toy/name: other/' pipeline.yaml >other.yaml
refuses "a run of another pipeline" 64 "is of pipeline 'toy'" refit graph -f other.yaml --run "$id"

# ---- a runner that was killed ----
project
refit run -q >run.out 2>&1 &
runner=$!
until_true sh -c 'grep -q begun .refit/runs/*/slow.1.log'
refit status -w >watch.out 2>&1 &
watch=$!
refit logs slow -f >slow.out 2>&1 &
follow=$!
until_true test -s watch.out
until_true test -s slow.out
kill -KILL $runner
wait $watch
has "status -w sees it at once" "$(cat watch.out)" "toy': lost"
wait $follow
is "logs -f ends too" "$(cat slow.out)" "begun"
has "what to do" "$(refit status)" "refit retry"
finish
