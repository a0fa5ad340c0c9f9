#!/bin/sh
# refit run, retry, status, history, logs: what a user can observe, with tiny stages. No sleeps: stages and tests meet
# at FIFOs.
. "$(dirname "$0")/tap.sh"

fresh() { cd "$t" && rm -rf p && mkdir p && cd p || exit 1; }

# A chain of three; `first` counts its runs in a file outside.
chain() {
    fresh
    cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
params: {word: hello}
stages:
  first:
    cmd: [sh, -c, 'echo "$1" >"$2"; echo x >>runs', sh, "${params.word}", "${outs.text}"]
    outs: {text: work/first.txt}
  second:
    cmd: [sh, -c, 'wc -c <"$1" >"$2"; echo counted', sh, "${deps.text}", "${outs.size}"]
    deps: {text: work/first.txt}
    outs: {size: work/second.txt}
  third:
    cmd: [sh, -c, 'cat "$1" "$1" >"$2"', sh, "${deps.size}", "${outs.twice}"]
    deps: {size: work/second.txt}
    outs: {twice: work/third.txt}
EOY
}

# One stage `only` with a shell script and further keys: one "$SCRIPT" "$MORE"
one() {
    fresh
    printf '%s\n' "$1" >script.sh
    cat >pipeline.yaml <<EOY
refit: 1
name: toy
stages:
  only:
    cmd: [sh, script.sh, "\${outs.o}"]
    code: [script.sh]
    outs: {o: work/o.txt}
${2-}
EOY
}

state_of() { refit status --json | /usr/bin/python3 -c "
import json, sys
print([s['state'] for s in json.load(sys.stdin)['stages'] if s['stage'] == '$1'][0])"; }

# gone NAME PID...: none of them runs (a zombie that nobody has fetched does not)
gone() {
    name=$1; shift
    for pid; do
        case $(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null) in
            '' | Z | X) ;;
            *) fail "$name" "process $pid runs"; return ;;
        esac
    done
    pass "$name"
}

no_staging() { is "$1" "$(find . -name '.refit-*')" ""; }

# ---- reuse ----
chain
ok "a first run" refit run
has "tells each stage" "$out" "done    third"
is "makes the output" "$(cat work/third.txt)" "6
6"
no_staging "leaves no staging directory"
ok "a second run" refit run
is "has nothing to do" "$out" "nothing to do"
is "and runs nothing" "$(wc -l <runs)" 1
ok "a change of a parameter" refit run -p word=world
has "early cut-off: equal bytes stop the change" "$out" "2 done, 1 reused"
ok "a longer word" refit run -p word=longer
has "runs everything below" "$out" "3 done"
has "and names the difference" "$out" "world"
rm work/second.txt
ok "a lost output" refit run -p word=longer
has "is made again, and nothing else" "$out" "1 done, 2 reused"
echo changed >work/third.txt
ok "a changed output" refit run -p word=longer
is "is made again" "$(cat work/third.txt)" "7
7"
ok "-s runs one stage alone" refit run -F -s second -p word=longer
has "and no other" "$out" "1 done in"
ok "--from runs it and all below" refit run -F --from second -p word=longer
has "two stages" "$out" "2 done in"
ok "-F runs everything" refit run -F -p word=longer
has "all three" "$out" "3 done in"
ok "-n runs nothing" refit run -n -F
is "and makes no run" "$(refit history -n 0 | wc -l)" 8
ok "a named stage" refit run second -p word=third
has "with what it needs" "$out" "2 done in"
ok "-q says nothing" refit run -q -p word=quiet
is "at all" "$out$err" ""
ok "--json prints a document" refit run --json -p word=fresh
is "of the run" "$(echo "$out" | /usr/bin/python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["state"], d["exit_code"], [s["state"] for s in d["stages"]])')" \
   "succeeded 0 ['succeeded', 'succeeded', 'reused']"
ok "--json with nothing to do" refit run --json -p word=fresh
has "says so" "$out" '"state": "nothing to do"'

# ---- status, history, logs ----
has "status tells each stage" "$(refit status)" "first"
is "history has every run that did something" "$(refit history -n 0 | wc -l)" 11
is "-n limits it" "$(refit history -n 2 | wc -l)" 2
is "logs of the last attempt" "$(refit logs second)" "counted"
refuses "a stage that never ran has none" 64 "has never run here" refit logs nosuch
refuses "an unknown run" 64 "no run '2000'" refit status 2000
fresh
refuses "status before the first run" 64 "nothing has run here yet" refit status
is "leaves no directory" "$(ls -A)" ""

# ---- the command line ----
refuses "an unknown command" 64 "did you mean 'status'" refit statsu
refuses "an unknown option" 64 "did you mean '--keep-going'" refit run --keep-goin
refuses "an option of another command" 64 "unknown option '--follow'" refit run --follow
refuses "a missing value" 64 "wants FILE" refit run -f
refuses "a bad number" 64 "want a number from 1" refit run -j 0
refuses "no pipeline file" 64 "pipeline.yaml" refit run
ok "help" refit run --help
has "describes the options" "$out" "--keep-going"
has "and the exit statuses" "$out" "another run holds the lock"
chain
ok "-C goes there first" sh -c 'cd / && refit run -C "$1"' sh "$PWD"
ok "in front of the command too" sh -c 'cd / && refit -q -C "$1" run' sh "$PWD"
refuses "an option of a command stands behind it" 64 "want refit COMMAND --profile" refit --profile ci run
run refit help help
is "help of help" "$rc,$out" "0,$(refit help)"
run refit help --help
is "in either spelling" "$rc,$out" "0,$(refit --help)"
run refit run -p x --json
has "an error of the command line as JSON" "$out" '"code": 64'
run refit run --json -p nosuch=1
is "an error as JSON" "$(echo "$out" | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["error"]["code"])')" 64

# ---- a text for the shell ----
fresh
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
params: {word: "it's"}
stages:
  a:
    cmd: 'printf "<%s>" ${params.word} ${params.none} ${params.both} ${env.MODE} >${outs.o}; echo $HOME >/dev/null'
    outs: {o: "work/o d'd"}
    params: {none: "", both: "a $$(b) ${outs.o}"}
    env: {MODE: "1;2"}
EOY
ok "a text for the shell with values that mean something to it" refit run
has "values are words of their own" "$(cat "work/o d'd")" "<it's><><a \$(b) work/"
has "of references too" "$(cat "work/o d'd")" "d'd><1;2>"
ok "of -p" refit run -p 'word=$(touch bad) "x'
has "nothing is obeyed" "$(cat "work/o d'd")" '<$(touch bad) "x>'
absent "nothing at all" bad

# ---- a program beside the pipeline file ----
fresh
printf '#!/bin/sh\necho mine >"$1"\n' >tool.sh
chmod +x tool.sh
printf 'refit: 1\nname: toy\nstages:\n  a:\n    cmd: [./tool.sh, "${outs.o}"]\n    outs: {o: work/o.txt}\n' >pipeline.yaml
ok "a script of this directory" refit run
is "is run" "$(cat work/o.txt)" mine
printf '#!/bin/sh\necho other >"$1"\n' >tool.sh
run refit run
has "and is part of the fingerprint" "$out" "program changed"

# ---- exit statuses of stages ----
one 'echo kept >"$1"; echo the model is worse; exit 98'
run refit run
is "98: exit 3" $rc 3
has "blocked" "$err" "blocked only"
has "with the end of its log" "$err" "the model is worse"
is "its outputs are kept" "$(cat work/o.txt)" "kept"
is "the stage is blocked" "$(state_of only)" blocked
run refit run
is "and runs again next time" $rc 3

one 'exit 99' '  below:
    cmd: [touch, "${outs.x}"]
    deps: {o: work/o.txt}
    outs: {x: work/x}'
ok "99: the run is a success" refit run
is "the stage is skipped" "$(state_of only)" skipped
is "what is below too" "$(state_of below)" skipped
absent "nothing is made" work/o.txt work/x

one 'echo partial >"$1"; echo the reason of it >&2; exit 65'
run refit run
is "another status: exit 1" $rc 1
has "the end of its log is shown" "$err" "| the reason of it"
has "and how to go on" "$err" "refit retry $(refit history -n 1 | cut -d' ' -f1)"
absent "no output of a failed stage" work/o.txt
no_staging "no staging directory of a failed stage"
echo 'echo good >"$1"' >script.sh
ok "repaired, retry continues the run" refit retry
is "with its output" "$(cat work/o.txt)" good
ok "then there is nothing to retry" refit retry
has "it says" "$out" "nothing to retry"

one 'echo did nothing'
run refit run
is "exit 0 without the output fails" $rc 1
has "and names it" "$err" "did not write its output 'o' ('work/o.txt')"

one 'n=$(cat n 2>/dev/null || echo 0); n=$((n + 1)); echo $n >n; [ $n -ge 3 ] || exit 75; echo $n >"$1"' \
    '    retry: {max: 2, delay: 10ms}'
ok "75 is tried again" refit run
is "until it succeeds" "$(cat work/o.txt)" 3
is "each attempt has its log" "$(ls .refit/runs/*/only.*.log | wc -l)" 3
one 'exit 75' '    retry: {max: 1, delay: 10ms}'
run refit run
is "not for ever" $rc 1
has "it says how often" "$err" "attempt 2 of 2"

one 'trap "" TERM; mkfifo f; read x <f' '    timeout: 100ms
    kill_after: 50ms'
run refit run
is "a timeout: exit 124" $rc 124
is "the stage" "$(state_of only)" timed_out

one 'kill -SEGV $$'
run refit run
has "a signal is named" "$err" "killed by signal 11"

one 'x=$((1 / 0))
echo done >"$1"'
sed -i 's/\[sh, script.sh/[.\/nosuch, script.sh/' pipeline.yaml
run refit run
is "a program that does not exist: 64 before anything runs, or a failed stage" "$((rc == 64 || rc == 1))" 1
has "it is named" "$err" "nosuch"

# ---- checks of outputs ----
one 'echo "{\"a\": 1" >"$1"' ''
sed -i 's|outs: {o: work/o.txt}|outs: {o: {path: work/o.json, format: json, require: [a]}}|' pipeline.yaml
run refit run
is "an output that is not its format fails the stage" $rc 1
has "and is named as declared" "$err" "'work/o.json' line"
absent "it does not count" work/o.json
sed -i 's/1"/1}"/' script.sh
ok "a good one is taken" refit run
sed -i 's/a/b/' script.sh
run refit run
has "what it must contain is looked for" "$err" "has no key 'a'"
is "and the old one stays" "$(cat work/o.json)" '{"a": 1}'

# ---- -k ----
branches() {
    fresh
    cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  bad: {cmd: [sh, -c, 'test -e repaired && touch "$1"', sh, "${outs.o}"], outs: {o: work/bad}}
  below: {cmd: [touch, "${outs.o}"], deps: {i: work/bad}, outs: {o: work/below}}
  good: {cmd: [touch, "${outs.o}"], outs: {o: work/good}, needs: []}
  good_below: {cmd: [touch, "${outs.o}"], deps: {i: work/good}, outs: {o: work/good_below}}
EOY
}
branches
run refit run -j 1
is "without -k a failure starts nothing new" "$rc $(state_of good)" "1 pending"
is "what is below has not run" "$(state_of below)" upstream_failed
branches
run refit run -k -j 1
is "with -k independent stages go on: exit 5" "$rc $(state_of good_below)" "5 succeeded"
touch repaired
ok "retry finishes" refit retry
has "only what is missing" "$out" "2 done, 2 reused"

# ---- parallel ----
fresh
mkfifo f
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  a: {cmd: [sh, -c, 'echo hello >f; touch "$1"', sh, "${outs.o}"], outs: {o: work/a}}
  b: {cmd: [sh, -c, 'read x <f; echo $x >"$1"', sh, "${outs.o}"], outs: {o: work/b}}
EOY
ok "independent stages run beside each other" refit run -j 2
is "they met" "$(cat work/b)" hello

# ---- the environment, secrets ----
one 'env | sort >"$1"' '    env: {MINE: yes}'
LEAK=1 HOME=/nowhere run refit run
is "a stage sees a clean environment" "$(sed 's/=.*//' work/o.txt | tr '\n' ' ')" \
   "HOME LANG MINE OMP_NUM_THREADS OPENBLAS_NUM_THREADS PATH PWD REFIT_EVENTS REFIT_FINGERPRINT REFIT_PIPELINE REFIT_RUN REFIT_THREADS TZ "
one 'echo "$TOKEN" | sha256sum >"$1"' '    secrets: [TOKEN]'
sed -i 's/^stages:/secrets: {TOKEN: {env: OUR_TOKEN}}\nstages:/' pipeline.yaml
unset OUR_TOKEN
refuses "a missing secret stops before anything runs" 64 "'OUR_TOKEN' is not set" refit run
OUR_TOKEN=abc run refit run
is "a secret reaches the stage that names it" "$(cat work/o.txt)" "$(echo abc | sha256sum)"
if grep -rqa abc .refit; then fail "and never the memory"; else pass "and never the memory"; fi
printf 'xyz\n' >token
sed -i 's/{env: OUR_TOKEN}/{file: token}/' pipeline.yaml
ok "a secret from a file" refit run -F
is "is its content, without the line end" "$(cat work/o.txt)" "$(echo xyz | sha256sum)"

# ---- lists without names ----
cat >list.yaml <<'EOL'
refit: 1
name: list
stages:
  a: {cmd: [cp, "${deps.listed.txt}", "${outs.work/a}"], deps: [listed.txt], outs: [work/a]}
  b: {cmd: "cat ${deps.work/a} >${outs.work/b}", deps: [work/a], outs: [{path: work/b}]}
EOL
echo listed >listed.txt
ok "what has no name is called by its path" refit run -f list.yaml
is "and is made" "$(cat work/b)" listed
sed -i 's|outs.work/a|outs.a|' list.yaml
refuses "as it is written" 64 'list.yaml:4:39: ${outs.a}: no entry of outs is written so' refit run -f list.yaml

# ---- persist, checkpoint ----
one 'echo line >>"$1"; [ ! -e fail ]' '    always_changed: true'
sed -i 's|outs: {o: work/o.txt}|outs: {o: {path: state/o.txt, persist: true}}|' pipeline.yaml
refit run -q && refit run -q
is "a persistent output goes on from the committed one" "$(wc -l <state/o.txt)" 2
touch fail
refit run -q 2>/dev/null
is "a failed attempt does not change it" "$(wc -l <state/o.txt)" 2

one 'if [ -e "$2" ]; then echo "resumed $(cat "$2")" >"$1"; else echo half >"$2"; exit 75; fi' \
    '    checkpoint: work/only.ckpt
    retry: {max: 1, delay: 1ms}'
sed -i 's|"${outs.o}"\]|"${outs.o}", "${checkpoint}"]|' pipeline.yaml
ok "a checkpoint survives to the next attempt" refit run
is "which goes on from it" "$(cat work/o.txt)" "resumed half"
absent "and is gone when the work is done" work/only.ckpt
echo mine >work/only.ckpt
sed -i 's/half/other/' script.sh
refuses "a file where the checkpoint belongs" 1 "checkpoint 'work/only.ckpt' is there already, and not from this stage" refit run
refuses "is none the second time either" 1 "and not from this stage" refit run
is "and is left alone" "$(cat work/only.ckpt)" mine
rm work/only.ckpt
sed -i 's/exit 75/exit 1/' script.sh
refit run -q 2>/dev/null
is "an attempt that failed leaves one" "$(cat work/only.ckpt)" other
sed -i 's/exit 1/exit 75/; s/other/third/' script.sh
ok "a checkpoint of other work" refit run
is "is not used" "$(cat work/o.txt)" "resumed third"

# ---- inputs edited while a stage runs ----
one 'cat in.txt >"$1"; echo edited >in.txt' '    deps: {i: in.txt}'
echo first >in.txt
ok "an input that is edited while the stage runs" refit run
has "is noticed" "$err" "an input changed while the stage ran"
ok "so that the stage runs again" refit run
has "with it" "$out" "1 done"

# ---- stopping ----
one 'trap "echo saved; exit 1" TERM; (echo $$ >pid) ; setsid sh -c "echo \$\$ >child; exec sleep 1000" & wait; mkfifo g; read x <g'
mkfifo pid child
refit run >log.out 2>&1 &
runner=$!
read stage <pid
read child <child
kill -INT $runner
wait $runner
is "Ctrl-C: exit 130" $? 130
gone "nothing is left running" "$stage" "$child"
is "the stage could save" "$(refit logs only)" saved
is "the run is stopped" "$(refit status --json | grep -c '"state": "aborted"')" 3
no_staging "no staging directory of a stopped stage"

one 'trap "" TERM; echo $$ >pid; mkfifo g; read x <g' '    kill_after: 1h'
mkfifo pid said
refit run >log.out 2>said &
runner=$!
exec 9<said
read stage <pid
kill -TERM $runner
read line <&9
kill -TERM $runner
wait $runner
is "a second signal kills at once: exit 143" $? 143
has "as the first one says" "$line" "once more kills"
exec 9<&-

# ---- the lock ----
one 'echo $$ >pid; read x <go; echo done >"$1"'
mkfifo pid go
refit run >log.out 2>&1 &
runner=$!
read stage <pid
refuses "another run of the pipeline waits outside" 75 "another run of 'toy' holds the lock: pid $runner, run 2" refit run
ok "status of a running run" until_true eval 'refit status | grep -q running'
sed 's/name: toy/name: other/; s|work/|other/|; s/read x <go; //; s/echo $$ >pid; //' pipeline.yaml >other.yaml
refit logs -f only >follow.out &
follower=$!
echo x >go
wait $runner
is "the first one ends well" $? 0
wait $follower
is "logs -f ends with the stage" $? 0

fresh
i=0
while [ $((i += 1)) -le 12 ]; do
    printf 'refit: 1\nname: p%s\nstages:\n  a: {cmd: [touch, "${outs.o}"], outs: {o: work/%s}}\n' $i $i >p$i.yaml
    refit run -q -f p$i.yaml 2>>errors &
done
wait
is "pipelines of other names run beside each other, from the very first instant" \
    "$(cat errors) $(refit history | grep -c succeeded)" " 12"

# ---- killed runners ----
one 'setsid sh -c "echo \$\$ >child; exec sleep 1000" & echo $$ >pid; read x <go; echo done >"$1"'
mkfifo pid child go
refit run >log.out 2>&1 &
runner=$!
read child <child
read stage <pid
kill -KILL $runner
wait $runner 2>/dev/null
has "a dead runner's run is lost" "$(refit status)" "lost"
printf 'echo done >"$1"\n' >script.sh
ok "retry finishes it" refit retry
is "with its output" "$(cat work/o.txt)" done
gone "what the dead run left running is gone" "$stage" "$child"
no_staging "and its staging directory"

# ---- disk full ----
one 'head -c 100000 /dev/zero >"$1" || exit 74'
mkdir work
if unshare -rm mount -t tmpfs none work 2>/dev/null; then
    run unshare -rm sh -c 'mount -t tmpfs -o size=40k none work && refit run && exit 1; r=$?; ls -A work; exit $r'
    is "a full disk fails the stage, and the run with 74" $rc 74
    has "for that reason" "$err" "No space left on device"
    is "without an output" "$(echo "$out" | grep -c '^o.txt\|^[.]refit')" 0
    ok "and with room it succeeds" refit retry
    run unshare -rm sh -c 'mkdir .refit2 && mount -t tmpfs -o size=100k none .refit && refit run'
    is "a full disk under the memory: exit 74" $rc 74
    has "is named" "$err" ".refit"
else
    skip "a full disk" "no user name spaces"
fi

# ---- what the binary needs ----
if readelf -h "$B/bin/refit" >/dev/null 2>&1; then
    is "refit links only libyaml, SQLite, nettle and jansson" \
       "$(readelf -d "$B/bin/refit" | sed -n 's/.*NEEDED.*\[\(.*\)\.so.*/\1/p' | grep -v '^lib[cm]$\|asan\|ubsan\|tsan\|gcc_s' | sort | tr '\n' ' ')" \
       "libjansson libnettle libsqlite3 libyaml-0 "
else
    skip "refit links only libyaml, SQLite, nettle and jansson" "no readelf, or no ELF file"
fi
finish
