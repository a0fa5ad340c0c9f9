#!/bin/sh
# refit doctor: each check, well and ill. What this machine is like (clock, disk, limits) is not the test's.
. "$(dirname "$0")/tap.sh"
json() { /usr/bin/python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }
# health CHECK: the worst that doctor finds of it
health() { refit doctor --json | json "max([f['health'] for f in d['findings'] if f['check'] == '$1'], key=['ok', 'warning', 'error'].index, default='none')"; }
# says NAME CHECK HEALTH TEXT: a finding of that check and health has that text
says() {
    refit doctor --json >doctor.json
    is "$1" "$(json "any(\"\"\"$4\"\"\" in f['text'] for f in d['findings'] if f['check'] == '$2' and f['health'] == '$3')" <doctor.json)" True
}

cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  a:
    cmd: [sh, -c, 'echo x >"$1"', sh, "${outs.o}"]
    outs: {o: work/deep/o}
EOY
ok "a good project" refit doctor
has "each check is a line" "$out" "ok        pipeline    pipeline.yaml: 'toy', 1 stage"
has "with a sum" "$out" " 0 errors"
absent "nothing is made" .refit work
is "nor left" "$(find . -name '.refit-*')" ""
is "--json has health, text, advice" "$(refit doctor --json | json 'sorted(d["findings"][0])')" "['advice', 'check', 'health', 'text']"
refit run -q
says "the memory is looked at" memory ok "version"
says "so are runs" runs ok "none is lost"
says "and locks" locks ok "the files of 1 that were may stay"

mkfifo started hold
sed 's/name: toy/name: held/; s/echo x/echo >started; cat hold/' pipeline.yaml >held.yaml
refit run -q -f held.yaml &
runner=$!
read -r _ <started
says "a lock that is held names its holder" locks ok "'held' is held by pid $runner"
kill -9 $runner; wait $runner 2>/dev/null
exec 9<>hold 9>&- # its stage ends too
says "a lost run is a warning" runs warning "of 'held' is lost"
ok "warnings are exit 0" refit doctor

# ---- the pipeline file ----
sed 's/stages:/stagse:/' pipeline.yaml >bad.yaml
run refit doctor -f bad.yaml
is "a broken file is a finding: exit 1" $rc 1
has "with file, line and what is wanted" "$out" "did you mean 'stages'?"
has "and the rest is looked at" "$out" "kernel"
run refit doctor -q -f bad.yaml
is "-q tells what is not well alone" "$(echo "$out" | grep -c '^ok')" 0

# ---- secrets ----
cat >>pipeline.yaml <<'EOY'
    secrets: [TOKEN, KEY]
secrets: {TOKEN: {env: MY_TOKEN}, KEY: {file: key}, SPARE: {env: NO_SUCH}}
EOY
says "a secret that is not set" secrets error "'TOKEN': the environment variable 'MY_TOKEN' is not set"
says "a secret's file that is not there" secrets error "'KEY': cannot read 'key'"
says "one that nobody names is a warning" secrets warning "'SPARE'"
export MY_TOKEN=swordfish
echo swordfish >key; chmod 644 key
says "a secret that is set" secrets ok "'TOKEN' is set"
says "a secret that everybody may read" secrets warning "everybody may read 'key'"
chmod 600 key
says "a secret that is kept" secrets ok "'KEY' is readable"
case "$(refit doctor -v; refit doctor --json)" in
*swordfish*) fail "a value is never printed" ;;
*) pass "a value is never printed" ;;
esac

# ---- programs ----
sed 's/libc\.so\.6/libq.so.6/g' /bin/true >mine; chmod +x mine
sed 's/\[sh, -c.*/[.\/mine, "${outs.o}"]/' pipeline.yaml >lib.yaml
run refit doctor -f lib.yaml
if [ "$(head -c 4 mine | tail -c 3)" = ELF ] && [ "$(uname -m)" = x86_64 ]; then
    has "a program without its library" "$out" "'./mine' needs libq.so.6, which is not there"
else
    skip "a program without its library" "no ELF program of 64 bits here"
fi
mkdir -p inst/bin inst/libexec/refit
cp "$B/bin/refit" inst/bin/
cat >inst/libexec/refit/flip <<'EOP'
#!/bin/sh
echo '{"name":"flip","options":[{"name":"'"$(cat "$WORD")"'","kind":"out","type":"path"}]}'
EOP
chmod +x inst/libexec/refit/flip
printf 'refit: 1\nname: toy\nstages: {flip: {outs: {o: work/o}}}\n' >flip.yaml
export WORD="$t/word"; echo o >word
inst/bin/refit plan -q -f flip.yaml || true
run inst/bin/refit doctor -f flip.yaml
has "helpers that are not there" "$out" "refit-check': no output with a format can be committed"
mkdir -p .refit
inst/bin/refit plan -f flip.yaml >/dev/null
echo p >word
run inst/bin/refit doctor -f flip.yaml
has "a program that describes itself anew" "$out" "says other options than before"
printf '#!/bin/sh\necho broken >&2; exit 3\n' >inst/libexec/refit/flip
run inst/bin/refit doctor -f flip.yaml
has "one that does not" "$out" "--describe' ended with status 3: broken"

# ---- registries ----
reg() { printf 'refit: 1\nname: toy\nstages: {upload: {deps: {package: p.tar}, outs: {receipt: work/r.json}, params: {name: m, registry: "%s"}}}\n' "$1" >reg.yaml; run refit doctor -f reg.yaml; }
touch p.tar
reg file:some/where
has "a registry's directory" "$out" "stage 'upload': '.' is writable"
reg s3://bucket/models
has "another place is only read" "$out" "stage 'upload': 's3://bucket/models'"
reg s3:/bucket
has "one that is no place" "$out" "'s3:/bucket' is no place"

# ---- notifications ----
cat >told.yaml <<'EOY'
refit: 1
name: told
secrets: {HOOK: {env: NO_SUCH_VARIABLE}}
stages: {a: {cmd: "true"}}
notify: {on_success: [{cmd: [sh, -c, "echo no luck >&2; exit 1"]}, {cmd: [./nowhere]}, {webhook: "${secrets.HOOK}"}]}
EOY
warnings() { refit doctor -f told.yaml --json | json "' | '.join(f['text'] for f in d['findings'] if f['check'] == '$1' and f['health'] == 'warning')"; }
is "a channel that cannot tell is a warning" "$(warnings notify)" \
    "on_success, cmd ./nowhere: './nowhere' is not an executable file | on_success, webhook \${secrets.HOOK}: secret 'HOOK': the environment variable 'NO_SUCH_VARIABLE' is not set"
refit run -q -F -f told.yaml 2>/dev/null
is "so are messages that do not arrive" "$(warnings messages)" "3 not delivered; the oldest is for cmd sh: 'sh' ended with 1: no luck"
is "the lock of the outbox is no pipeline's" "$(refit doctor -f told.yaml | grep -c '\.outbox')" 0

# ---- the memory ----
cp .refit/refit.db keep.db
dd if=/dev/urandom of=.refit/refit.db bs=4096 seek=3 count=8 conv=notrunc status=none; rm -f .refit/refit.db-*
is "a damaged memory is an error" "$(health memory)" error
/usr/bin/python3 -c "
import sqlite3; db = sqlite3.connect('keep.db'); db.execute('PRAGMA user_version = 99'); db.commit()"
cp keep.db .refit/refit.db; rm -f .refit/refit.db-*
says "one of a newer refit too" memory error "is of version 99"
if [ "$(id -u)" -ne 0 ]; then
    rm -rf .refit; chmod 500 .
    is "a directory that may not be written to" "$(health write)" error
    chmod 700 .
else
    skip "a directory that may not be written to" "root may write everywhere"
fi
finish
