#!/bin/sh
# refit-notify: one message, one channel; what a server, a mail system, a command can do to it.
. "$(dirname "$0")/tap.sh"
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
N=$L/refit-notify
message='{"id": "abc1", "event": "failure", "pipeline": "toy", "run": "R1", "state": "failed", "host": "h", "subject": "[refit] toy failed: train (exit 65)", "made": "2026-11-21T03:04:05.000Z", "text": "line one\nline two\n", "stage": {"name": "train"}}'

# server ANSWER...: $port and the directory $hook
server() {
    hook=$(mktemp -d "$t/hook.XXXXXX")
    "$B/tests/tools/httpd" "$hook" "$@" &
    until [ -s "$hook/port" ]; do kill -0 $! || exit 1; done
    port=$(cat "$hook/port")
}

# send CHANNEL [OPTION]: the message on that channel
send() { printf '{"channel": %s, "message": %s}' "$1" "$message" | "$N" ${2-}; }

# sends NAME STATUS TEXT CHANNEL: as refuses, and with that on standard output's `retry_after` alone
sends() { refuses "$1" "$2" "$3" send "$4"; }

# ---- webhook: what a server may answer ----
server slow
slow=$port
{ send "{\"webhook\": \"http://127.0.0.1:$slow/\"}" >/dev/null 2>"$t/slow"; echo $? >>"$t/slow"; } &
slow_pid=$!

export TOKEN='s3cret&word' HOOK_PATH=T00/B00
server 200
ok "a message is posted" send "{\"webhook\": \"http://127.0.0.1:$port/a/\${secrets.HOOK}?x=\$\$1\", \"header\": {\"Authorization\": \"Bearer \${secrets.T}\"}, \"secrets\": {\"T\": {\"env\": \"TOKEN\"}, \"HOOK\": {\"env\": \"HOOK_PATH\"}}}"
request=$(tr -d '\r' <"$hook/1")
has "to the path, secrets in place" "$request" "POST /a/T00/B00?x=\$1 HTTP/1.1"
has "with its headers" "$request" "Authorization: Bearer s3cret&word"
has "as refit" "$request" "User-Agent: refit/"
has "as JSON" "$request" "Content-Type: application/json"
is "the body is the message" "$(tail -n 1 "$hook/1" | /usr/bin/python3 -c 'import json,sys; d=json.load(sys.stdin); print(d["id"], d["text"].count("\n"))')" "abc1 2"
ok "--check says that it could go" send "{\"webhook\": \"http://127.0.0.1:$port/\"}" --check
absent "and sends nothing" "$hook/2"

hook_of() { printf '{"webhook": "http://127.0.0.1:%s/hook"}' "$port"; }
server 500 503 408 '429 slow down' '404 no such hook: s3cret&word' 401 302 reset empty garbage huge 204
sends "500 is tried again" 75 "answered 500" "$(hook_of)"
sends "503 too" 75 "answered 503" "$(hook_of)"
sends "408 too" 75 "answered 408" "$(hook_of)"
sends "429 too" 75 "answered 429, to be asked again after 120 s: slow down" "$(hook_of)"
is "and the wait is told" "$out" "retry_after 120"
sends "404 is final, with what it says, without the secret" 65 "answered 404: no such hook: [secret T]" "{\"webhook\": \"http://127.0.0.1:$port/\", \"header\": {\"A\": \"\${secrets.T}\"}, \"secrets\": {\"T\": {\"env\": \"TOKEN\"}}}"
sends "401 is final" 65 "answered 401" "$(hook_of)"
sends "a redirection is not followed, its path not told" 65 "answered 302, a redirection to http://elsewhere.invalid, which" "$(hook_of)"
sends "a connection that breaks" 75 "refit-notify: " "$(hook_of)"
sends "an empty answer" 75 "mpty reply" "$(hook_of)"
sends "an answer that is no HTTP" 75 "refit-notify: " "$(hook_of)"
ok "an answer of 8 MB is cut" send "$(hook_of)"
ok "204 is well" send "$(hook_of)"
sends "a server that is down" 75 "onnect" '{"webhook": "http://127.0.0.1:1/"}'
sends "a host that does not exist" 75 "esolve" '{"webhook": "http://no-such-host.invalid/"}'
echo 'ftp://x/' >"$t/url"
sends "another scheme" 65 "is of 'ftp', want https or http" '{"webhook": "${secrets.U}", "secrets": {"U": {"file": "url"}}}'
echo 'not a url' >"$t/url"
sends "no URL at all" 65 "the webhook's URL is none" '{"webhook": "${secrets.U}", "secrets": {"U": {"file": "url"}}}'
printf 'a\001b' >"$t/url"
sends "a control character in a secret" 65 "a control character" '{"webhook": "http://127.0.0.1:1/${secrets.U}", "secrets": {"U": {"file": "url"}}}'
sends "a secret that is not set" 75 "secret 'U': the environment variable 'NO_SUCH' is not set" '{"webhook": "${secrets.U}", "secrets": {"U": {"env": "NO_SUCH"}}}'
sends "a secret whose file is missing" 75 "secret 'U': cannot read 'nowhere'" '{"webhook": "${secrets.U}", "secrets": {"U": {"file": "nowhere"}}}'
sends "a reference without a secret" 64 "does not say what '\${secrets.U}' is" '{"webhook": "http://x/${secrets.U}"}'

# ---- mail ----
mkdir "$t/bin" && plain_path=$PATH
fake() { printf '#!/bin/sh\n%s\n' "$1" >"$t/bin/sendmail"; chmod 755 "$t/bin/sendmail"; PATH=$t/bin:$plain_path; }
fake 'echo "$*" >args; cat >mail'
ok "a mail goes to sendmail" send '{"mail": ["a@b.example", "root"]}'
is "by the addresses in its head" "$(cat args)" "-t -oi"
is "which is a head as it must be" "$(sed '/^$/q' mail)" "To: a@b.example,
 root
Subject: [refit] toy failed: train (exit 65)
Date: 21 Nov 2026 03:04:05 +0000
Message-ID: <abc1@h>
Auto-Submitted: auto-generated
X-Refit-Event: failure
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: quoted-printable"
is "and the text" "$(sed '1,/^$/d' mail)" "line one
line two"
plain=$message
message='{"id": "x\nBcc: evil@x", "event": "f", "subject": "caf\u00e9 \u2713\nBcc: evil@x \u2713\u2713\u2713\u2713\u2713\u2713\u2713\u2713\u2713\u2713\u2713\u2713\u2713\u2713\u2713\u2713\u2713\u2713\u2713\u2713", "made": "no date", "text": "a = \u00e9 \n'$(printf '%0200d' 7)'", "host": "h"}'
ok "a mail with what does not belong there" send '{"mail": ["a@b.example"]}'
is "no header can be put in" "$(grep -ci '^bcc' mail)" 0
is "head and text come back whole" "$(/usr/bin/python3 -c '
import email, email.policy
m = email.message_from_file(open("mail"), policy=email.policy.default)
print(repr(str(m["subject"])).count("\u2713"), "caf\u00e9" in m["subject"], m["to"], repr(m.get_content()) == repr("a = \u00e9 \n" + "%0200d" % 7 + "\n"), max(map(len, open("mail").read().splitlines())) <= 78)')" "21 True a@b.example True True"
message=$plain
fake 'echo "cannot: no route" >&2; exit 75'
sends "sendmail that cannot now" 75 "sendmail' ended with 75: cannot: no route" '{"mail": ["a@b"]}'
fake 'echo "no such user" >&2; exit 67'
sends "sendmail that never will" 65 "ended with 67: no such user" '{"mail": ["a@b"]}'
if [ -e /usr/sbin/sendmail ] || [ -e /usr/lib/sendmail ]; then
    skip "no sendmail" "this machine has one"
else
    echo '{"channel": {"mail": ["a@b"]}, "message": {}}' >document
    refuses "no sendmail" 75 "there is no sendmail in PATH or /usr/sbin" env PATH="$t" "$N" <document
fi
PATH=$plain_path

# ---- command ----
ok "a command gets the message" send '{"cmd": ["sh", "-c", "cat >got; env | sort >env; echo \"$1\" >word", "sh", "a b"]}'
is "on standard input" "$(/usr/bin/python3 -c 'import json; print(json.load(open("got"))["id"])')" abc1
is "its words unchanged" "$(cat word)" "a b"
is "the most wanted in the environment" "$(grep '^REFIT' env)" "REFIT_EVENT=failure
REFIT_PIPELINE=toy
REFIT_RUN=R1
REFIT_STAGE=train
REFIT_STATE=failed
REFIT_SUBJECT=[refit] toy failed: train (exit 65)"
is "which is clean" "$(grep -c 'TOKEN\|HOOK_PATH' env)" 0
sends "a command that fails is tried again" 75 "'sh' ended with 3: no luck" '{"cmd": ["sh", "-c", "echo more >&2; echo no luck >&2; exit 3"]}'
sends "one that ends with 65 is not" 65 "'sh' ended with 65" '{"cmd": ["sh", "-c", "exit 65"]}'
sends "one that is not there" 75 "'./nowhere' is not an executable file" '{"cmd": ["./nowhere"]}'
touch plain
sends "one that is no program" 75 "'./plain' is not an executable file" '{"cmd": ["./plain"]}'
sends "one that is killed" 75 "ended with 137" '{"cmd": ["sh", "-c", "kill -9 $$"]}'

# ---- the document ----
refuses "no document" 64 "standard input: line" "$N" </dev/null
refuses "half a document" 64 "has not both a channel and a message" sh -c "echo '{\"channel\": {}}' | $N"
sends "no channel" 64 "not one of webhook, mail and cmd" '{}'
sends "two channels" 64 "not one of webhook, mail and cmd" '{"cmd": ["x"], "mail": ["y"]}'
sends "a channel of another type" 64 "entry 1 is no text" '{"cmd": [1]}'
refuses "an unknown option" 64 "'--chek': want --check" "$N" --chek
ok "--help" "$N" --help
has "tells the channels" "$out" '"webhook": URL'

wait $slow_pid
has "a server that does not answer is given up" "$(cat "$t/slow")" "timed out"
is "and tried again" "$(tail -n 1 "$t/slow")" 75
finish
