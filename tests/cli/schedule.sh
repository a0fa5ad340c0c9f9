# Sourced after tap.sh by the tests of schedules. They do not wait for an instant: they turn back what has been decided.
sql() { "$B/tests/tools/sql" .refit/refit.db "$1"; }
# turn_back SCHEDULE [DAYS]: as if nothing had been decided for so long
turn_back() { sql "UPDATE schedules SET watermark = watermark - ${2:-1} * 86400000 WHERE name = '$1'"; }
# once_more SCHEDULE: as if its last instant had not come yet
once_more() { sql "DELETE FROM runs; DELETE FROM ticks; DELETE FROM stages; DELETE FROM attempts"; turn_back "$1"; }
# A pipeline NAME in NAME.yaml with one stage, which waits for a file `go`, and these lines below its schedule.
pipeline() {
    cat >"$1.yaml" <<EOY
refit: 1
name: $1
params: {word: plain}
profiles: {other: {params: {word: profile}}}
schedule:
$2
stages:
  work:
    cmd: [sh, -c, 'echo "\$1" >>$1.log; until [ -e go ]; do sleep 0.02; done; echo "\$1" >"\$2"', sh, "\${params.word}", "\${outs.o}"]
    outs: {o: work/$1.txt}
    kill_after: 1s
  aside:
    cmd: [sh, -c, 'echo aside >>$1.log; echo >"\$0"', "\${outs.o}"]
    outs: {o: work/$1-aside.txt}
EOY
}
