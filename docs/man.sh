#!/bin/sh
# man.sh BIN OUT: man pages from the same source as --help, so that the two cannot disagree.
bin=$1 out=$2
mkdir -p "$out"
# What roff would obey in a line of help.
escape='function text(s) { gsub(/\\/, "\\e", s); gsub(/-/, "\\-", s); if (s ~ /^[.\x27]/) s = "\\&" s; return s }'
page() { # NAME PROGRAM
    "$2" --help | awk -v name="$1" -v upper="$(echo "$1" | tr a-z A-Z)" "$escape"'
        NR == 1 { split($0, part, ": "); printf ".TH %s 1\n.SH NAME\n%s \\- %s\n.SH DESCRIPTION\n.nf\n", upper, text(name), text(substr($0, length(part[1]) + 3)); next }
        /^[A-Z][A-Za-z ]*:$/ { sub(/:$/, ""); printf ".fi\n.SH %s\n.nf\n", toupper($0); next }
        { print text($0) }' >"$out/$1.1"
}
# The help of each command, without what the help of refit itself says already (options of all, exit statuses).
commands() {
    refit=$bin/bin/refit
    "$refit" help >"$out/.help"
    printf '.fi\n.SH COMMANDS\n'
    for command in $(awk '/^  [a-z]/ { print $1 }' "$out/.help" | grep -vx help); do
        "$refit" help "$command" | awk "$escape"'
            NR == FNR { said[$0] = $0 != ""; next }
            FNR == 1 { printf ".SS %s\n.nf\n", text($0); next }
            said[$0] { next }
            $0 == "" { empty = 1; next }
            /^Options:$/ { title = $0; next }
            { if (title) print ""; else if (empty && shown) print ""
              if (title) print text(title); title = ""; empty = 0; shown = 1; print text($0) }
            END { print ".fi" }' "$out/.help" -
    done
    rm "$out/.help"
}
page refit "$bin/bin/refit"
commands >>"$out/refit.1"
for p in "$bin"/bin/refit-* "$bin"/libexec/refit/*; do page "refit-$(basename "$p" | sed 's/^refit-//')" "$p"; done
