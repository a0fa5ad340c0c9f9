#!/bin/sh
# refit validate: every mistake in a pipeline file is told with its place before anything runs.
. "$(dirname "$0")/tap.sh"

# A copy of refit beside programs of our own: echo a description, refuse a side file that says "bad".
mkdir -p bin libexec/refit
cp "$B/bin/refit" bin/
PATH=$t/bin:$PATH
program() {
    cat >"libexec/refit/$1" <<END
#!/bin/sh
if [ "\$1" = --describe ]; then
    echo describe $1 >>"$t/calls"
    cat <<'JSON'
{"name":"$1","options":[$2]}
JSON
    exit
fi
side=
while [ \$# -gt 0 ]; do
    case \$1 in --schema) side=\$2; shift 2 ;; --check) echo check $1 >>"$t/calls"; check=1; shift ;; *) shift 2 ;; esac
done
[ -z "\$check" ] && exit 70
if [ -n "\$side" ] && grep -q bad "\$side"; then
    echo "$1: a warning" >&2
    echo "$1: '\$side' line 1: bad" >&2
    exit 65
fi
END
    chmod +x "libexec/refit/$1"
}
program make '{"name":"schema","kind":"in","type":"path","side":true},{"name":"table","kind":"out","type":"path","required":true}'
program train '{"name":"schema","kind":"in","type":"path","side":true},{"name":"table","kind":"in","type":"path","required":true},
{"name":"model","kind":"out","type":"path"},{"name":"epochs","kind":"param","type":"int","min":1,"max":9,"default":3}'
echo good >s1.yaml
echo good >s2.yaml

cat >pipeline.yaml <<'END'
refit: 1
name: test
params: {schema: s1.yaml}
profiles:
  ci: {stages: {train: {params: {epochs: 1}}}}
  other: {params: {schema: s2.yaml}}
stages:
  make:
    deps: {schema: "${params.schema}"}
    outs: {table: work/t.h5}
  train:
    deps: {schema: s2.yaml, table: work/t.h5}
    outs: {model: work/m.h5}
END

ok "a good pipeline is valid" refit validate
is "and it says what was looked at" "$out" "pipeline.yaml is valid: 2 stages, 2 profiles, 4 programs asked"
is "equal calls of --check are made once" "$(grep -c 'check make' calls)" 2
absent "nothing is run and nothing is made" work .refit
ok "one profile alone" refit validate --profile ci
has "is counted" "$out" "1 profile, 2 programs"

echo bad >s1.yaml
echo bad >s2.yaml
run refit validate
is "side files that programs refuse: status" "$rc" 65
is "all of them are told" "$err" "refit: pipeline.yaml:9:5: stage 'make': make: 's1.yaml' line 1: bad
refit: pipeline.yaml:12:5: stage 'train': train: 's2.yaml' line 1: bad
refit: profile 'other': pipeline.yaml:9:5: stage 'make': make: 's2.yaml' line 1: bad"
run refit validate --json
is "as JSON" "$(printf %s "$out" | tr -d ' \n' | cut -c1-60)" '{"file":"pipeline.yaml","valid":false,"stages":2,"profiles":'
is "with the same status" "$rc" 65
echo good >s1.yaml
echo good >s2.yaml

rm s2.yaml
run refit validate
is "a missing file: status" "$rc" 64
has "is told with its place" "$err" "pipeline.yaml:12:20: stage 'train': deps.schema: 's2.yaml' does not exist and no stage makes it"
has "under every profile" "$err" "profile 'other': pipeline.yaml:9:20: stage 'make': deps.schema: 's2.yaml' does not exist"
echo good >s2.yaml

# bad NAME TEXT WANT: replaces a line of the pipeline
bad() { sed "$2" pipeline.yaml >bad.yaml; refuses "$1" 64 "$3" refit validate -f bad.yaml; }
bad "an unknown key" 's/^params:/param:/' "refit: bad.yaml:3:1: pipeline: unknown key 'param'; did you mean 'params'?"
bad "a key given twice" 's/^params.*/&\n&/' "bad.yaml:4:1: key 'params' is given twice (first in line 3)"
bad "a key of a later version" 's/^params:.*/&\nswimming: {a: 1}/' "unknown key 'swimming'"
bad "an anchor" 's/schema: s1/schema: \&a s1/' "anchors are not part of this format"
bad "a tab" 's/^  make:/\tmake:/' "bad.yaml:8:1: a tab: indent with spaces"
bad "an unknown program" 's/^  make:/  mak:/' "there is no program 'mak' in"
bad "an unknown reference" 's/params.schema/params.shema/' "\${params.shema}: there is no such parameter; did you mean 'schema'?"
bad "an unknown option" 's/epochs: 1/epoch: 1/' "refit: profile 'ci': bad.yaml:5:34: stage 'train': program 'train' has no parameter 'epoch'; did you mean 'epochs'?"
bad "a value out of range" 's/epochs: 1/epochs: 10/' "epochs: '10' is out of range: want 1 to 9"
bad "a value of another type" 's/epochs: 1/epochs: some/' "epochs: 'some' is not a whole number"
bad "a missing input" 's/, table: work.t.h5}$/}/' "input 'table' of program 'train' is missing under deps"
bad "two producers of one file" 's/model: work.m.h5/model: work\/t.h5/' "'work/t.h5' is also made as 'work/t.h5' of stage 'make' (line 10)"
bad "a stage that needs what it makes" 's/model: work.m.h5/model: s2.yaml/' "stage 'train' needs what it makes itself: 's2.yaml'"
bad "a cycle" 's/deps: {schema: "${params.schema}"}/needs: [train]/' "the stages need each other in a loop: make -> train -> make"
bad "an unknown stage" 's/^    outs: {model.*/&\n    needs: [mak]/' "needs: there is no stage 'mak'; did you mean 'make'?"
bad "an output outside the project" 's/work.m.h5/..\/m.h5/' "'../m.h5' leaves the project directory"
bad "a schedule that never fires" 's/^params:.*/&\nschedule: [{cron: "0 0 31 2 *"}]/' "never fires"
bad "a profile that names what does not exist" 's/params: {schema: s2/params: {shema: s2/' "params of profile 'other': unknown key 'shema'"
refuses "no such profile" 64 "has no profile 'cii'; did you mean 'ci'?" refit validate --profile cii
refuses "no such file" 64 "there is no pipeline file 'none.yaml' here" refit validate -f none.yaml
: >empty.yaml
refuses "an empty file" 64 "empty.yaml:1:1: the file is empty" refit validate -f empty.yaml
refuses "-p of an unknown parameter" 64 "-p shema=x: there is no parameter 'shema'; did you mean 'schema'?" refit validate -p shema=x
refuses "-p of a wrong type" 64 "-p train.epochs=x: stage 'train': epochs: 'x' is not a whole number" refit validate -p train.epochs=x
cat >cmd.yaml <<'END'
refit: 1
name: cmd
schedule: [{daily: "03:00", end: "2020-01-01"}]
stages:
  copy:
    cmd: [cp, "${deps.in}", "${outs.out}"]
    deps: {in: s1.yaml}
    outs: {out: work/out}
END
run refit validate -f cmd.yaml
is "a schedule that is over is a warning" "$err" "refit: warning: cmd.yaml:3:12: schedule 'daily' fires no more: its end has passed"
is "one is no stages" "$out" "cmd.yaml is valid: 1 stage, 0 profiles, 0 programs asked"
refuses "-p of a parameter that the command has not" 64 "-p copy.n=1: there is no parameter of stage 'copy' called 'n'" refit validate -f cmd.yaml -p copy.n=1
mkfifo pipe
sed -i 's/in: s1.yaml/in: pipe/' cmd.yaml
refuses "a FIFO as input" 64 "cmd.yaml:7:16: stage 'copy': deps.in: 'pipe' is a FIFO: want a file or a directory" refit validate -f cmd.yaml
sed -i 's/"${outs.out}"/work\/out/' cmd.yaml
refuses "an output that the command is not told" 64 "cmd.yaml:8:17: stage 'copy': outs.out: the command has no \${outs.out}, so it cannot make it" refit validate -f cmd.yaml
run refit validate -q
is "-q is quiet" "$out$err" ""

# The real programs and the pipeline of the repository.
ok "pipeline.yaml of the repository is valid" "$B/bin/refit" validate -C "$top"
finish
