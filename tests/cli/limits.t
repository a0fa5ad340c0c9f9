#!/bin/bash
# What a stage is started with, whatever refit itself was started with; and the limits of the pipeline file.
. "$(dirname "$0")/tap.sh"

# stage "CMD" "MORE": one stage `only`, a list of words, whose log is what it tells
stage() {
    cd "$t" && rm -rf p && mkdir p && cd p || exit 1
    cat >pipeline.yaml <<EOY
refit: 1
name: toy
stages:
  only:
    cmd: $1
${2-}
EOY
}
told() { cat .refit/runs/*/only.1.log; }

# ---- what is inherited, and what is not ----
stage '[cat, /proc/self/stat]'
ok "a stage runs" refit run
set -- $(told)
is "in a session of its own, which has no terminal" "$5 $6 $7" "$1 $1 0"

stage '[grep, -E, "Sig(Ign|Blk)", /proc/self/status]'
(trap '' HUP INT QUIT PIPE USR1 USR2 WINCH ALRM URG IO; refit run -q)
is "no signal is ignored or blocked" "$(told | tr -d '\t\n')" "SigBlk:0000000000000000SigIgn:0000000000000000"

stage '[ls, /proc/self/fd]' # ls has one of its own open: the directory
(exec 7</dev/null 8</dev/null 9</dev/null && refit run -q)
is "it has input, output, error and the events, no descriptor more" "$(told | tr '\n' ' ')" "0 1 2 3 4 "

stage '[readlink, /proc/self/fd/0]'
echo input | refit run -q
is "its input is empty" "$(told)" /dev/null

stage '"umask; ulimit -n; ulimit -c; pwd"'
here=$(pwd -P)
(umask 027 && ulimit -n 99 && ulimit -S -c 0 && refit run -q)
is "umask, limits and directory are those of refit" "$(told | tr '\n' ' ')" "0027 99 0 $here "

# ---- resources ----
stage '[nice]' '    resources: {nice: 7}'
base=$(nice)
refit run -q
is "nice is added to refit's own" "$(told)" "$((base + 7 < 19 ? base + 7 : 19))"
stage '[nice]' '    resources: {nice: 19}'
nice -n 5 refit run -q
is "and ends at 19" "$(told)" 19

hungry='[/usr/bin/python3, -c, "len(bytearray(1 << 28))"]'
stage "$hungry" '    resources: {memory: 64M}'
run refit run
is "a stage that allocates more than resources.memory fails" $rc 1
stage "$hungry" '    resources: {memory: 2G}'
ok "with enough it does not" refit run
stage '[/usr/bin/python3, -c, "import mmap; m = mmap.mmap(-1, 1 << 28, mmap.MAP_SHARED); f = open(\"f\", \"w+b\"); f.truncate(1 << 28); mmap.mmap(f.fileno(), 0)"]' \
    '    resources: {memory: 64M}'
ok "what is mapped from a file does not count" refit run
stage '"exit 71"' '    resources: {memory: 64M}'
run refit run
has "71 is explained by the limit" "$err" "exit 71 (out of memory: its limit is 64 MB)"
stage '"true"' '    resources: {memory: 64M, nice: 3}'
refit run -q
is "status tells the limits that were in force" "$(refit status --json | /usr/bin/python3 -c "
import json, sys
limits = json.load(sys.stdin)['stages'][0]['attempts'][0]['limits']
print(limits['memory'], limits['nice'], limits['memory_by'] in ('cgroup', 'rlimit'))")" "67108864 3 True"

stage '"true"' '    resources: {memory: 999T}'
run refit validate
is "a limit above the machine's memory is no mistake" $rc 0
has "but told" "$err" "refit: warning: pipeline.yaml:5:5: stage 'only': resources.memory is 1022976.0 GB, this machine has"

# ---- log.max_size ----
stage '"seq 100000; echo end"' '    log: {max_size: 64K}'
ok "a stage that writes a long log" refit run
log=$(echo .refit/runs/*/only.1.log)
is "has one of log.max_size at most" "$(($(wc -c <$log) <= 65536))" 1
is "with its beginning and its end" "$(head -1 $log) $(tail -1 $log)" "1 end"
has "and a line about what is missing" "$(cat $log)" "bytes are cut out here, the log was longer than 65536]"

stage '"seq 10000; read x <f; seq 10001 13000; read x <g; echo end"' '    log: {max_size: 64K}'
mkfifo f g
refit run -q &
runner=$!
until_in() { until_true eval "grep -qs '$1' $2" || fail "$2 has $1"; }
until_in '^10000$' '.refit/runs/*/only.1.log'
refit logs -f only >followed &
follower=$!
until_in '^10000$' followed
echo go >f
until_in '^13000$' '.refit/runs/*/only.1.log'
echo go >g
wait $runner
wait $follower
has "who follows a log is told that it was cut" "$(cat followed)" "[refit: "
is "and sees all that is left, once" "$(grep -c '^[0-9e]' followed) $(sort followed | uniq -d | wc -l) $(tail -1 followed)" \
    "$(($(sed -n '/refit:/,$p' .refit/runs/*/only.1.log | wc -l) - 1 + 10000)) 0 end"
finish
