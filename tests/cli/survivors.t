#!/bin/bash
# What a stage leaves behind does not outlive it: with control groups where the machine has them for us, and without.
. "$(dirname "$0")/tap.sh"
survivor=$B/tests/tools/survivor

# project HOW MORE...: one stage that leaves such processes behind
project() {
    cd "$t" && rm -rf p && mkdir p && cd p || exit 1
    cat >pipeline.yaml <<EOY
refit: 1
name: toy
stages:
  only: {cmd: [$survivor, pids, $1${2:+, "$2"}]${3:+, $3}}
EOY
}
# dead NAME WANTED: all whose pids were noted are gone, and so many there were
dead() {
    alive=
    for pid in $(cat pids); do
        case $(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null) in '' | Z | X) ;; *) alive="$alive $pid" ;; esac
    done
    is "$1" "$(wc -l <pids) noted, alive:$alive" "$2 noted, alive:"
}
# until the file has so many lines
has_lines() { until_true eval "[ \$(cat $2 | wc -l) -ge $1 ]" || fail "$2 has $1 lines" "$(cat "$2")"; }

all() {
    project t 0
    echo '  next: {cmd: [sh, -c, "exit 99"], needs: [only]}' >>pipeline.yaml
    refit run -q 2>/dev/null
    is "$1, a stage that starts where strays were killed" "$(refit status --json | tr -d ' \n' | grep -o '"stage":"next","state":"[a-z]*"')" '"stage":"next","state":"skipped"'
    for how in t s d td ts tds tdsc tdse tdsec tb tsb; do
        case $how in *b*) many=36 ;; *) many=1 ;; esac
        project $how 0
        run refit run
        is "$1, left $how: the stage is done" $rc 0
        has "$1, left $how: it is told" "$err" "warning only  it left"
        dead "$1, left $how: nothing is alive" $many
    done
    for how in tdse tsb; do
        case $how in *b*) many=36 ;; *) many=1 ;; esac
        for limit in 500ms 5s 1m; do # on a busy machine all may not have begun when the time is over
            project $how '' "timeout: $limit, kill_after: 50ms"
            run refit run
            [ "$(cat pids 2>/dev/null | wc -l)" -lt $many ] || break
        done
        is "$1, $how at a timeout: exit 124" $rc 124
        dead "$1, $how at a timeout: nothing is alive" $many
        project $how '' 'kill_after: 50ms'
        refit run >log 2>&1 &
        runner=$!
        has_lines $many pids
        kill -INT $runner
        wait $runner
        is "$1, $how stopped: exit 130" $? 130
        dead "$1, $how stopped: nothing is alive" $many
    done
    project ds '' 'kill_after: 1h'
    refit run >log 2>&1 &
    runner=$!
    has_lines 1 pids
    kill -TERM $runner
    wait $runner
    is "$1, TERM reaches what has another session" $? 143
    dead "$1, and ends it without KILL" 1
    # The runner dies: what lives on is found by the next run.
    project tdsb ''
    refit run >log 2>&1 &
    runner=$!
    has_lines 36 pids
    kill -KILL $runner
    wait $runner 2>/dev/null
    sed -i 's/cmd: .*/cmd: "true"}/' pipeline.yaml
    ok "$1, after the runner was killed: the next run" refit run
    dead "$1, after the runner was killed: nothing is alive" 36
}

# Two stages at a time: of what has shed its name and environment it is told whose it was only where there are groups,
# but it never outlives the run.
two() {
    cd "$t" && rm -rf p && mkdir p && cd p || exit 1
    mkfifo f
    cat >pipeline.yaml <<EOY
refit: 1
name: toy
jobs: 2
stages:
  leaves: {cmd: [$survivor, pids, tdsec, "0"], outs: {}}
  stays: {cmd: "read x <f"}
EOY
    refit run >log 2>&1 &
    runner=$!
    exec 8>f
    has_lines 1 pids
    exec 8>&-
    wait $runner
    dead "$1, beside another stage: nothing is alive after the run" 1
}

# In a group that is not ours to divide refit makes none.
here=
for mount in /sys/fs/cgroup /sys/fs/cgroup/unified; do
    if [ "$(sed -n 's/^0:://p' /proc/self/cgroup)" = / ] && [ -e $mount/cgroup.procs ] && mkdir "$mount/test.$$" 2>/dev/null; then
        here=$mount/test.$$
    fi
done
if [ "$here" ]; then
    # groups of the runs of this project
    groups() {
        for run in .refit/runs/*; do
            name=$(printf %s "REFIT_RUN=$(pwd -P)/$run" | sha256sum | cut -c1-24)
            find "${here%/*}" -maxdepth 1 -name "refit-$name-*"
        done | wc -l
    }
    all "with groups"
    two "with groups"
    is "no group stays" "$(groups)" 0
    project tdse '' 'kill_after: 50ms'
    refit run >log 2>&1 &
    runner=$!
    has_lines 1 pids
    sed -i 's/cmd: .*/cmd: "true"}/' pipeline.yaml
    kill -KILL $runner
    wait $runner 2>/dev/null
    ok "with groups even what has shed its environment is found" refit run
    dead "after the runner was killed" 1
    is "and no group stays" "$(groups)" 0
    echo $$ >"$here/cgroup.procs"
else
    skip "with control groups" "this process is not in a root group that it may write to"
fi
all "without groups"
two "without groups"

# Delegated by systemd, by its mark on the group.
if [ "$here" ] && /usr/bin/python3 -c "import os; os.setxattr('$here', 'user.delegate', b'1')" 2>/dev/null; then
    project t 0
    sed -i 's/cmd: .*/cmd: "cat \/proc\/self\/cgroup"}/' pipeline.yaml
    refit run -q
    has "a group that systemd has delegated is used" "$(cat .refit/runs/*/only.1.log)" "0::/test.$$/refit-"
    is "and nothing stays in it" "$(find "$here" -mindepth 1 -type d | wc -l)" 0
else
    skip "a delegated group" "no groups, or no extended attributes on them"
fi
if [ "$here" ]; then
    echo $$ >"${here%/*}/cgroup.procs"
    rmdir "$here"
fi
finish
