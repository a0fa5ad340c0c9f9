#!/bin/sh
# The runner is killed before each system call that changes something on the disk, one after the other. Whatever the
# instant: after the next start the two outputs of the stage are both old or both new, and a retry brings the new ones
# and leaves nothing behind.
. "$(dirname "$0")/tap.sh"
command -v strace >/dev/null || skip_all "no strace"
case $B in *asan* | *tsan*) skip_all "the leak checker does not bear strace" ;; esac
mkdir old && cd old || exit 1
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
params: {word: old}
stages:
  pair:
    cmd: [sh, -c, 'echo "$1" >"$2"; echo "$1" >"$3"', sh, "${params.word}", "${outs.a}", "${outs.b}"]
    outs: {a: work/a.txt, b: other/b.txt}
  below:
    cmd: [cat, "${deps.a}", "${outs.c}"]
    deps: {a: work/a.txt}
    outs: {c: {path: state/c.txt, persist: true}}
  aside:
    cmd: "true"
EOY
mkdir state && echo kept >state/c.txt
refit run -q || exit 1
run strace -o /dev/null true
[ $rc -eq 0 ] || skip_all "no ptrace here"

# One kill at the n-th call of that name; status 1 when the run came through without. $more: further injections.
n_killed=0
more=
kill_at() {
    cd "$t" && rm -rf p && cp -a old p && cd p || exit 1
    strace -o "$t/trace" -e trace="$1,renameat2" $more -e inject="$1:signal=SIGKILL:when=$2" refit run -q -p word=new >/dev/null 2>&1
    grep -q 'killed by SIGKILL' "$t/trace" || return 1
    n_killed=$((n_killed + 1))
    lost=$(refit history -n 0 | awk '/lost/ { print $1 }')
    refit run -q -F -s aside || bad="$bad $1:$2(start)"
    pair="$(cat work/a.txt) $(cat other/b.txt)"
    case $pair in 'old old' | 'new new') ;; *) bad="$bad $1:$2($pair)" ;; esac
    if [ -n "$lost" ]; then refit retry -q "$lost"; else refit run -q -p word=new; fi >"$t/.out" 2>&1 ||
        bad="$bad $1:$2(retry)"
    [ "$(cat work/a.txt other/b.txt state/c.txt)" = "$(printf 'new\nnew\nkept')" ] || bad="$bad $1:$2(result)"
    [ -z "$(find work other state -name '.*')" ] || bad="$bad $1:$2(left over)"
    [ "$(refit run -p word=new)" = 'nothing to do' ] || bad="$bad $1:$2(again)"
}

for call in clone mkdir openat write pwrite64 utimensat fsync fdatasync renameat2 rename unlink rmdir; do
    bad=
    i=1
    # openat and write are many, and most of them only read or print
    while kill_at $call $i; do
        case $call in openat | pwrite64) i=$((i + 5)) ;; write) i=$((i + 2)) ;; *) i=$((i + 1)) ;; esac
    done
    is "killed before each $call" "$bad" ""
done
more='-e inject=renameat2:error=EINVAL'
for call in link linkat rename; do
    bad=
    i=1
    while kill_at $call $i; do i=$((i + 1)); done
    is "killed before each $call where the file system cannot exchange files" "$bad" ""
done
if [ $n_killed -gt 50 ]; then pass "more than 50 instants"; else fail "more than 50 instants" "$n_killed"; fi

# What a kill cannot show, because the page cache survives it: the order in which things reach the disk.
cd "$t" && rm -rf p && cp -a old p && cd p || exit 1
strace -y -o "$t/trace" -e trace=fsync,fdatasync,renameat2 refit run -q -s pair -p word=new
order=$(sed -n 's/^fsync([0-9]*<.*\/work\/.refit-toy-pair\/a.txt>).*/file/p
    s/^fsync([0-9]*<.*\/work\/.refit-toy-pair>).*/staging/p; s/^fdatasync([0-9]*<.*refit.db-wal>).*/memory/p
    s/^renameat2(.*a.txt".*/rename/p; s/^fsync([0-9]*<.*\/p\/work>).*/directory/p' "$t/trace" | tr '\n' ' ')
has "outputs, intent, renames, directories reach the disk in this order" "$order" \
    "file staging memory rename directory memory "
finish
