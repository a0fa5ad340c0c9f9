#!/bin/sh
. "$(dirname "$0")/tap.sh"
G=$B/data/generate

ok "the committed sample can be made again" "$G" --out again
run diff -r "$top/data/sample" again
is "the committed sample is what the generator makes by default, byte for byte" "$rc$out" 0
size=$(cat again/*.csv again/images/* | wc -c)
if [ "$size" -lt 4000000 ]; then pass "the sample is under 4 MB"; else fail "the sample is under 4 MB" "$size bytes"; fi

ok "forty products" "$G" --out a --rows 40 --seed 5
ok "forty products again" "$G" --out b --rows 40 --seed 5
ok "forty others" "$G" --out c --rows 40 --seed 6
run diff -r a b
is "the same seed gives the same bytes, pictures too" "$rc$out" 0
if cmp -s a/X_train_update.csv c/X_train_update.csv; then fail "another seed gives other products"; else pass "another seed gives other products"; fi

is "header of the products" "$(head -n 1 a/X_train_update.csv)" ",designation,description,productid,imageid,price,brand,condition"
is "header of the labels" "$(head -n 1 a/Y_train_CVw08PX.csv)" ",prdtypecode"
is "a label for every product" "$(wc -l <a/Y_train_CVw08PX.csv)" 41
is "twelve categories, already among forty" "$(tail -n +2 a/Y_train_CVw08PX.csv | cut -d, -f2 | sort -u | wc -l)" 12

# What is odd in the smallest set: every case of drawing.h.
hex() { od -An -v -tx1 "$1" | tr -d ' \n'; }
is "one picture is missing" "$(ls a/images | wc -l)" 39
truncated=0 grey=0 cmyk=0 palette=0 colour_png=0 rotated=0 progressive=0 plain=0
for f in a/images/*; do
    case $(hex "$f") in
    89504e47*504c5445*74524e53*) palette=$((palette + 1)) ;;
    89504e47*) colour_png=$((colour_png + 1)) ;;
    ffd8*457869660000*) rotated=$((rotated + 1)) ;;
    ffd8*ffee000e41646f6265*) cmyk=$((cmyk + 1)) ;;
    ffd8*ffc20011*ffd9) progressive=$((progressive + 1)) ;;
    ffd8*ffc0000b08*ffd9) grey=$((grey + 1)) ;;
    ffd8*ffd9) plain=$((plain + 1)) ;;
    ffd8*) truncated=$((truncated + 1)) ;;
    esac
done
is "truncated, grey, CMYK, palette, PNG, rotated, progressive, ordinary pictures" \
    "$truncated $grey $cmyk $palette $colour_png $rotated $progressive $plain" "1 1 1 1 1 1 1 32"
is "two pictures have the same bytes" "$(sha256sum a/images/* | cut -d' ' -f1 | sort | uniq -d | wc -l)" 1

s=$top/data/sample/X_train_update.csv
has "a tag" "$(cat "$s")" "<br />"
has "an entity" "$(cat "$s")" "&eacute;"
has "a quote in a field" "$(cat "$s")" '""'
has "an accent" "$(cat "$s")" "é"
if [ "$(wc -l <"$s")" -gt 1000 ]; then pass "fields hold newlines"; else fail "fields hold newlines"; fi
empty=$(grep -cE '^[0-9]+,("[^"]*("")*[^"]*"|[^,"]*),,[0-9]+,' "$s")
if [ "$empty" -gt 220 ] && [ "$empty" -lt 320 ]; then pass "three descriptions in ten are empty"; else fail "three descriptions in ten are empty" "$empty of 900"; fi

refuses "a directory that has pictures already" 64 "'a/images' exists already" "$G" --out a
refuses "too few rows" 64 "rows" "$G" --out d --rows 3
refuses "no directory" 64 "out" "$G"
: >file
refuses "an output below a file" 74 "file" "$G" --out file/x
finish
