#!/bin/sh
# man.sh BIN OUT: man pages from the same source as --help, so that the two cannot disagree.
bin=$1 out=$2
mkdir -p "$out"
page() { # NAME PROGRAM
    "$2" --help | awk -v name="$1" -v upper="$(echo "$1" | tr a-z A-Z)" '
        function text(s) { gsub(/\\/, "\\e", s); gsub(/-/, "\\-", s); if (s ~ /^[.\x27]/) s = "\\&" s; return s }
        NR == 1 { split($0, part, ": "); printf ".TH %s 1\n.SH NAME\n%s \\- %s\n.SH DESCRIPTION\n.nf\n", upper, text(name), text(substr($0, length(part[1]) + 3)); next }
        /^[A-Z][A-Za-z ]*:$/ { sub(/:$/, ""); printf ".fi\n.SH %s\n.nf\n", toupper($0); next }
        { print text($0) }' >"$out/$1.1"
}
page refit "$bin/bin/refit"
for p in "$bin"/libexec/refit/*; do page "refit-$(basename "$p" | sed 's/^refit-//')" "$p"; done
