#!/bin/sh
# Outputs that are big, or directories, are hashed by threads while the run goes on; they are committed as others are.
. "$(dirname "$0")/tap.sh"
cat >pipeline.yaml <<'EOY'
refit: 1
name: big
params: {word: old}
stages:
  two:
    cmd: [sh, -c, 'yes "$1" | head -c 3000000 >"$2"; echo "$1" >"$3"', sh, "${params.word}", "${outs.a}", "${outs.b}"]
    outs: {a: work/a, b: work/b}
  tree:
    cmd: [sh, -c, 'mkdir "$2" "$2/in"; cp "$1" "$2/in/x"; echo 1 >"$2/y"', sh, "${deps.a}", "${outs.d}"]
    deps: {a: work/a}
    outs: {d: work/d}
  small:
    cmd: [cp, "${deps.b}", "${outs.c}"]
    deps: {b: work/b}
    outs: {c: work/c}
  bad:
    enabled: false
    cmd: [sh, -c, 'mkdir "$1"; head -c 2000000 /dev/zero >"$1/x"; mkfifo "$1/pipe"', sh, "${outs.e}"]
    outs: {e: work/e}
EOY
run refit run -j 2
is "a run of big outputs succeeds" "$rc" 0
has "all are done" "$out" "3 done"
is "the files are whole" "$(wc -c <work/a) $(cat work/b work/c work/d/y)" "3000000 $(printf 'old\nold\n1')"
cmp -s work/a work/d/in/x && pass "so is the directory" || fail "so is the directory"
is "nothing is left to do" "$(refit run)" "nothing to do"
run refit verify
has "what is committed has the hashes that were taken" "$out" "0 differ"
run refit run -q -p word=new
is "a second set takes the place of the first" "$rc $(head -n 1 work/a) $(cat work/b work/c)" "0 new $(printf 'new\nnew')"
is "nothing stays behind" "$(find . -path ./.refit -prune -o -name '.refit-*' -print)" ""
sed -i 's/enabled: false/enabled: true/' pipeline.yaml
run refit run -q -k -p word=new
is "a directory that cannot be hashed fails its stage" "$rc" 5
has "with the reason" "$err" "is a FIFO"
is "and is not put in place" "$(ls -A work | tr '\n' ' ')" "a b c d "
finish
