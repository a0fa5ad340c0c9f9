#!/bin/sh
# What can lie where an input or an output should be, disks that are full or cannot be written to, a damaged memory,
# people who may only look: one clear line, nothing lost, and the next run works.
. "$(dirname "$0")/tap.sh"

# reads DEP [OUT]: one stage that reads DEP and writes OUT
reads() {
    cat >pipeline.yaml <<EOY
refit: 1
name: toy
stages:
  only: {cmd: 'echo x >>ran; echo made >\${outs.o}', deps: {i: "$1"}, outs: {o: "${2:-work/o}"}}
EOY
}
fresh() { cd "$t" && rm -rf p && mkdir p && cd p || exit 1; }
# trap NAME TEXT DEP [OUT]: refused with 64 and that text, with its place, in one line, before anything runs
trapped() {
    reads "$3" "${4-}"
    run timeout 10 refit run
    case $rc,$err in
    64,"refit: pipeline.yaml:4:"*"$2"*)
        if [ -e ran ]; then fail "$1" "the stage ran"; elif [ "$(echo "$err" | wc -l)" != 1 ]; then fail "$1" "$err"; else pass "$1"; fi ;;
    *) fail "$1" "status $rc" "$err" ;;
    esac
}

# ---- inputs ----
fresh
mkfifo fifo
mkdir tree && mkfifo tree/fifo
/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock")'
ln -s loop loop
mkdir links && ln -s . links/again
trapped "a FIFO" "stage 'only': deps.i: 'fifo' is a FIFO: want a file or a directory" fifo
trapped "a FIFO in a directory" "'tree/fifo' is a FIFO: want files and directories" tree
trapped "a FIFO that a pattern matches" "'fifo' is a FIFO" 'fif*'
trapped "a socket" "'sock' is a socket" sock
trapped "a device" "'/dev/zero' is a character device" /dev/zero
trapped "a link to itself" "'loop' is a symbolic link that leads to itself" loop
trapped "a directory that holds itself by a link" "nested over 64 deep" links
trapped "one that is not there" "'nothing' does not exist and no stage makes it" nothing
if [ "$(id -u)" = 0 ]; then
    skip "one that may not be read" "root may read everything"
else
    echo secret >closed && chmod 0 closed
    reads closed
    refuses "one that may not be read" 74 "'closed'" refit run
fi
mkdir good && echo 1 >good/b && echo 2 >good/a
reads good
ok "a directory is a fine input" refit run
echo 3 >good/a
ok "whose files count" refit plan
has "each of them" "$out" "deps.i: good changed"
reads 'good/*'
ok "so is a pattern" refit run

# ---- outputs ----
fresh
echo 1 >in
mkdir "$t/away.$$"
ln -s "$t/away.$$" link
mkdir work && ln -s ../.. work/up
trapped "an output above the project" "'../o' leaves the project directory" in ../o
trapped "an absolute one" "leaves the project directory" in /tmp/refit-o
trapped "one behind a link that leaves" "'link/o' leaves the project directory: 'link' leads to '$t/away.$$'" in link/o
trapped "further down" "'work/up/x/o' leaves the project directory: 'work/up/x' leads to" in work/up/x/o
ln -s work inner
reads in inner/o
ok "a link that stays inside is no trap" refit run

# ---- inputs that change while a stage runs ----
fresh
echo 1 >in
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  only: {cmd: [./tool.sh, "${deps.i}", "${outs.o}"], deps: {i: in}, outs: {o: work/o}}
EOY
tool() { printf '#!/bin/sh\n%s\ncp "$1" "$2" 2>/dev/null || echo none >"$2"\n' "$1" >tool.new; chmod +x tool.new; mv tool.new tool.sh; }
tool 'echo 2 >in'
run refit run --strict
is "--strict: an input that was edited meanwhile fails the stage" "$rc" 1
has "by its name" "$err" "an input changed while the stage ran: deps.i: in changed"
absent "without an output" work/o
echo 1 >in
ok "without it the outputs are kept" refit run
has "with a warning" "$err" "an input changed while the stage ran: deps.i: in changed"
has "and the stage runs again" "$(refit plan)" "deps.i: in changed"
tool 'rm in'
ok "an input that was removed meanwhile" refit run
has "is noticed" "$err" "an input changed while the stage ran: "
echo 1 >in
tool 'rm in'
run refit run --strict
is "and fails with --strict" "$rc" 1
echo 1 >in
tool 'cp tool.sh tool.2; echo "# rebuilt" >>tool.2; mv tool.2 tool.sh'
ok "a program that was built again meanwhile" refit run
has "too" "$err" "an input changed while the stage ran: program changed"

# the same of a program of refit's own
fresh
mkdir -p inst/bin inst/libexec/refit
cp "$B/bin/refit" inst/bin
cat >inst/libexec/refit/copy <<'EOP'
#!/bin/sh
if [ "$1" = --describe ]; then
    echo '{"name": "copy", "purpose": "a test", "version": "1", "options": [
        {"name": "from", "kind": "in", "type": "path", "help": "x", "required": true},
        {"name": "to", "kind": "out", "type": "path", "help": "x", "required": true}]}'
    exit
fi
cp "$2" "$4"
cp "$0" "$0.new" && echo "# rebuilt" >>"$0.new" && mv "$0.new" "$0"
EOP
chmod +x inst/libexec/refit/copy
printf 'refit: 1\nname: toy\nstages:\n  copy: {deps: {from: in}, outs: {to: work/o}}\n' >pipeline.yaml
echo 1 >in
ok "a program of refit's that was built again meanwhile" inst/bin/refit run
has "too" "$err" "an input changed while the stage ran: program changed"

# ---- disks ----
fresh
echo 1 >in
reads in
refit run -q
mkdir full
if unshare -rm mount -t tmpfs none full 2>/dev/null; then
    echo 2 >in
    # sub COMMAND: with a small file system at $at
    sub() { at=$1 options=$2; shift 2; unshare -rm sh -c 'cp -a "$1" .kept; mount -t tmpfs -o "$2" none "$1" && cp -a .kept/. "$1"; rm -rf .kept; shift 2; eval "$*"' sh "$at" "$options" "$@"; }
    sed -i 's/echo made/head -c 100000 \/dev\/zero/' pipeline.yaml
    sed -i 's/>${outs.o}/>${outs.o} || exit 74/' pipeline.yaml
    run sub work size=64k 'refit run; r=$?; cat work/o; refit plan; exit $r'
    is "a full disk below the outputs: exit 74" "$rc" 74
    has "the old output is still there" "$out" made
    has "and the next run knows what to do" "$out" "run       only"
    reads in
    run sub work size=64k 'mount -o remount,ro work; refit run; r=$?; mount -o remount,rw work; refit run || exit 1; exit $r'
    is "a disk that cannot be written to: exit 74" "$rc" 74
    has "says why" "$err" "Read-only file system"
    has "and when it can, the next run works" "$out" "1 done"
    echo 3 >in
    run sub .refit size=400k 'head -c 1000000 /dev/zero >.refit/fill; refit run; r=$?; rm .refit/fill; refit run || exit 1; exit $r' 2>/dev/null
    is "a full disk below the memory: exit 74" "$rc" 74
    has "and with room the next run works" "$out" "1 done"
    echo 4 >in
    run sub .refit size=4m 'mount -o remount,ro .refit; refit run; r=$?; refit status >/dev/null || exit 1; mount -o remount,rw .refit; refit run || exit 2; exit $r'
    is "a memory that cannot be written to: exit 74, and looking works" "$rc" 74
    has "which is told" "$err" "Read-only file system"
    has "as does the next run" "$out" "1 done"
else
    skip "disks that are full or cannot be written to" "no user name spaces"
fi
fresh
echo 1 >in
reads in
echo file >work
run refit run
is "a file where the directory of an output should be: exit 74" "$rc" 74
has "says so" "$err" "'work"

# ---- the memory ----
rm -f work
ok "without it" refit run
cp -r .refit saved
head -c 20000 /dev/urandom >.refit/refit.db
refuses "a damaged database" 65 "file is not a database: see 'refit doctor'" refit run
rm -rf .refit
mv saved .refit
ok "put back, everything is as it was" refit run
has "nothing to do" "$out" "nothing to do"
rm -rf .refit
echo >.refit
refuses "a file in place of the directory" 74 "'.refit' is a file" refit run
refuses "for who looks too" 74 "'.refit' is a file" refit status
rm .refit

# ---- people who may only look ----
if [ "$(id -u)" = 0 ] && setpriv --reuid 65534 --clear-groups true 2>/dev/null; then
    fresh
    umask 022
    chmod 755 "$t" "$t/p"
    mkfifo here go
    chmod 644 here go
    cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  first: {cmd: 'echo made >${outs.o}', deps: {i: in}, outs: {o: work/o}}
  wait: {cmd: 'echo x >here; read x <go', always_changed: true}
EOY
    echo 1 >in
    other() { setpriv --reuid 65534 --clear-groups "$(command -v refit)" "$@"; }
    if other version >/dev/null 2>&1; then
        refit run -q -j 1 &
        runner=$!
        read -r x <here
        ok "another user sees a run that goes on" other status
        has "as running" "$out" running
        echo x >go
        wait $runner
        for command in status 'history --json' 'plan' 'explain first' 'logs first' 'validate' 'graph' 'run -n'; do
            # shellcheck disable=SC2086
            ok "another user may look: $command" other $command
        done
        has "and sees what the owner sees" "$(other plan)" "up to date"
        refuses "but not run" 74 "refit.db" other run
        is "nothing was written" "$(find .refit -user 65534 | wc -l)" 0
    else
        skip "people who may only look" "nobody may not run refit here"
    fi
else
    skip "people who may only look" "needs root and setpriv"
fi
finish
