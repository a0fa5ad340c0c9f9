#!/bin/bash
. "$(dirname "$0")/tap.sh"
"$B/tests/tools/samples" .
impute() { "$L/impute_scale" --table table.h5 --split split.h5 --features features.h5 "$@"; }

ok 'gaps, levels and scales are learnt from the training rows' impute
has 'a column without values is left out, with a warning' "$err" "warning: column 'size' is left out: the training rows have no value"
ok 'the matrix is what numpy makes of the table' /usr/bin/python3 - <<'P'
import h5py, numpy as np
with h5py.File("table.h5", "r") as t, h5py.File("features.h5", "r") as f, h5py.File("split.h5", "r") as s:
    x, train = f["features/values"][()], s["split/side"][()] == 0
    value, valid = t["things/price/values"][()], t["things/price/valid"][()] == 1
    filled = np.where(valid, value, np.median(value[train & valid]))
    want = (filled - filled[train].mean()) / filled[train].std()
    assert np.allclose(x[:, 0], want, rtol=1e-12, atol=1e-12)
    assert (x[:, 1] == ~valid).all()
    code, names = t["things/brand/values"][()], ["Vif", "Eclat", "Nadir", "Zenith", "Orme"]
    count = [((code == k) & train).sum() for k in range(5)]
    code = np.where(code < 0, int(np.argmax(count)), code)
    kept = sorted(k for k in names if count[names.index(k)])
    for j, name in enumerate(kept):
        assert (x[:, 2 + j] == (code == names.index(name))).all(), name
    flag = t["things/used/values"][()].astype(float)
    assert flag[train].std() == 0 and np.allclose(x[:, -1], flag - 1) # constant in training: divided by 1
    assert x.shape == (300, 3 + len(kept))
P
cp features.h5 first.h5
ok 'again' env REFIT_THREADS=2 "$L/impute_scale" --table table.h5 --split split.h5 --features features.h5
same 'the same input gives the same bytes, for any number of threads' first.h5 features.h5

ok 'the options of the titanic pipeline' impute --number_missing median --category_missing Missing --indicators true \
    --rare_below 0.05 --rare_label Rare --one_hot drop_last --scale standard --scale_indicators true
ok 'the options of the referrals pipeline' impute --missing zero --scale none
ok 'without a split every labelled row is a training row' "$L/impute_scale" --table table.h5 --features f.h5
has 'and only those' "$err" 'learnt from 297 of 300 rows'
ok 'without a label every row is' "$L/impute_scale" --table plain.h5 --features f.h5
has 'a table without features gives a matrix without columns, with a warning' "$err" \
    'warning: the table has no feature columns: the matrix has 300 rows and no column'
ok 'h5ls opens it' h5ls -r f.h5

rm -f features.h5
refuses 'a split of other rows is refused' 65 'other.h5' "$L/impute_scale" --table other.h5 --split split.h5 --features features.h5
refuses 'a word is no constant' 64 "--number_missing 'mode'" impute --number_missing mode
refuses 'nor is an infinity' 64 "--number_missing 'inf'" impute --number_missing inf
refuses 'by --check, too' 64 "--number_missing 'mode'" impute --check --number_missing mode
refuses 'an empty name of a level is refused' 64 'want the name of a level' impute --category_missing ''
refuses 'a share above 1 is refused' 64 'out of range' impute --rare_below 2
refuses 'a file of another kind is refused' 65 'refit.table' "$L/impute_scale" --table table.h5 --split table.h5 --features features.h5
head -c 5000 split.h5 >cut.h5
refuses 'a truncated split is refused' 65 'cut.h5' "$L/impute_scale" --table table.h5 --split cut.h5 --features features.h5
refuses 'a full disk is said' 74 'features.h5' bash -c "trap '' XFSZ; ulimit -f 4; exec '$L/impute_scale' --table table.h5 --features features.h5"
absent 'no failure leaves an output' features.h5 features.h5.tmp
finish
