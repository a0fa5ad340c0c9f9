#!/bin/sh
# Whatever the instant at which the runner is killed, or the power fails: after the next start the outputs of a stage are
# all old or all new, the run goes on to what an undisturbed one gives, and nothing stays behind.
#
# tests/tools/crashlab.c kills refit before each system call by which it changes something, and rebuilds every disk that a
# power failure can leave. `make check` tries some of these states, evenly spread, `make check-long` all (REFIT_LONG=1).
. "$(dirname "$0")/tap.sh"
case $B in *asan* | *tsan*) skip_all "the leak checker does not bear ptrace" ;; esac
mkdir old && cd old || exit 1
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
params: {word: old}
stages:
  pair:
    cmd: [sh, -c, 'echo "$1" >"$2"; echo "$1" >"$3"', sh, "${params.word}", "${outs.a}", "${outs.b}"]
    outs: {a: work/a.txt, b: other/b.txt}
  grow:
    cmd: [sh, -c, 'cat "$1" >>"$2"', sh, "${deps.a}", "${outs.c}"]
    deps: {a: work/a.txt}
    outs: {c: {path: state/c.txt, persist: true}}
  one:
    cmd: [cp, "${deps.b}", "${outs.d}"]
    deps: {b: other/b.txt}
    outs: {d: work/d.txt}
  aside:
    cmd: "true"
EOY
cp -a . ../none
refit run -q || exit 1
"$B/tests/tools/crashlab" sweep 1 true "$t/try" true >/dev/null 2>&1 || skip_all "no ptrace here"

# lab NAME sweep|power STATES DIRECTORY CHECK COMMAND...: in a copy of DIRECTORY; STATES in a short test
n_killed=0
lab() {
    name=$1 kind=$2 states=$3 from=$4 check=$5
    shift 5
    [ -n "${REFIT_LONG:-}" ] && states=0
    rm -rf "$t/p" && cp -a "$t/$from" "$t/p" && cd "$t/p" || exit 1
    "$B/tests/tools/crashlab" "$kind" "$states" "$check" "$t/try" "$@" >"$t/.lab" 2>&1
    [ "$kind" = sweep ] && n_killed=$((n_killed + $(sed -n 's/^\([0-9]*\) states, .*/\1/p' "$t/.lab")))
    case $(tail -n 1 "$t/.lab") in
    *' states, 0 failed') pass "$name: $(tail -n 1 "$t/.lab")" ;;
    *) fail "$name" "$(head -c 5000 "$t/.lab")" ;;
    esac
}

# A run of a stage that has nothing to do with the others takes the lock and recovers.
cat >"$t/start.sh" <<'EOC'
refit run -q -F -s aside || { echo "cannot start: $?"; exit 1; }
pair="$(cat work/a.txt 2>&1) $(cat other/b.txt 2>&1)"
EOC
cat >"$t/end.sh" <<'EOC'
[ "$(cat work/a.txt other/b.txt work/d.txt)" = "$(printf 'new\nnew\nnew')" ] || { echo "wrong result"; exit 1; }
case $(refit run -p word=new) in 'nothing to do') ;; *) echo "runs again"; exit 1 ;; esac
EOC
# A killed run is lost, and retried by its name.
cat >"$t/killed.sh" <<'EOC'
lost=$(refit history -n 0 --json | grep -c '"lost"')
. "$t/start.sh"
case $pair in 'old old' | 'new new') ;; *) echo "a mix: $pair"; exit 1 ;; esac
if [ "$lost" -gt 0 ]; then refit retry -q "$(refit history -n 0 | awk '/lost/ { print $1 }')"; else refit run -q -p word=new; fi ||
    { echo "cannot go on"; exit 1; }
. "$t/end.sh"
# grown once: state that persists is never applied twice
[ "$(cat state/c.txt)" = "$(printf 'old\nnew')" ] || { echo "grown: $(cat state/c.txt)"; exit 1; }
left=$(find . -path ./.refit -prune -o -name '.refit-*' -print)
[ -z "$left" ] || { echo "left over: $left"; exit 1; }
EOC
cat >"$t/power.sh" <<'EOC'
. "$t/start.sh"
case $pair in 'old old' | 'new new') ;; *) echo "a mix: $pair"; exit 1 ;; esac
refit run -q -p word=new || { echo "cannot go on"; exit 1; }
. "$t/end.sh"
[ "$(cat state/c.txt)" = "$(printf 'old\nnew')" ] || { echo "grown: $(cat state/c.txt)"; exit 1; }
EOC
cat >"$t/first.sh" <<'EOC'
. "$t/start.sh"
if [ -e work/a.txt ] || [ -e other/b.txt ]; then
    [ "$pair" = 'new new' ] || { echo "one of two: $pair"; exit 1; }
fi
refit run -q -p word=new || { echo "cannot go on"; exit 1; }
. "$t/end.sh"
[ "$(cat state/c.txt)" = new ] || { echo "grown: $(cat state/c.txt)"; exit 1; }
EOC
export t
lab 'killed at any change of a run' sweep 30 old 'sh "$t/killed.sh"' refit run -q -p word=new
lab 'killed at any change of the first run' sweep 25 none 'sh "$t/first.sh"' refit run -q -p word=new
lab 'the power fails at any change of a run' power 40 old 'sh "$t/power.sh"' refit run -q -p word=new
lab 'the power fails at any change of the first run' power 40 none 'sh "$t/first.sh"' refit run -q -p word=new

# A tick of a schedule: one run whoever is killed, refit tick or its runner, and its message arrives.
mkdir "$t/tick" && cd "$t/tick" || exit 1
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
schedule: [{cron: "0 0 1 * *", catchup_window: 100d}]
notify: {on_success: [{cmd: [sh, -c, 'cat >>told; sync told .']}]}
stages:
  once:
    cmd: [sh, -c, 'echo made >"$1"', sh, "${outs.a}"]
    outs: {a: work/a.txt}
EOY
refit tick -q || exit 1
/usr/bin/python3 - <<'EOP'
import sqlite3
db = sqlite3.connect('.refit/refit.db')
db.execute('UPDATE schedules SET watermark = watermark - 35 * 86400000')
db.commit()
EOP
cat >"$t/tick.sh" <<'EOC'
refit tick -q || [ $? = 75 ] || { echo "cannot tick"; exit 1; }
refit run -q --wait || { echo "cannot run"; exit 1; }
lost=$(refit history -n 0 --status lost --json | sed -n 's/.*"run": "\(.*\)",/\1/p' | head -n 1)
[ -z "$lost" ] || refit retry -q "$lost" || { echo "cannot retry $lost"; exit 1; }
refit notify -q
[ "$(cat work/a.txt)" = made ] || { echo "not made"; exit 1; }
n=$(refit history -n 0 | grep -c '^toy\.cron\.')
[ "$n" = 1 ] || { echo "$n runs of the tick"; refit history -n 0; exit 1; }
grep -q '"event": *"success"' told || { echo "nobody was told"; cat told; exit 1; }
EOC
lab 'killed at any change of a tick and its run' sweep 25 tick 'sh "$t/tick.sh"' refit tick -q
lab 'the power fails at any change of a tick and its run' power 30 tick 'sh "$t/tick.sh"' refit tick -q

# Where the file system cannot exchange two files, by strace.
command -v strace >/dev/null || skip 'without exchange' 'no strace'
bad=
kill_at() {
    cd "$t" && rm -rf p && cp -a old p && cd p || exit 1
    strace -o "$t/trace" -e trace="$1,renameat2" -e inject=renameat2:error=EINVAL -e inject="$1:signal=SIGKILL:when=$2" \
        refit run -q -p word=new >/dev/null 2>&1
    grep -q 'killed by SIGKILL' "$t/trace" || return 1
    sh "$t/killed.sh" >"$t/.out" 2>&1 || bad="$bad $1:$2($(cat "$t/.out"))"
}
for call in link linkat rename; do
    bad=
    i=1
    while kill_at $call $i; do i=$((i + 1)); done
    is "killed before each $call where the file system cannot exchange files" "$bad" ""
done
if [ $n_killed -ge 50 ]; then pass "at least 50 instants"; else fail "at least 50 instants" "$n_killed"; fi
finish
