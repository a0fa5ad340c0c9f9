#!/bin/sh
# `tick`, and the runner that it starts, are killed before each system call that changes something. Whatever the
# instant: the next tick, if need be with a retry of a run that is lost, finds the instant run, once.
. "$(dirname "$0")/tap.sh"
. "$top/tests/cli/schedule.sh"
command -v strace >/dev/null || skip_all "no strace"
case $B in *asan* | *tsan*) skip_all "the leak checker does not bear strace" ;; esac
run strace -o /dev/null true
[ $rc -eq 0 ] || skip_all "no ptrace here"
mkdir old && cd old || exit 1
cat >pipeline.yaml <<'EOY'
refit: 1
name: p
schedule:
  - daily: "12:00"
    force: [count]
stages:
  count: {cmd: [sh, -c, 'echo ran >>count.log; echo >"$0"', "${outs.o}"], outs: {o: work/o.txt}}
EOY
refit run -q && refit tick && turn_back daily && rm count.log || exit 1

# One kill of each process at its n-th call of that name; status 1 when none was killed.
n_killed=0
kill_at() {
    cd "$t" && rm -rf p && cp -a old p && cd p || exit 1
    strace -f -o "$t/trace" -e trace="$1" -e inject="$1:signal=SIGKILL:when=$2" refit tick -q >/dev/null 2>&1
    grep -q 'killed by SIGKILL' "$t/trace" || return 1
    n_killed=$((n_killed + 1))
    refit tick -q >"$t/.out" 2>&1 || bad="$bad $1:$2(tick)"
    for run in $(refit history -n 0 | awk '/ lost / { print $1 }'); do
        refit retry -q "$run" >"$t/.out" 2>&1 || bad="$bad $1:$2(retry)"
        lost=$((lost + 1))
    done
    [ "$(sql "SELECT state, run IS NOT NULL FROM ticks")" = 'fired|1' ] || bad="$bad $1:$2(tick row)"
    [ "$(sql "SELECT count(*) FROM runs WHERE scheduled IS NOT NULL")" = 1 ] || bad="$bad $1:$2(runs)"
    [ "$(refit run)" = 'nothing to do' ] || bad="$bad $1:$2(not done)"
    # A stage of a runner that was killed may have run once in vain.
    [ "$(wc -l <count.log)" -le $((1 + $(sql "SELECT count(*) FROM runs WHERE retry_of IS NOT NULL"))) ] || bad="$bad $1:$2(twice)"
    before=$(wc -l <count.log)
    refit tick -q || bad="$bad $1:$2(again)"
    [ "$(wc -l <count.log)" = "$before" ] || bad="$bad $1:$2(more)"
}

lost=0
for call in clone3 vfork clone mkdir openat write pwrite64 ftruncate fdatasync fsync rename renameat2 unlink rmdir; do
    bad=
    i=1
    while kill_at $call $i; do
        case $call in openat | pwrite64) i=$((i + 5)) ;; *) i=$((i + 1)) ;; esac
    done
    is "killed before each $call" "$bad" ""
done
if [ $n_killed -ge 40 ] && [ $lost -ge 1 ]; then
    pass "at least 40 instants, a lost run among them"
else
    fail "at least 40 instants, a lost run among them" "$n_killed, $lost"
fi
finish
