#!/bin/bash
# s3.sh: a file of 200 MB to an S3 server and back, beside the aws client, in turns: median of three. The server is radosgw
# on this machine (tests/cli/radosgw.sh), so that both clients are limited by it and by what they compute. Then the same with
# the programs: a package of 200 MB, which they hash, look into and unpack besides.
cd "$(dirname "$0")/.." || exit 1
B=$PWD/${BIN:-build/release}
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
until_true() { for _ in $(seq 3000); do "$@" >/dev/null 2>&1 && return; sleep 0.02; done; return 1; }
. tests/cli/radosgw.sh
export S3_BYTES=4294967296
s3_start || { echo "S3: not measured: $why"; exit 0; }

# Wall seconds, CPU seconds, MB of a command: appended to a file.
take() { # FILE COMMAND...
    to=$1; shift
    /usr/bin/time -a -o "$to" -f '%e %U %S %M' "$@" >/dev/null 2>>"$t/log"
}
median() { # FILE FIELDS: of the sum of some fields
    awk -v f="$2" '{ n = split(f, a, ","); s = 0; for (i = 1; i <= n; i++) s += $a[i]; print s }' "$1" | sort -n | sed -n 2p
}
row() { # WHAT UNIT OURS PEERS
    awk -v what="$1" -v unit="$2" -v a="$3" -v b="$4" 'BEGIN {
        ratio = a > 0 && b > 0 ? sprintf("%.1f x", b / a) : "-"
        printf "%-46s %10.2f %-10s %12.2f %-22s %8s\n", what, a, unit, b, "aws", ratio }'
}
rows() { # WHAT FILE
    row "$1" s "$(median "$t/ours.$2" 1)" "$(median "$t/aws.$2" 1)"
    row "  its CPU time" s "$(median "$t/ours.$2" 2,3)" "$(median "$t/aws.$2" 2,3)"
    row "  its memory" MB "$(median "$t/ours.$2" 4 | awk '{ print $1 / 1000 }')" "$(median "$t/aws.$2" 4 | awk '{ print $1 / 1000 }')"
}

head -c 200000000 /dev/urandom >"$t/file"
url="s3://models?endpoint=$s3"
"$B/tests/tools/s3tool" "$url" make
SHA256=$(sha256sum "$t/file" | cut -c1-64) # a publisher knows it from the manifest
export SHA256
(cd "$t" && "$B/tests/tools/samples" . && echo '{"accuracy": 0.5}' >m.json &&
    "$B/libexec/refit/package" --model model.h5 --metrics m.json --report file --package package.tar 2>/dev/null)
export REFIT_REGISTRY="$url&verify=false"
for i in 1 2 3; do
    take "$t/aws.up" aws --endpoint-url "$s3" s3 cp --quiet "$t/file" s3://models/theirs
    take "$t/ours.up" "$B/tests/tools/storetool" "$url&verify=false" put ours "$t/file"
    take "$t/ours.parts" "$B/tests/tools/storetool" "$url&verify=false&part_size=16M" put ours "$t/file"
    take "$t/ours.safe" "$B/tests/tools/storetool" "$url" put ours "$t/file"
    cp "$t/aws.up" "$t/aws.safe"
    cp "$t/aws.up" "$t/aws.parts"
    take "$t/aws.down" aws --endpoint-url "$s3" s3 cp --quiet s3://models/ours "$t/got"
    take "$t/ours.down" "$B/tests/tools/storetool" "$url" get ours "$t/got" "$SHA256"
    cmp -s "$t/file" "$t/got" || echo "what came back is something else"
    take "$t/ours.upload" "$B/libexec/refit/upload" --package "$t/package.tar" --receipt "$t/r" --registry "$REFIT_REGISTRY" --name "m$i"
    take "$t/ours.pull" "$B/bin/refit-models" pull "m$i" "$t/folder"
    cmp -s "$t/file" "$t/folder/report.html" || echo "what was pulled is something else"
    rm -rf "$t/folder"
    cp "$t/aws.up" "$t/aws.upload"
    cp "$t/aws.down" "$t/aws.pull"
done
rows 'S3: 200 MB up, not read back' up
rows 'S3: 200 MB up in parts of 16 MiB' parts
rows 'S3: 200 MB up and read back (the peer does not)' safe
rows 'S3: 200 MB down, its hash compared' down
rows 'upload: a package of 200 MB, not read back' upload
rows 'refit-models pull: it, unpacked and compared' pull
s3_stop
