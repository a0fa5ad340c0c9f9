#!/bin/sh
# refit gc and `retention`: what goes, what stays, and that a run does it by itself.
. "$(dirname "$0")/tap.sh"
json() { /usr/bin/python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }

cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
params: {word: a}
stages:
  keep:
    cmd: [sh, -c, 'echo kept >"$1"', sh, "${outs.o}"]
    outs: {o: work/keep}
  say:
    cmd: [sh, -c, 'echo "$1" | tee "$2"', sh, "${params.word}", "${outs.o}"]
    outs: {o: work/say}
EOY
runs() { refit history -n 0 --json | json 'len(d if isinstance(d, list) else d["runs"])'; }
for w in a b c d e; do refit run -q -p word=$w || exit 1; done
is "nothing goes by default" "$(runs)" 5

echo 'retention: {runs: 2, days: 0}' >>pipeline.yaml
ok "gc -n" refit gc -n
has "says what would go" "$out" "would remove .refit/runs/"
is "and removes nothing" "$(runs) $(ls .refit/runs | wc -l)" "5 5"
is "--json tells the same" "$(refit gc -n --json | json '(len(d["runs"]), len(d["directories"]), d["dry_run"], d["bytes"] > 0)')" \
   "(2, 2, True, True)"
ok "gc" refit gc
is "keeps two and the one that made a stage's outputs" "$(runs) $(ls .refit/runs | wc -l)" "3 3"
ok "what lies there is still known" refit run -p word=e
has "nothing runs" "$out" "nothing to do"
ok "a second gc" refit gc --json
is "has nothing to do" "$(echo "$out" | json 'd["runs"] + d["directories"] + d["staging"]')" "[]"

ok "a run" refit run -q -p word=f
is "applies it at its end" "$(runs) $(ls .refit/runs | wc -l)" "3 3"
is "outputs are untouched" "$(cat work/keep work/say)" "kept
f"

# What a crash left.
mkdir -p .refit/runs/20200101-000000 work/.refit-toy-say .refit/runs/fresh
touch -d '2 hours ago' .refit/runs/20200101-000000
ok "gc after a crash" refit gc
absent "sweeps directories without a run, and staging" .refit/runs/20200101-000000 work/.refit-toy-say
is "but none that may just be made" "$(ls -d .refit/runs/fresh)" .refit/runs/fresh

# The cache of hashes: of a file that is gone nothing is kept.
head -c 1000 /dev/zero >data; touch -d '1 hour ago' data
sed 's/  say:/  use: {cmd: [cp, "${deps.d}", "${outs.o}"], deps: {d: data}, outs: {o: work\/use}}\n  say:/' pipeline.yaml >with.yaml
refit run -q -f with.yaml -p word=f
is "a cached hash of an input stays" "$(refit gc -n -f with.yaml --json | json 'd["hashes"]')" 0
rm data
is "until the input is gone" "$(refit gc -n -f with.yaml --json | json 'd["hashes"] > 0')" True

mkfifo hold started
sed 's/name: toy/name: busy/; s/echo kept/echo >started; cat hold/' pipeline.yaml >busy.yaml
refit run -q -f busy.yaml &
read -r _ <started
refuses "not while the pipeline runs" 75 "holds the lock" refit gc -f busy.yaml
is "nor would it take what that stages" "$(refit gc -n -f busy.yaml --json | json 'd["staging"]')" "[]"
ok "another pipeline's gc does not mind" refit gc
is "nor take anything of it" "$(ls .refit/runs/*/keep.1.log | wc -l)" 2
echo done >hold; wait
refuses "a bad retention" 64 "retention.runs" sh -c 'sed "s/runs: 2/runs: 0/" pipeline.yaml >bad.yaml; refit gc -f bad.yaml'

# A gc that is killed at any instant: the next one finds the rest.
mkdir lab && cd lab || exit 1
sed 's/runs: 2, days: 0/runs: 100, days: 90/' ../pipeline.yaml >pipeline.yaml
for w in a b c d; do refit run -q -p word=$w || exit 1; done
cp ../pipeline.yaml .
cat >"$t/check.sh" <<'EOC'
touch -d '2 hours ago' .refit/runs/*
refit gc -q && refit verify -q || exit 1
/usr/bin/python3 - <<'EOP'
import os, sqlite3
db = sqlite3.connect(".refit/refit.db")
rows = {r[0] for r in db.execute("SELECT name FROM runs")}
assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
assert rows == set(os.listdir(".refit/runs")) and len(rows) == 3, rows
assert {r[0] for r in db.execute("SELECT run FROM stages")} == rows
EOP
EOC
lab="$B/tests/tools/crashlab"
case $B in *asan* | *tsan*) ptrace=no ;; *) "$lab" sweep 1 true "$t/try" true >/dev/null 2>&1 && ptrace=yes || ptrace=no ;; esac
if [ $ptrace = yes ]; then
    ok "a gc that is killed at any instant is finished by the next" "$lab" sweep 8 "sh $t/check.sh" "$t/try" refit gc -q
else
    skip "a gc that is killed at any instant is finished by the next" "no ptrace here"
fi
cd .. || exit 1

rm -rf .refit
ok "gc before the first run" refit gc -q
absent "makes nothing" .refit
finish
