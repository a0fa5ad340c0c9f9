#!/bin/bash
# A secret reaches the stages that name it and nothing else: no log, no event, no memory, in no form in which programs
# write texts; what it is replaced by is seen.
. "$(dirname "$0")/tap.sh"

# project "MORE PIPELINE": secrets TOKEN (with characters that every encoding changes) and KEY (a file of three lines)
token='p?ss/w+rd "&<'"$(printf '\303\244')"'>1234567'
project() {
    cd "$t" && rm -rf p && mkdir p && cd p || exit 1
    printf -- '-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\n-----END KEY-----\n' >key.pem
    cat >pipeline.yaml <<EOY
refit: 1
name: toy
secrets: {TOKEN: {env: OUR_TOKEN}, KEY: {file: key.pem}}
stages:
$1
EOY
}
export OUR_TOKEN="$token"

cat >forms.py <<'EOY'
import base64, json, os, sys, urllib.parse
v = os.environ['TOKEN']; b = v.encode()
forms = [v, urllib.parse.quote(v), urllib.parse.quote(v, safe=''), urllib.parse.quote_plus(v),
         urllib.parse.quote(v, safe='').replace('%C3', '%c3').replace('%A4', '%a4').replace('%2F', '%2f')
             .replace('%2B', '%2b').replace('%3F', '%3f').replace('%3C', '%3c').replace('%3E', '%3e'),
         json.dumps(v)[1:-1], json.dumps(v, ensure_ascii=False)[1:-1],
         json.dumps(v)[1:-1].replace('/', '\\/')]
for before in (b'', b':', b'u:', b'usr', b'user:'):
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        forms.append(encode(before + b).decode())
        forms.append(encode(before + b + b'@host').decode())
if sys.argv[1:] == ['--what']:          # what must not be found: the raw forms, and the middle of each base64
    for f in forms[:8]: print(f)
    for f in forms[8:]: print(f[8:24])
    sys.exit()
for f in forms:
    print('form', f, flush=True)
for f in forms:                         # in two pieces
    sys.stdout.write('cut ' + f[:7]); sys.stdout.flush()
    sys.stderr.write(f[7:] + '\n'); sys.stderr.flush()
print(os.environ['KEY'])
print(os.environ['KEY'].split('\n')[1])
e = os.fdopen(3, 'w')
for f in forms:
    print(json.dumps({'warning': 'sent ' + f}), file=e)
    print(json.dumps({'metric': {'name': f, 'value': 1}}), file=e)
    print(json.dumps({'progress': {'done': 1, 'total': 2, 'unit': f}}), file=e)
e.close()
open(sys.argv[1], 'w').write(str(len(v)))
sys.exit(int(sys.argv[2]))
EOY

# leaks NAME PLACE...: no form of the secrets is in these files
leaks() {
    name=$1; shift
    TOKEN="$token" /usr/bin/python3 "$t/forms.py" --what >"$t/what"
    echo MIIEpAIBAAKCAQEA >>"$t/what"
    found=$(grep -rlaF -f "$t/what" "$@")
    if [ -z "$found" ]; then pass "$name"; else fail "$name" "$found" "$(grep -rhaoF -f "$t/what" "$@" | sort | uniq -c)"; fi
}

project '  tells: {cmd: [/usr/bin/python3, ../forms.py, "${outs.o}", "0"], outs: {o: work/o}, secrets: [TOKEN, KEY]}
  other: {cmd: "env; cat work/o", deps: {o: work/o}}'
run refit run -v
is "a stage gets the whole value" "$rc $(cat work/o)" "0 ${#token}"
printf '%s\n%s\n' "$out" "$err" >screen
leaks "no form of it is in .refit or on the screen" .refit screen
is "each place is marked" "$(grep -c 'form.*\[secret TOKEN\]' .refit/runs/*/tells.1.log)" 28
is "also where the value came in two pieces" "$(grep -c 'cut.*\[secret TOKEN\]' .refit/runs/*/tells.1.log)" 28
is "a value of many lines is one" "$(grep -c '^\[secret KEY\]$' .refit/runs/*/tells.1.log)" 2
has "warnings are masked" "$(refit status --json)" 'sent [secret TOKEN]'
absent "the stage that does not name it has it not" "$(grep -l '^\(TOKEN\|KEY\)=' .refit/runs/*/other.1.log)"

project '  tells: {cmd: [/usr/bin/python3, ../forms.py, "${outs.o}", "1"], outs: {o: work/o}, secrets: [TOKEN, KEY]}'
run refit run
printf '%s\n%s\n' "$out" "$err" >screen
is "a failing stage" $rc 1
leaks "shows none either in the end of its log" .refit screen
run refit logs tells
printf '%s\n' "$out" >screen
leaks "nor do logs" screen

# A secret goes the way of the files, to a stage that does not name it.
project '  writes: {cmd: "printf %s \"$TOKEN\" >${outs.o}", outs: {o: work/o}, secrets: [TOKEN]}
  reads: {cmd: [cat, "${deps.o}"], deps: {o: work/o}}'
ok "a value that a file carries to another stage" refit run
is "is masked in its log too" "$(cat .refit/runs/*/reads.1.log)" "[secret TOKEN]"

project '  waits: {cmd: "tr \"\\0\" \"\\n\" </proc/$PPID/cmdline; tr \"\\0\" \"\\n\" </proc/$PPID/environ | grep -c REFIT_RUN; true", secrets: [KEY]}'
refit run -q
is "the command line and the environment of refit have none" "$(cat .refit/runs/*/waits.1.log | tr '\n' ' ')" "refit run -q 0 "

# ---- values ----
project '  only: {cmd: "printf %s \"$TOKEN\" >o; printf %s \"$KEY\" >k; echo $TOKEN", secrets: [TOKEN, KEY], always_changed: true}'
OUR_TOKEN=ab1 run refit run
has "a short value is told to be unmasked" "$err" "secret 'TOKEN' has less than 4 bytes: it is not masked in logs"
printf 'line\r\n' >key.pem
ok "a file's value" refit run
is "is without its last line end" "$(od -An -c k | tr -d ' ')" line
printf 'one\n\ntwo\n\n' >key.pem
refit run -q
is "which is one" "$(cat k; echo .)" "one

two
."
: >key.pem
refuses "an empty file" 64 "stage 'only': secret 'KEY': 'key.pem' is empty" refit run
printf 'a\0b' >key.pem
refuses "a NUL byte" 64 "'key.pem' has a NUL byte" refit run
head -c 70000 /dev/zero | tr '\0' x >key.pem
refuses "a file that is too long" 64 "'key.pem' has more than 65536 bytes" refit run
rm key.pem
refuses "a file that is not there" 64 "cannot read 'key.pem'" refit run
echo k >key.pem
OUR_TOKEN='' refuses "an empty variable" 64 "'OUR_TOKEN' is empty" refit run
absent "none of these left a run" .refit/runs/*/only.2.log

project '  only: {cmd: "echo ${params.t}", params: {t: x}, secrets: [TOKEN]}'
refuses "the value of a secret given with -p" 64 \
    "-p only.t: holds the value of a secret" refit run -p "only.t=user:$token"
leaks "which is not kept" .refit
project '  only: {cmd: [echo, "${env.OUR_TOKEN}"]}'
refuses "the variable of a secret in a command" 64 \
    "pipeline.yaml:5:22: '\${env.OUR_TOKEN}' is the value of secret 'TOKEN'" refit run

finish
