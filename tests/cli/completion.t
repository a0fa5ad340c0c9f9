#!/bin/sh
# refit completion: what bash offers where the cursor is (zsh where it is installed), and that it knows every command
# and option of the help.
. "$(dirname "$0")/tap.sh"

cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
params: {rate: "1", word: x}
profiles: {ci: {params: {word: y}}, nightly: null}
schedule: [{daily: "21:00"}, {name: often, cron: "@hourly"}]
stages:
  first: {cmd: [touch, "${outs.o}"], outs: {o: work/first}}
  finish: {cmd: [touch, "${outs.o}"], outs: {o: work/finish}, params: {epochs: 3}}
EOY
refit run -q
id=$(refit history --json | /usr/bin/python3 -c 'import json, sys; d = json.load(sys.stdin); d = d if isinstance(d, list) else d["runs"]; print(d[0].get("run") or d[0]["id"])')

is "names of stages" "$(refit completion --list stages | tr '\n' ' ')" "first finish "
is "of params" "$(refit completion --list params | tr '\n' ' ')" "rate= word= finish.epochs= "
is "of profiles" "$(refit completion --list profiles | tr '\n' ' ')" "ci nightly "
is "of schedules" "$(refit completion --list schedules | tr '\n' ' ')" "daily often "
is "of runs" "$(refit completion --list runs)" "$id"
is "as JSON" "$(refit completion --list stages --json | tr -d ' \n')" '["first","finish"]'
refuses "an unknown list" 64 "want stages, runs" refit completion --list colours
refuses "an unknown shell" 64 "want bash or zsh" refit completion fish
refuses "no shell" 64 "usage" refit completion

if command -v bash >/dev/null; then
    refit completion bash >refit.bash
    ok "the script of bash is bash" bash -n refit.bash
    # offers NAME WANTED WORD...: what bash offers for the last word
    offers() {
        name=$1 want=$2; shift 2
        is "$name" "$(bash -c '. ./refit.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _refit; printf "%s " "${COMPREPLY[@]}"' bash "$@")" "$want "
    }
    offers "commands" "reproduce" refit repr
    offers "stages" "first finish" refit run ""
    offers "more stages" "finish" refit run first fin
    offers "one stage only" "" refit explain first ""
    offers "options" "--from" refit run --fr
    offers "options of that command alone" "--follow" refit logs --fo
    offers "a stage as a value" "first finish" refit run -s fi
    offers "behind an equals sign" "finish" refit run --from = fin
    offers "its words" "always" refit --color = al
    offers "params" "rate=" refit run -p ra
    offers "params of stages" "finish.epochs=" refit run -k -p finish.
    offers "nothing for a param's value" "" refit run -p rate = ""
    offers "profiles" "ci nightly" refit plan --profile ""
    offers "runs" "$id" refit retry 2
    offers "words that may stand there" "bash" refit completion b
    offers "files" "pipeline.yaml" refit run -f pipe
    offers "a value is no command" "first finish" refit -C . run ""
    mkdir -p elsewhere; sed 's/  first:/  third:/' pipeline.yaml >elsewhere/other.yaml
    offers "of the directory and file that are given" "third" refit -C elsewhere run -f other.yaml t
    offers "commands after help" "schema" refit help sc
    offers "nothing for an unknown command" "" refit nosuch ""
    # Every command and option of the help is known to the script.
    missing=
    for c in $(refit help | awk '/^  [a-z]/ && $1 != "help" && substr($0, 3, 1) != " " { print $1 }' | grep -v '^-'); do
        known=$(bash -c '. ./refit.bash; _refit_words "$1"; echo ",$options,"' bash "$c")
        for o in $(refit help "$c" | grep -oE '^  (-., |    )--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
            case $known in *",$o,"*) ;; *) missing="$missing $c:$o" ;; esac
        done
    done
    is "every option of every command is offered" "$missing" ""
else
    skip "completions of bash" "bash is not here"
fi

refit completion zsh >_refit
if command -v zsh >/dev/null; then
    ok "the script of zsh is zsh" zsh -n _refit
else
    skip "the script of zsh is zsh" "zsh is not here"
fi
is "it knows every command" "$(grep -cE '^        [a-z]+\)$' _refit)" "$(refit help | awk '/^  [a-z]/ && $1 != "help"' | wc -l)"

# The man page is made from the same tables.
ok "the man page" sh "$top/docs/man.sh" "$B" man
is "has a section for every command" "$(grep -c '^\.SS refit [a-z]*:' man/refit.1)" "$(refit help | awk '/^  [a-z]/ && $1 != "help"' | wc -l)"
is "with its options" "$(sed -n '/^.SS refit gc/,/^.SS/p' man/refit.1 | grep -c 'dry')" 1
finish
