#!/bin/sh
# preprocess_text: which words come out, the same for any number of threads, what is refused.
. "$(dirname "$0")/tap.sh"

mkdir in && "$B/tests/tools/pictures" in || exit 1
text() { "$L/preprocess_text" "$@"; }
# the first eleven words of the dictionary, each with a blank behind it
words() {
    h5dump -d text/words/bytes -b LE -o .bytes "$1" >/dev/null
    h5dump -d text/words/offsets -y -w 80 "$1" | sed -n '/DATA {/,/}/p' | grep -o '[0-9]*' | head -12 | {
        read -r from
        while read -r to; do
            dd if=.bytes bs=1 skip="$from" count=$((to - from)) 2>/dev/null
            printf ' '
            from=$to
        done
    }
}

ok "the texts of a table become words" text --table in/table.h5 --text t.h5 --language french
is "the log counts them" "$err" "1300 rows, 3466 words, 703 of them distinct; 1 rows without words"
is "stdout stays empty" "$out" ""
is "words stand in order of first appearance, decoded and folded" "$(words t.h5)" \
    "écran 0 grand beau 2 3 4 5 6 7 8 "
has "the options travel along" "$(h5dump -a text/recipe t.h5)" \
    '{"version":2,"language":"french","charset":"unicode","lower":true,"stop_words":true,"stem":false,"html":true,"mask_digits":false,"mask_urls":false,"max_words":0,"ngram_of":"words","ngram_min":1,"ngram_max":1}'
is "the rows are those of the table" "$(h5dump -a text/keys_sha256 t.h5 | grep '(0)')" \
    "$(h5dump -a products/keys_sha256 in/table.h5 | grep '(0)')"
ok "one thread" text --table in/table.h5 --text t1.h5 --language french --threads 1
ok "three threads" text --table in/table.h5 --text t3.h5 --language french --threads 3
same "one and three threads give the same bytes" t1.h5 t3.h5
same "and a second run too" t1.h5 t.h5

ok "options change the words" text --table in/table.h5 --text o.h5 --language french --stop_words false --stem true \
    --charset letters --max_words 3
ok "the same by one thread" text --table in/table.h5 --text o1.h5 --language french --stop_words false --stem true \
    --charset letters --max_words 3 --threads 1
ok "and by three" text --table in/table.h5 --text o3.h5 --language french --stop_words false --stem true \
    --charset letters --max_words 3 --threads 3
same "which meet the words behind the third in another order" o1.h5 o3.h5
is "stop words stay, digits leave, words are stemmed, three are kept" "$(words o.h5)" "l écran n "
ok "without HTML and folding" text --table in/table.h5 --text p.h5 --html false --lower false --charset ascii
is "tags are letters then" "$(words p.h5)" "L cran n p Tr egrave s b grand amp beau "
ok "masks and n-grams" text --table in/table.h5 --text m.h5 --mask_digits true --mask_urls true --ngram_min 2 --ngram_max 3
is "n-grams of two words, digits as 0" "$(words m.h5)" "l écran écran n n 0 0 très très grand grand beau l écran n écran n 0 n 0 très 0 très grand très grand beau "
ok "n-grams of characters" text --table in/table.h5 --text c.h5 --ngram_of characters --ngram_min 3 --ngram_max 3 --threads 2
is "know where a word ends" "$(words c.h5)" " l   éc écr cra ran an   n   0   tr trè rès "
ok "a language without a list" text --table in/table.h5 --text g.h5 --language hungarian
has "says so" "$err" "there is no list of stop words for hungarian: none are left out"
has "and notes it" "$(h5dump -a text/recipe g.h5)" '"stop_words":false'
ok "a table without rows" text --table in/none.h5 --text n.h5
is "gives no words" "$err" "0 rows, 0 words, 0 of them distinct; 0 rows without words"

refuses "a table without texts" 65 "table 'products' has no text: its import schema names the columns" \
    text --table in/bare.h5 --text x.h5
refuses "no table" 74 "nowhere.h5" text --table nowhere.h5 --text x.h5
echo nonsense >junk.h5
refuses "a file that is no table" 65 "junk.h5" text --table junk.h5 --text x.h5
refuses "a file of another kind" 65 "refit.tokens" text --table t.h5 --text x.h5
head -c 3000 in/table.h5 >short.h5
refuses "a truncated table" 65 "short.h5" text --table short.h5 --text x.h5
refuses "an unknown language" 64 "--language 'klingon' is not one of" text --table in/table.h5 --text x.h5 --language klingon
refuses "a stemmer without language" 64 "stem needs a language" text --table in/table.h5 --text x.h5 --stem true
refuses "the same by --check, which reads no file" 64 "stem needs a language" text --check --stem true
refuses "stop words without folding" 64 "stop_words needs lower case" \
    text --table in/table.h5 --text x.h5 --language french --lower false
refuses "n-grams out of order" 64 "n-grams of 3 to 2: want 1 <= ngram_min <= ngram_max <= 10" \
    text --table in/table.h5 --text x.h5 --ngram_min 3 --ngram_max 2
refuses "a number of words below zero" 64 "--max_words '-1' is out of range" text --table in/table.h5 --text x.h5 --max_words -1
ok "--check of good options" text --check --language french --stem true
full() { trap '' XFSZ; ulimit -f 4; text "$@"; }
(full --table in/table.h5 --text x.h5) >/dev/null 2>.err
is "a disk that is full" "$?" 74
absent "nothing stays behind" x.h5 x.h5.tmp

(REFIT_EVENTS=file:events text --table in/table.h5 --text e.h5 2>/dev/null)
has "progress is told" "$(tail -1 events)" '{"progress":{"done":1300,"total":1300,"unit":"texts"}}'
finish
