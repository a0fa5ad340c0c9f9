#!/bin/bash
# What every program has in common: --help that teaches, --describe that is JSON, options that are checked.
. "$(dirname "$0")/tap.sh"
for program in "$L"/*; do
    name=$(basename "$program")
    case $name in refit-*) continue ;; esac # helpers of the runner, not stages
    run "$program" --help
    is "$name --help succeeds" "$rc" 0
    has "$name --help lists the parameters of every program" "$out" '--threads N'
    run "$program" --describe
    is "$name --describe is JSON of this name" \
        "$(printf %s "$out" | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["name"])')" "$name"
    described=$(printf %s "$out" | /usr/bin/python3 -c 'import json, sys
rows = json.load(sys.stdin)["options"]
assert len({r["name"] for r in rows}) == len(rows)
assert all(r["help"] and r["kind"] in ("in", "out", "param") for r in rows)
print("\n".join("--" + r["name"] for r in rows))')
    run "$program" --help
    missing=
    for option in $described; do case $out in *"  $option "*) ;; *) missing="$missing $option" ;; esac; done
    is "$name --help shows every option of --describe" "$missing" ''
    refuses "$name refuses an unknown option" 64 "unknown option '--nonsense'" "$program" --nonsense 1
    refuses "$name refuses a word that is no option" 64 "'word' is not an option" "$program" word
    refuses "$name refuses to start without its files" 64 'is missing' "$program"
    ok "$name --check without files succeeds" "$program" --check
    run sh -c "'$program' --help >/dev/full"
    is "$name says when standard output is full" "$rc" 74
done
finish
