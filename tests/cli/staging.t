#!/bin/sh
# Where outputs are staged: what a stage finds there, who else sees it, what stays.
. "$(dirname "$0")/tap.sh"
staged() { find . -name '.refit-*' | LC_ALL=C sort | tr '\n' ' '; }

# ---- a directory as an input ----
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  one: {cmd: 'cp seed ${outs.o}', deps: [seed], outs: {o: work/one}}
  two: {cmd: 'cp seed ${outs.a}; cp seed ${outs.b}', deps: {o: work/one, s: seed}, outs: {a: work/a, b: work/b}}
  all: {cmd: 'find work | LC_ALL=C sort | tr "\n" " " >${outs.l}', deps: {w: work}, outs: {l: list}}
EOY
for i in 1 2; do
    echo $i >seed
    run refit run --strict
    is "a stage that reads a directory ($i): it is as it will stay" "$rc $err" "0 "
    is "it finds there what was committed, and nothing else ($i)" "$(cat list)" "work work/a work/b work/one "
    run refit run
    has "so it is up to date ($i)" "$out" "nothing to do"
done
mkdir -p work/.refit-x-y && echo other >work/.refit-x-y/file
run refit run
has "what another pipeline stages there is no input either" "$out" "nothing to do"
echo other >work/other
run refit plan
has "another file is" "$out" "work changed"

# ---- each stage has a place of its own ----
cd "$t" && rm -rf p && mkdir p && cd p || exit 1
{
    printf 'refit: 1\nname: toy\nstages:\n'
    for i in $(seq 40); do
        echo "  s$i: {cmd: 'ls -A \$(dirname \${outs.o}) >>seen; echo x >\$(dirname \${outs.o})/scratch; echo \${outs.o} >\${outs.o}', outs: {o: work/$i}}"
    done
} >pipeline.yaml
ok "many stages beside each other" refit run -q -j 4
is "each begins in an empty directory" "$(cat seen)" ""
is "under the same name in every run" "$(cat work/1 work/40)" "$(printf 'work/.refit-toy-s1/1\nwork/.refit-toy-s40/40')"
is "none of which stays" "$(staged)$(ls work | wc -l)" 40

# ---- one at a time ----
rm -rf work .refit
run refit run -j 1
is "with -j 1 a stage begins after the one before is committed" \
    "$(echo "$out" | awk '$1 == "start" { if (open) bad = 1; open = 1 } $1 == "done" { open = 0 } END { print bad + 0 }')" 0

# ---- what waits for an approval ----
cd "$t" && rm -rf p && mkdir p && cd p || exit 1
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  grow: {cmd: 'echo day >>${outs.s}; exit 98', outs: {s: {path: state/log, persist: true}}}
  wait: {cmd: 'echo x >"${outs.o}"; [ -e go ] || { echo x >here; sleep 1000; }', outs: {o: work/other}}
EOY
mkfifo here
run refit run -s grow
is "a blocked attempt leaves its persistent output staged" "$rc $(staged)" "3 ./state/.refit-toy-grow "
R=$(refit history -n 1 | sed 's/^  *//; s/ .*//')
killed() {
    refit run -q -s wait >/dev/null 2>&1 &
    runner=$!
    read -r x <here
    kill -KILL $runner
    wait $runner 2>/dev/null
    is "the directory of a killed run is there too" "$(staged)" "./state/.refit-toy-grow ./work/.refit-toy-wait "
}
killed
ok "gc" refit gc -q
is "sweeps it, and keeps what may be approved" "$(staged)" "./state/.refit-toy-grow "
killed
touch go
ok "so does the recovery of the next run" refit run -q -s wait
is "as well" "$(staged)" "./state/.refit-toy-grow "
ok "it can be approved" refit approve "$R" --reason ok
is "and takes its place" "$(cat state/log)$(staged)" day
finish
