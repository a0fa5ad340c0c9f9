#!/bin/sh
# preprocess_images: which pictures come out, what becomes of bad ones, the same for any number of threads.
. "$(dirname "$0")/tap.sh"

mkdir in && "$B/tests/tools/pictures" in || exit 1
images() { "$L/preprocess_images" "$@"; }
all="--table in/table.h5 --images in/images"
status() { h5dump -d images/status -c 14 -y -w 200 "$1" | sed -n '/DATA {/,/}/p' | tr -dc '0-9,'; }
reason() { h5dump -d images/reason/bytes -b LE -o .bytes "$1" >/dev/null && cat .bytes; }

# shellcheck disable=SC2086
{
ok "the pictures of a table are decoded" images $all --pixels p.h5 --size 32
is "bad ones are marked: 1 missing, 2 corrupt" "$(status p.h5)" "0,0,0,0,0,1,2,2,2,2,1,1,0,2"
is "stdout stays empty" "$out" ""
has "the log counts them" "$err" "1300 rows: 1292 pictures, 3 missing, 5 corrupt"
has "a missing file is named" "$err" "row 5: missing: 'absent.jpg': No such file or directory"
has "a truncated one" "$err" "row 6: corrupt: 'cut.jpg': damaged JPEG: Premature end of JPEG file"
has "an empty one" "$err" "row 7: corrupt: 'void.jpg': the file is empty"
has "one that is no picture" "$err" "row 8: corrupt: 'text.jpg': no picture: want JPEG, PNG or WebP"
has "one of 90 megapixels" "$err" "row 9: corrupt: 'huge.png': 9488 x 9488 pixels are over the limit of 80000000 pixels"
has "a name that leaves the directory" "$err" "row 10: missing: a value with '/' or NUL is no part of a picture name"
has "a row without a name" "$err" "row 11: missing: no picture name: a value is missing"
has "a directory" "$err" "row 13: corrupt: 'folder.jpg' is no regular file"
has "identical files are counted" "$err" "1 groups of identical picture files, in 1288 rows"
has "and named" "$err" "row 12: the same picture as row 0"
is "the hash of each file is in the output" "$(h5dump -d images/digest -s 0,0 -c 1,32 -y p.h5 | sed -n '/DATA {/,/}/p' | grep -o '[0-9]*' |
    while read -r byte; do printf %02x "$byte"; done)" "$(sha256sum in/images/rgb.jpg | cut -d' ' -f1)"
ok "cut to their middle, by another filter" images $all --pixels crop.h5 --size 32 --fit crop --filter lanczos
has "which the file says" "$(h5dump -a images/recipe crop.h5)" '"fit":"crop","filter":"lanczos"'
ok "on another background" images $all --pixels red.h5 --size 32 --background '#ff0000'
is "which transparency shows" "$(h5dump -d images/data -s 3,0,0,0 -c 1,1,1,3 -y red.h5 | sed -n '/DATA {/,/}/p' | tr -dc '0-9,')" "255,0,0"
has "the reasons are in the file" "$(reason p.h5)" "'text.jpg': no picture: want JPEG, PNG or WebP"
has "the pixels are rows of RGB" "$(h5ls p.h5/images)" "{1300, 32, 32, 3}"
is "a corrupt picture is black" "$(h5dump -d images/data -s 6,0,0,0 -c 1,32,32,3 -y p.h5 | sed -n '/DATA {/,/}/p' | tr -dc '1-9')" ""
is "transparency is white" "$(h5dump -d images/data -s 3,0,0,0 -c 1,1,1,3 -y p.h5 | sed -n '/DATA {/,/}/p' | tr -dc '0-9,')" "255,255,255"
has "the options travel along" "$(h5dump -a images/recipe p.h5)" \
    '{"version":2,"size":32,"fit":"stretch","filter":"area","background":"#ffffff","dct_scaling":true,"max_bytes":67108864,"max_pixels":80000000}'
is "the rows are those of the table" "$(h5dump -a images/keys_sha256 p.h5 | grep '(0)')" \
    "$(h5dump -a products/keys_sha256 in/table.h5 | grep '(0)')"
ok "one thread" images $all --pixels p1.h5 --size 32 --threads 1
ok "three threads" images $all --pixels p3.h5 --size 32 --threads 3
same "one and three threads give the same bytes" p1.h5 p3.h5
same "and a second run too" p1.h5 p.h5
ok "large pictures go in several blocks" images $all --pixels b1.h5 --size 128 --threads 1
ok "and with two threads" images $all --pixels b2.h5 --size 128 --threads 2
same "with the same bytes" b1.h5 b2.h5

ok "all pictures missing is a warning" images --table in/lost.h5 --images in/images --pixels l.h5
has "that says so" "$err" "warning: no row has a picture in 'in/images'"
ok "no rows, no pictures" images --table in/none.h5 --images in/images --pixels n.h5
has "is no error" "$err" "0 rows: 0 pictures, 0 missing, 0 corrupt"
refuses "more corrupt ones than allowed" 65 "5 of 1297 pictures in 'in/images' are corrupt: more than max_bad_share 0.001" \
    images $all --pixels x.h5 --max_bad_share 0.001
refuses "more missing ones than allowed" 65 "3 of 1300 rows have no picture in 'in/images': more than max_missing_share 0" \
    images $all --pixels x.h5 --max_missing_share 0
ok "a limit on bytes" images $all --pixels s.h5 --max_bytes 777 --max_bad_share 1
has "is told" "$err" "row 0: corrupt: 'rgb.jpg': 778 bytes are over the limit of 777 bytes"
ok "a limit on pixels" images $all --pixels s.h5 --max_pixels 575 --max_bad_share 1
has "is told too" "$err" "24 x 24 pixels are over the limit of 575 pixels"
refuses "a table without pictures" 65 "table 'products' names no pictures" images --table in/bare.h5 --images in/images --pixels x.h5
refuses "a directory that is not there" 65 "'nowhere' is no directory of pictures: No such file or directory" \
    images --table in/table.h5 --images nowhere --pixels x.h5
refuses "a file in its place" 65 "'in/table.h5' is no directory of pictures" \
    images --table in/table.h5 --images in/table.h5 --pixels x.h5
refuses "a table of another kind" 65 "p.h5" images --table p.h5 --images in/images --pixels x.h5
refuses "a colour that is none" 64 "background 'white' is no colour: want #rrggbb" images $all --pixels x.h5 --background white
refuses "by --check, too" 64 "is no colour" images --check --background '#12345g'
refuses "a size of 0" 64 "--size '0' is out of range" images $all --pixels x.h5 --size 0
(trap '' XFSZ; ulimit -f 100; images $all --pixels x.h5) >/dev/null 2>&1
is "a disk that is full" "$?" 74
absent "nothing stays behind" x.h5 x.h5.tmp

(REFIT_EVENTS=file:events images $all --pixels e.h5 2>/dev/null)
has "progress is told" "$(grep progress events | tail -1)" '{"progress":{"done":1300,"total":1300,"unit":"pictures"}}'
has "warnings too" "$(cat events)" '{"warning":"5 of 1297 pictures are corrupt"}'
}
finish
