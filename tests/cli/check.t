#!/bin/sh
# refit-check: whole outputs pass, damaged ones are named in one line with 65.
. "$(dirname "$0")/tap.sh"
check=$L/refit-check

ok "--help" "$check" --help
has "says what formats there are" "$out" "hdf5:KIND"
printf '{"a": {"b": 1}, "c.d": 2}' >good.json
printf '{"a": ' >cut.json
printf '{"a": 1, "a": 2}' >twice.json
: >empty
echo '<html></html>' >page.html
echo one >m1 && head -c 3000 /dev/zero >m2 && tar cf good.tar m1 m2 && head -c 2500 good.tar >cut.tar

ok "JSON" $check json good.json
ok "with its keys" $check json good.json --require a --require a.b --require c.d
refuses "a missing key" 65 "'good.json' has no key 'x'" $check json good.json --require x
refuses "a missing key inside" 65 "no key 'a.x'" $check json good.json --require a.x
refuses "JSON that is cut" 65 "'cut.json' line 1" $check json cut.json
refuses "a key twice" 65 "duplicate" $check json twice.json
refuses "an empty file" 65 "'empty': the file is empty" $check json empty
ok "tar" $check tar good.tar --require m1 --require m2
refuses "a missing member" 65 "has no member 'm3'" $check tar good.tar --require m3
refuses "tar that is cut" 65 "'cut.tar' is no whole tar archive" $check tar cut.tar
refuses "no tar" 65 "'good.json' is no whole tar archive" $check tar good.json
ok "html" $check html page.html
ok "any" $check any m1
refuses "nothing there" 74 "nosuch" $check any nosuch
refuses "the declared name stands for the path" 65 "'work/report.html': the file is empty" \
    $check html empty --name work/report.html
refuses "an unknown format" 64 "unknown format 'xml'" $check xml good.json
refuses "no arguments" 64 "usage" $check
refuses "a path that is missing" 64 "without a path" $check json
run $check json cut.json tar cut.tar any m1
is "each problem is told" "$rc $(echo "$err" | wc -l)" "65 2"

if /usr/bin/python3 -c 'import h5py' 2>/dev/null; then
    /usr/bin/python3 - <<'EOP'
import h5py
def make(path, complete):
    with h5py.File(path, 'w') as f:
        f.attrs['kind'] = 'refit.table'
        f.attrs['kind_version'] = 1
        f['products/price/values'] = [1.0, 2.0]
        if complete:
            f.attrs['complete'] = 1
make('good.h5', True)
make('open.h5', False)
EOP
    head -c 1000 good.h5 >cut.h5
    ok "HDF5" $check hdf5:refit.table good.h5 --require products/price/values --require /products
    ok "HDF5 of any kind" $check hdf5 good.h5
    refuses "a missing dataset" 65 "'good.h5' has no 'x/y'" $check hdf5 good.h5 --require x/y
    refuses "another kind" 65 "is of kind 'refit.table', want 'refit.split'" $check hdf5:refit.split good.h5
    refuses "a file that was not finished" 65 "complete" $check hdf5:refit.table open.h5
    refuses "a file that is cut" 65 "cut.h5" $check hdf5 cut.h5
    refuses "no HDF5" 65 "not an HDF5 file" $check hdf5 good.json
    refuses "nothing there" 74 "nosuch.h5" $check hdf5 nosuch.h5
else
    skip "HDF5" "no h5py"
fi
finish
