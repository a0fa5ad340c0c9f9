#!/bin/sh
# refit plan, explain and graph: what would run, and exactly why.
. "$(dirname "$0")/tap.sh"

# A copy of refit with one program of our own: copies its inputs and its word into its output.
mkdir -p bin libexec/refit data
cp "$B/bin/refit" bin/
PATH=$t/bin:$PATH
cat >libexec/refit/join <<'END'
#!/bin/sh
if [ "$1" = --describe ]; then
    echo '{"name":"join","options":[
      {"name":"in","kind":"in","type":"path","list":true},
      {"name":"out","kind":"out","type":"path","required":true},
      {"name":"word","kind":"param","type":"text"},
      {"name":"rate","kind":"param","type":"real","default":0.1}]}'
    exit
fi
while [ $# -gt 0 ]; do
    case $1 in --in) cat "$2" ;; --word) word=$2 ;; --out) out=$2 ;; esac
    shift 2
done >"$PWD/.joined.$$"
mkdir -p "$(dirname "$out")"
{ cat ".joined.$$"; echo "$word"; } >"$out"
rm ".joined.$$"
END
chmod +x libexec/refit/join
echo 1 >data/a.csv
echo 2 >data/b.csv
cat >pipeline.yaml <<'END'
refit: 1
name: test
params: {word: hello, mode: fast}
stages:
  first:
    run: join
    deps: {in: "data/*.csv"}
    outs: {out: work/first.txt}
  second:
    run: join
    deps: {in: work/first.txt}
    outs: {out: work/second.txt}
    params: {word: "${params.word}", rate: 1e-3}
    env: {MODE: "${params.mode}"}
  third:
    cmd: [cp, "${deps.in}", "${outs.out}"]
    deps: {in: work/second.txt}
    outs: {out: work/third.txt}
END

ok "a plan of what never ran" refit plan
is "names every stage and why" "$out" "run       first   never run
run       second  never run
run       third   never run
3 to run, 0 to be decided on the way, 0 up to date"
run refit plan --check
is "plan --check has work: 4" "$rc" 4
absent "planning makes nothing" work .refit
ok "run -n prints the plan" refit run -n
has "which is the same" "$out" "run       first   never run"
absent "and makes nothing" work

ok "run" refit run -q
ok "afterwards plan --check has no work" refit plan --check
is "everything is reused" "$out" "reuse     first   up to date
reuse     second  up to date
reuse     third   up to date
nothing to do: 3 up to date"
ok "explain a stage that is up to date" refit explain second
has "says so" "$out" "second is reused: up to date"
has "and from what it was made" "$out" "deps.in: work/first.txt "

# reasons NAME WANT ARGUMENT...: the line of `second` in the plan
reasons() { name=$1 want=$2; shift 2; run refit plan "$@"; is "$name" "$(printf '%s\n' "$out" | sed -n 's/^\([a-z]*\) *second  /\1 /p')" "$want"; }
reasons "a changed parameter" "run params.word: hello -> bye" -p word=bye
reasons "a number written differently" "reuse up to date" -p second.rate=0.0010
reasons "another number" "run params.rate: 0.001 -> 0.002" -p second.rate=0.002
reasons "a changed environment" "run env.MODE: fast -> slow" -p mode=slow
reasons "two changes" "run params.word: hello -> bye (and 1 more)" -p word=bye -p mode=slow
reasons "force" "run forced" -F
reasons "not selected" "off not selected" first
run refit explain second -p word=bye -p mode=slow
is "explain lists every change" "$(printf '%s\n' "$out" | grep '^  ')" "  params.word: hello -> bye
  env.MODE: fast -> slow"
run refit explain second -p word=bye --json
has "also as JSON" "$(printf %s "$out" | tr -d '\n' | tr -s ' ')" '"changes": [ "params.word: hello -> bye" ]'

echo 3 >data/c.csv
reasons "below a stage that runs" "deferred after first"
run refit plan
has "which says what was added" "$out" "run       first   deps.in: data/c.csv added"
run refit explain third
has "explain of a stage that waits" "$out" "third is decided later: after second; nothing else has changed"
rm data/c.csv
reasons "back again" "reuse up to date"
touch data/a.csv
reasons "a time stamp alone is no change" "reuse up to date"
echo x >>work/second.txt
reasons "an output that was changed" "run work/second.txt was changed"
rm work/second.txt
reasons "an output that is gone" "run work/second.txt is gone"
ok "run it again" refit run -q
"$B/tests/tools/sql" .refit/refit.db "UPDATE attempts SET began = ended - 3723000 WHERE stage = 'third'"
run refit plan -F -s third
has "plan tells how long a stage took" "$out" "run       third   forced (took 1h 02m last time)"
run refit plan -F -s third --json
has "and as JSON" "$out" '"expected_ms": 3723000'
has "of those that may run" "$out" '"expected_ms": null'
cp pipeline.yaml saved.yaml
sed 's/"${deps.in}", /-f, &/' saved.yaml >pipeline.yaml
run refit plan
has "another command" "$out" 'run       third   command: [cp, ${deps.in}, ${outs.out}] -> [cp, -f, ${deps.in}, ${outs.out}]'
cp saved.yaml pipeline.yaml
echo '# newer' >>libexec/refit/join
reasons "another program" "run program changed"
run refit plan -s third
is "-s: one stage alone on what lies there" "$(printf '%s\n' "$out" | sed -n 's/  */ /gp' | head -n 3)" "off first not selected
off second not selected
reuse third up to date"
run refit plan --from second
has "--from: not what is above" "$out" "off       first   not selected"
rm data/*.csv
run refit plan
is "an input that is not there: status" "$rc" 64
is "and its place" "$err" "refit: pipeline.yaml:7:16: stage 'first': deps.in: 'data/*.csv' matches no file and no stage makes it"
refuses "an unknown stage" 64 "has no stage 'secnd'; did you mean 'second'?" refit plan secnd
refuses "explain of an unknown stage" 64 "has no stage 'secnd'" refit explain secnd
run refit plan --json
has "errors are JSON too" "$out" '"code": 64'

run env LC_ALL=C "$t/bin/refit" graph
is "graph in ASCII" "$out" "*  first (join)  reused
*  second (join)  succeeded
*  third (cp)  reused"
run refit graph --format dot
has "graph for Graphviz" "$out" '"first" -> "second" [label="in"];'
run refit graph --json
has "graph as JSON" "$(printf %s "$out" | tr -d ' \n')" '{"from":"first","to":"second","dep":"in"}'
refuses "no such format" 64 "--format is 'png', want ascii, dot, mermaid or svg" refit graph --format png

mkdir "$t/many" && cd "$t/many" || exit 1
many() { awk -v n="$1" 'BEGIN { print "refit: 1\nname: many\nstages:"; for (i = 1; i <= n; i++) printf "  s%d: {cmd: \"true\"%s}\n", i, (i > 1 ? ", needs: [s" i - 1 "]" : "") }' >pipeline.yaml; }
many 20001
refuses "more stages than there may be" 64 "stages: found 20001, want at most 20000" refit plan
many 2000
run refit plan
has "a chain of 2,000 stages is planned" "$out" "s2000"
finish
