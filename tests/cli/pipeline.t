#!/bin/bash
# The whole line, as a user runs it: raw files to a published model, on the sample, by `refit run --profile ci`.
. "$(dirname "$0")/tap.sh"
cp -r "$top/pipeline.yaml" "$top/models/presets" .
mkdir -p models data && mv presets models/ && cp -r "$top/data/sample" "$top/data/schemas" data/

ok 'the pipeline file and every profile are valid' refit validate
ok 'a dry run says what would run and does nothing' refit run --profile ci -n
absent 'a dry run leaves nothing behind' work registry
ok 'import to upload, one epoch' refit run --profile ci
[ $rc -eq 0 ] || { cat .refit/runs/*/*.log | tail -50 | sed 's/^/# /'; finish; exit 1; }
current=work/ci/registry/products/current.json
is 'the first version is published' "$(sed -n 's/.*"version": *"\{0,1\}\([^",}]*\).*/\1/p' $current)" 1
is 'current.json has the hash of the package' \
    "$(sed -n 's/.*"sha256": *"\([0-9a-f]*\)".*/\1/p' $current)" "$(sha256sum <work/ci/registry/products/1/models.tar | cut -d' ' -f1)"
same 'the published package is what the package stage made' work/ci/registry/products/1/models.tar work/products/models.tar
has 'its manifest tells which data it was trained on' "$(cat work/ci/registry/products/1/manifest.json)" "$(sha256sum <work/products/table.h5 | cut -d' ' -f1)"
same 'the fixed key holds the same package' work/ci/registry/models.tar work/products/models.tar

run refit run --profile ci
is 'a second run succeeds' "$rc" 0
has 'and has nothing to do' "$out$err" 'nothing to do'

run refit plan --profile ci -p train.batch=16
has 'a changed parameter of train runs train' "$out" 'run       train              params.batch'
run refit explain train --profile ci -p train.batch=16
has 'explain names the value' "$out" '16'
ok 'with another batch size' refit run --profile ci -p train.batch=16
run refit history --json
for stage in import preprocess_text preprocess_images split impute_scale train_text train_image; do
    is "$stage ran once only" "$(find .refit/runs -name "$stage.*.log" | wc -l)" 1
done
is 'train ran twice' "$(find .refit/runs -name 'train.1.log' | wc -l)" 2
is 'another package is another version' "$(sed -n 's/.*"version": *"\{0,1\}\([^",}]*\).*/\1/p' $current)" 2

for f in work/products/*.h5; do
    ok "h5ls opens $(basename "$f")" h5ls -r "$f"
    ok "h5dump opens $(basename "$f")" h5dump -H "$f"
done
ok 'h5py opens every file and finds it complete' /usr/bin/python3 - work/products/*.h5 <<'P'
import sys, h5py
for name in sys.argv[1:]:
    with h5py.File(name, "r") as f:
        assert f.attrs["kind"].startswith("refit."), name
        assert f.attrs["complete"], name
        f.visititems(lambda path, node: node[()] if isinstance(node, h5py.Dataset) else None)
P

# The same inputs give the same bytes, whatever the number of threads.
mv work first && rm -rf .refit
ok 'a run with one thread' env REFIT_THREADS=1 refit run --profile ci -p train.batch=16 -j 1
for f in first/products/*; do
    case $f in *upload.json) continue ;; esac # the receipt has a time
    same "$(basename "$f") is byte-identical" "$f" "work/products/$(basename "$f")"
done
finish
