#!/bin/sh
# run.sh TEST...: every test speaks TAP; prove judges, the last line counts.
log=${BIN:-build}/test.log
export CMOCKA_MESSAGE_OUTPUT=TAP ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} UBSAN_OPTIONS=print_stacktrace=1
prove --merge --verbose --jobs "$(nproc)" "$@" >"$log" 2>&1
status=$?
grep -E '^(not ok|Bail out)|^# |\.\. *(Failed|Dubious|skipped)|^(Parse errors|  (Failed|Non-zero|Parse|Bad))' "$log" | grep -v '^# *ok' | head -200
grep -E '^(Files=|Result:)' "$log"
awk '/^ok .*# SKIP/ { s++; next } /^ok / { p++ } /^not ok / { f++ } END { printf "%d passed, %d failed, %d skipped\n", p, f, s }' "$log"
exit $status
