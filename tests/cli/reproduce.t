#!/bin/sh
# refit reproduce: a committed stage again, aside; and refit-check --compare, which says where two files differ.
. "$(dirname "$0")/tap.sh"
json() { /usr/bin/python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }

echo 1 >count; echo hello >in
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
secrets: {TOKEN: {env: MY_TOKEN}}
stages:
  same:
    cmd: [sh, -c, 'cp "$1" "$2"; echo "$MODE" >>"$2"; echo x >>../runs', sh, "${deps.i}", "${outs.o}"]
    env: {MODE: fast}
    deps: {i: in}
    outs: {o: work/deep/same}
  other:
    cmd: [sh, -c, 'read -r n <count; echo $((n + 1)) >count; printf "{\"a\": [1, {\"b\": %d}]}" $n >"$1"', sh, "${outs.o}"]
    deps: {s: work/deep/same}
    outs: {o: {path: work/other.json, format: json}}
  fails:
    cmd: [sh, -c, 'echo out of luck >&2; read -r n <count; test $n -lt 3 && echo x >"$1"', sh, "${outs.o}"]
    needs: [other]
    outs: {o: work/fails}
  outside:
    cmd: [sh, -c, 'printf %s "$TOKEN" | wc -c >"$1"', sh, "${outs.o}"]
    secrets: [TOKEN]
    outs: {o: work/outside}
  grows:
    cmd: [sh, -c, 'echo x >>"$1"', sh, "${outs.o}"]
    outs: {o: {path: state/grows, persist: true}}
EOY
mkdir p; mv pipeline.yaml in count p; cd p || exit 1
export MY_TOKEN=12345678
refuses "what was never committed" 64 "'same' was never committed" refit reproduce same
absent "leaves nothing" .refit
refit run -q -j 1 || exit 1
before=$(find work state -type f | sort | xargs sha256sum; refit history -n 0; ls .refit/runs)

ok "a stage that is deterministic" refit reproduce same
is "is told so" "$out" "identical  outs.o: work/deep/same"
is "it ran" "$(wc -l <../runs)" 2
run refit reproduce other
is "another one: exit 1" $rc 1
is "is told with the place" "$out" "differs    outs.o: work/other.json: 'a[1].b': 2, was 1"
is "--json" "$(refit reproduce same --json | json '(d["identical"], d["exit_code"], d["outputs"][0]["state"], d["scratch"])')" \
   "(True, 0, 'identical', None)"
run refit reproduce fails
is "one that fails now: exit 1" $rc 1
has "with its log" "$out" "| out of luck"
refuses "one with secrets" 64 "uses secrets: it may change what is outside" refit reproduce outside
ok "unless it is wanted" refit reproduce --outside outside
refuses "one whose output grows" 64 "cannot be reproduced: its output 'o' grows" refit reproduce --outside grows
is "outputs and history are untouched" "$before" "$(find work state -type f | sort | xargs sha256sum; refit history -n 0; ls .refit/runs)"
absent "and nothing is left" .refit/reproduce
ok "--keep" refit reproduce --keep same
is "leaves what it made" "$(cat .refit/reproduce/*/work/deep/same)" "hello
fast"
echo edited >in
refuses "an input that is not that of the commit" 64 "deps.i: in changed" refit reproduce same
printf 'hello\n' >in
ok "one that is again" refit reproduce same
refuses "a parameter too" 64 "env.MODE: fast -> slow" sh -c 'sed s/fast/slow/ pipeline.yaml >slow.yaml; refit reproduce -f slow.yaml same'
echo touched >work/other.json
has "an output that was changed meanwhile is not compared" "$(refit reproduce other)" "is not there any more to be compared"

# ---- where two files differ ----
compare() { "$L/refit-check" --compare "$@"; }
# differs NAME FORMAT TEXT: a and b differ there
differs() { run compare "$2" a b; is "$1" "$rc $out" "1 $3"; }
printf hello >a; printf help! >b
differs "bytes" any "byte 3"
printf hel >b
differs "a shorter file" any "byte 3: it ends there"
cp a b
ok "equal files" compare any a b
echo '{"x": 1, "y": [1, 2]}' >a; echo '{"y": [1, 3], "x": 1.0}' >b
differs "a value" json "'y[1]': 3, was 2"
echo '{"x": 1}' >b
differs "a key that is gone" json "'y': nothing, was [1,2]"
mkdir m; echo 1 >m/a; echo 2 >m/b; tar -cf a --mtime=@0 -C m a b; echo 3 >m/b; tar -cf b --mtime=@0 -C m a b
differs "a member of a tar" tar "member 'b': byte 0"
rm -rf a b; mkdir -p a/s b/s; echo 1 >a/s/x; echo 2 >b/s/x
differs "a file of a directory" any "file 's/x': byte 0"
rm b/s/x; echo 1 >b/s/y
differs "a file that is missing" any "file 's/x' is missing"
rm -rf a b; touch a b
refuses "no such file" 74 "cannot open 'nosuch'" "$L/refit-check" --compare any nosuch b
refuses "no HDF5" 65 "cannot be opened as HDF5" "$L/refit-check" --compare hdf5 a b
if /usr/bin/python3 -c 'import h5py' 2>/dev/null; then
    make5() { /usr/bin/python3 -c "
import h5py, numpy as np
f = h5py.File('$1', 'w')
f['t/x'] = np.arange(12.0).reshape(4, 3)
f['t/n'] = np.arange(5, dtype='i4')
f['t'].attrs['rows'] = 4
f.attrs['kind'] = 'refit.table'
$2"; }
    make5 a ''
    make5 b ''
    ok "the same HDF5" compare hdf5:refit.table a b
    make5 b 'f["t/x"][2, 1] = 0.5'
    differs "an element" hdf5 "dataset 't/x': element 7 of 12: 0.5, was 7"
    make5 b 'f["t/n"][4] = -1'
    differs "a whole number" hdf5 "dataset 't/n': element 4 of 5: -1, was 4"
    make5 b 'f["t"].attrs["rows"] = 5'
    differs "an attribute" hdf5 "attribute 'rows' of 't': element 0 of 1: 5, was 4"
    make5 b 'f.attrs["kind"] = "refit.model"'
    differs "a text" hdf5 "attribute 'kind' of '.': element 0 of 1: 'refit.model', was 'refit.table'"
    make5 b 'del f["t/n"]'
    differs "a dataset that is gone" hdf5 "object 't/n' is missing"
    make5 b 'f["t/z"] = 1'
    differs "one that is new" hdf5 "object 't/z' is new"
    make5 b 'del f["t/x"]; f["t/x"] = np.zeros((3, 4))'
    differs "another shape" hdf5 "dataset 't/x': another shape"
else
    skip "where HDF5 files differ" "python3-h5py is not here"
fi
finish
