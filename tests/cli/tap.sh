# Sourced by tests/cli/*.t: TAP from shell. BIN is build/<mode> (set by make check).
#   t=$(mktemp -d) is made here, is the working directory, and is removed at the end.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
B=${BIN:-$top/build/release}
case $B in /*) ;; *) B=$top/$B ;; esac
L=$B/libexec/refit
PATH=$B/bin:$PATH
export TZ=UTC LC_ALL=C.UTF-8
# Without one, cd "" would stay where we are, and the test would write there.
t=$(mktemp -d "${TMPDIR:-/tmp}/refit-test.XXXXXX") || { echo "Bail out! no directory for the test"; exit 1; }
trap 'cd /; rm -rf "$t"' EXIT
trap 'exit 1' INT TERM
cd "$t" || exit 1
n=0

pass() { n=$((n + 1)); echo "ok $n - $1"; }
fail() { n=$((n + 1)); echo "not ok $n - $1"; shift; for line in "$@"; do printf '%s\n' "$line" | sed 's/^/# /'; done; }

# run COMMAND...: stdout in $out, stderr in $err, status in $rc
run() { "$@" >"$t/.out" 2>"$t/.err"; rc=$?; out=$(cat "$t/.out"); err=$(cat "$t/.err"); }

# ok NAME COMMAND...: the command must succeed
ok() { name=$1; shift; run "$@"; if [ $rc -eq 0 ]; then pass "$name"; else fail "$name" "status $rc" "$out" "$err"; fi; }

# refuses NAME STATUS TEXT COMMAND...: must end with STATUS and say TEXT on stderr, in one line
refuses() {
    name=$1 want=$2 text=$3; shift 3; run "$@"
    case $rc,$err in "$want",*"$text"*) pass "$name" ;; *) fail "$name" "status $rc, want $want with '$text'" "$err" ;; esac
}

# is NAME FOUND WANTED
is() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "found: $2" "want:  $3"; fi; }

# has NAME TEXT PART
has() { case $2 in *"$3"*) pass "$1" ;; *) fail "$1" "found: $2" "want:  ...$3..." ;; esac; }

# same NAME FILE FILE
same() { if cmp -s "$2" "$3"; then pass "$1"; else fail "$1" "$2 and $3 differ"; fi; }

# absent NAME FILE...
absent() { name=$1; shift; for f; do if [ -e "$f" ]; then fail "$name" "$f exists"; return; fi; done; pass "$name"; }

# until_true COMMAND...: asks again until it succeeds, for a minute at least
until_true() {
    tries=3000
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.02
    done
}

skip() { n=$((n + 1)); echo "ok $n - $1 # SKIP $2"; }
skip_all() { echo "1..0 # SKIP $1"; exit 0; }
finish() { echo "1..$n"; }
