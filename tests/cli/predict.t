#!/bin/sh
# refit-predict: the answers to rows as they come are those of training, for every row and every kind of model.
. "$(dirname "$0")/tap.sh"
P=$B/bin/refit-predict
s=$top/data/sample
quiet() { "$@" >>log 2>&1 || { tail -3 log >&2; echo "Bail out! $*"; exit 1; }; }

cat >fusion.yaml <<'END'
network: 1
branches:
  text: {vocabulary: all, length: 20, layers: [{embedding: 8}, {lstm: 8}]}
  pixels: {layers: [{conv2d: 4}, {maxpool: 2}, flatten]}
  features: {layers: [{dense: 8}]}
head: [concat, {dense: 16}, batch_norm, dense: classes]
training: {epochs: 1, batch: 32}
END
sed '/pixels:/d; /features:/d; s/concat, //' fusion.yaml >text.yaml
sed '/text:/d; /features:/d; s/concat, //' fusion.yaml >image.yaml
sed 's/  text:.*/  ngrams: {words: 2, characters: [3, 5], min_rows: 2, vocabulary: 5000, weight: log_count_ratio, layers: [{embedding_bag: 8}]}/; /pixels:/d' fusion.yaml >ngrams.yaml
quiet "$L/import" --source "$s/X_train_update.csv" --source "$s/Y_train_CVw08PX.csv" --schema "$top/data/schemas/products.yaml" --table table.h5
quiet "$L/preprocess_text" --table table.h5 --text words.h5 --language french --stem true
quiet "$L/preprocess_images" --table table.h5 --images "$s/images" --pixels pixels.h5 --size 16
quiet "$L/split" --table table.h5 --split split.h5
quiet "$L/impute_scale" --table table.h5 --split split.h5 --features features.h5 --rare_below 0.02
words="text=words.h5" pictures="pixels=pixels.h5" columns="features=features.h5"
for kind in fusion text image ngrams; do
    quiet "$L/train" --network $kind.yaml --table table.h5 --text words.h5 --pixels pixels.h5 --features features.h5 --split split.h5 \
        --model $kind.h5 --history h.json
done
for kind in logistic extra_trees boosting; do
    [ $kind = logistic ] && more= || more="--trees 20"
    # shellcheck disable=SC2086
    quiet "$L/train" --family $kind $more --table table.h5 --features features.h5 --split split.h5 --model $kind.h5
done
quiet "$L/blend" --models text.h5 --models image.h5 --table table.h5 --text words.h5 --pixels pixels.h5 --split split.h5 --model late.h5

# ---- every row, every number ----------------------------------------------------------------------------------------------
# compare TOLERANCE: got.csv, written with --probabilities, against want.txt
compare() {
    awk -F, -v tolerance="$1" '
        NR == FNR { n = split($0, value, " "); for (k = 1; k <= n; k++) want[NR, k] = value[k]; rows = NR; next }
        FNR == 1 { for (i = 1; i <= NF; i++) if ($i ~ /^p_/ || $i == "prediction") column[++m] = i; next }
        { seen++; for (k = 1; k <= m; k++) { d = $column[k] - want[FNR - 1, k]; if (d < 0) d = -d
            if ($column[k] == "" || d > tolerance) { print "row " FNR - 1 " number " k ": " $column[k] " for " want[FNR - 1, k]; exit } } }
        END { if (m != n || seen != rows) print seen " rows of " m " numbers for " rows " of " n }' want.txt got.csv
}
# agrees NAME MODEL TOLERANCE ROWS... -- PREPARED...
agrees() {
    name=$1 model=$2 tolerance=$3; shift 3; asked=
    while [ "$1" != -- ]; do asked="$asked $1"; shift; done; shift
    "$B/tests/tools/answers_of" "$model" "$@" >want.txt || { fail "$name"; return; }
    # shellcheck disable=SC2086
    run "$P" --model "$model" $asked --probabilities --faults gap --predictions got.csv
    if [ $rc -ne 0 ]; then fail "$name" "status $rc" "$err"; else is "$name" "$(compare "$tolerance")" ""; fi
}
raw="--rows $s/X_train_update.csv --images $s/images"
# shellcheck disable=SC2086
{
agrees "a fusion network says of 900 raw rows what it said in training" fusion.h5 1e-5 $raw -- table.h5 "$words" "$pictures" "$columns"
has "the log tells how many of each class" "$err" "900 rows: 900 predicted, 0 with an error, 4 with a note"
agrees "a text model" text.h5 1e-5 $raw -- table.h5 "$words"
agrees "a picture model" image.h5 1e-5 $raw -- table.h5 "$pictures"
agrees "a model of n-grams and columns" ngrams.h5 1e-5 $raw -- table.h5 "$words" "$columns"
agrees "late fusion" late.h5 1e-5 $raw -- table.h5 "$words" "$pictures"
agrees "logistic regression" logistic.h5 1e-9 $raw -- table.h5 "$columns"
agrees "extra trees" extra_trees.h5 1e-9 $raw -- table.h5 "$columns"
agrees "boosting" boosting.h5 1e-9 $raw -- table.h5 "$columns"
}
# A number as label, dates, texts cut out by patterns, truth values: through the import schema that the model carries.
cat >fares.yaml <<'END'
schema: 1
missing: ["", "?"]
csv: {delimiter: ";", decimal: ","}
tables:
  trips:
    file: "*.csv"
    columns:
      price: float
      sold: {type: date, format: "%d/%m/%Y"}
      kind: {type: category, from: [what, kind], match: "^[a-z]+", otherwise: other}
      young: bool
      size: {type: int, from: [Size, size], min: 1}
      weight: float
label: price
features: [sold, kind, young, size, weight]
END
awk 'BEGIN { print "price;sold;what;young;Size;weight"; for (i = 0; i < 60; i++)
    printf "%d,5;%02d/%02d/20%02d;%s;%s;%s;%d,25\n", i + i % 7, i % 28 + 1, i % 12 + 1, i % 20, substr("cat9dog7? ", i % 3 * 4 + 1, 4), i % 2 ? "yes" : "f", i % 5 ? i : "?", i % 9 }' >trips.csv
quiet "$L/import" --source trips.csv --schema fares.yaml --table trips.h5
quiet "$L/impute_scale" --table trips.h5 --features trips_features.h5
quiet "$L/train" --family extra_trees --trees 10 --table trips.h5 --features trips_features.h5 --model trips_model.h5
agrees "a number is predicted, through dates, patterns, decimal commas and gaps of the schema" trips_model.h5 1e-9 --rows trips.csv -- \
    trips.h5 features=trips_features.h5
has "with its mean and range" "$err" "mean "
sed -n '1p;5p' trips.csv | sed 's/,25$/.25/' >point.csv
refuses "a point is none where the schema has commas" 65 "column 'weight': '3.25': not a number" "$P" --model trips_model.h5 --rows point.csv
echo '{"sold": "04/04/2003", "what": "cat", "young": "yes", "Size": 3, "weight": 3.25}' >point.jsonl
printf '{"sold": "04/04/2003", "wat": "cat", "Size": 3}\n{"young": "yes"}\n' >keys.jsonl
ok "a column that no JSON record has may be misspelt" "$P" --model trips_model.h5 --rows keys.jsonl
has "and is told, once" "$err" "warning: no record of 'keys.jsonl' has 'what', 'weight'"
ok "JSON has points all the same" "$P" --model trips_model.h5 --rows point.jsonl
is "its column is called prediction" "$(head -1 got.csv)" "row,prediction,error,note"

# ---- forms ---------------------------------------------------------------------------------------------------------------
head -40 "$s/X_train_update.csv" >some.csv
ask() { "$P" --model fusion.h5 --images "$s/images" "$@"; }
ok "standard output has CSV" ask --rows some.csv
is "with a header" "$(printf '%s\n' "$out" | head -1)" "row,productid,class,probability,error,note"
rows=$(($(printf '%s\n' "$out" | wc -l) - 1))
printf '%s\n' "$out" >some_answers.csv
ok "the number of threads changes nothing" ask --rows some.csv --threads 1
is "not a byte" "$out" "$(cat some_answers.csv)"
ok "a file has the same" ask --rows some.csv --predictions answers.csv
same "byte for byte" answers.csv some_answers.csv
gzip -c some.csv >some.csv.gz
ok "packed rows are read" ask --rows some.csv.gz
is "as they are" "$out" "$(cat some_answers.csv)"
run ask --rows - <some.csv
is "and standard input" "$out" "$(cat some_answers.csv)"
ok "JSON lines, the three best, a summary" ask --rows some.csv --top 3 --json
has "a line for a row" "$out" '{"row": 1, "productid": "102225865", "class": "'
has "with the best classes" "$out" '"top": [{"class": "'
has "then the summary" "$(printf '%s\n' "$out" | tail -1)" "{\"summary\": {\"rows\": $rows, \"predicted\": $rows, \"errors\": 0,"
ok "the summary is a file, too" ask --rows some.csv --predictions answers.jsonl --summary summary.json
is "of the same answers" "$(sed -n 's/.*"class": "\([^"]*\)", "probability.*/\1/p' answers.jsonl | sort | uniq -c | sort -rn | awk 'NR == 1 { print $1 }')" \
    "$(sed -n 's/.*"count": \([0-9]*\).*/\1/p' summary.json | head -1)"
ok "a table" ask --rows some.csv --predictions answers.h5 --top 2
if command -v h5ls >/dev/null; then
    has "has a row for each" "$(h5ls answers.h5/predictions/probability_2)" "Dataset {$rows}"
else
    skip "it has a row for each" "hdf5-tools is not installed"
fi
ok "the runner's checker takes it for a table" "$L/refit-check" hdf5:refit.table answers.h5
run "$L/predict" --model text.h5 --rows some.csv
is "the same program is the stage predict" "$(printf '%s\n' "$out" | wc -l | tr -d ' ')" "$((rows + 1))"

# An id column that is called as one of the answers' own.
awk 'BEGIN { print "ID,x,y"; for (i = 0; i < 40; i++) printf "k%d,%d,%d\n", i, i, i % 3 == 0 }' >plain.csv
for id in row p_1 top; do
    sed "s/ID/$id/" plain.csv >named.csv
    printf 'schema: 1\ntables: {t: {file: "*.csv", columns: {%s: string, x: float, y: category}}}\nlabel: y\nid: %s\n' $id $id >named.yaml
    quiet "$L/import" --source named.csv --schema named.yaml --table named_table.h5
    quiet "$L/impute_scale" --table named_table.h5 --features named_features.h5
    quiet "$L/train" --family logistic --table named_table.h5 --features named_features.h5 --model named.h5
    ok "an id that is called $id" "$P" --model named.h5 --rows named.csv --probabilities --json --top 2
    has "is id in the answers" "$out" '{"row": 1, "id": "k0", "class": '
    ok "and in a table" "$P" --model named.h5 --rows named.csv --probabilities --predictions named_answers.h5
done

# ---- one row --------------------------------------------------------------------------------------------------------------
picture=$s/images/$(ls "$s/images" | head -1)
ok "one row on the command line" "$P" --model fusion.h5 designation="fauteuil de salon" price=39.9 picture="$picture" --top 2
is "gives a line for each of the best classes" "$(printf '%s\n' "$out" | awk 'NF == 2' | wc -l | tr -d ' ')" 2
is "and no word more" "$err" ""
"$P" --model fusion.h5 designation="fauteuil de salon" --probabilities --json | grep -o '"[0-9]*": [0-9.e-]*' | tr -d '": ' | sort >want
ok "one row with all probabilities" "$P" --model fusion.h5 designation="fauteuil de salon" --probabilities
is "has a line for each class" "$(printf '%s\n' "$out" | tr -d '\t' | sort)" "$(cat want)"
ok "one row as CSV" "$P" --model fusion.h5 designation="fauteuil de salon" --format csv
is "has a header" "$(printf '%s\n' "$out" | head -1)" "row,productid,class,probability,error,note"
ok "one row as JSON lines" "$P" --model fusion.h5 designation="fauteuil de salon" --format jsonl
has "is an object" "$out" '{"row": 1, "class": "'
refuses "one row as a table wants a file, too" 64 "--format h5 wants --predictions" "$P" --model fusion.h5 designation=x --format h5
row=$(awk -F, 'NR == 2 { print $5 }' "$s/X_train_update.csv")
ok "its picture may be named as in training" ask designation=x productid=102225865 imageid="$row"
is "without a word" "$err" ""
refuses "a value that is none is named" 65 "column 'price': '39,90': not a number" "$P" --model fusion.h5 designation=x price=39,90
is "nothing is printed" "$out" ""
refuses "one below what the schema allows" 65 "column 'price': '-1': out of range, want at least 0" "$P" --model fusion.h5 price=-1
refuses "a picture that is not there" 65 "no picture: 'nothing.jpg': No such file" "$P" --model fusion.h5 designation=x picture=nothing.jpg
refuses "a misspelt column" 64 "the model reads no 'desination' (did you mean 'designation'?)" "$P" --model fusion.h5 desination=x
refuses "a column twice" 64 "'price' is given twice" "$P" --model fusion.h5 price=1 price=2
ok "a level that training did not see is told" "$P" --model extra_trees.h5 brand=Kotobbi --top 1
has "with the one that was meant" "$err" "no training row has 'Kotobbi'; did you mean 'Kotobi'?"
refuses "strict makes it an error" 65 "no training row has 'Kotobbi'" "$P" --model extra_trees.h5 brand=Kotobbi --faults strict
ok "an error as JSON" sh -c "\"$P\" --model fusion.h5 price=x --json || [ \$? -eq 65 ]"
is "has its place" "$out" "{\"row\": 1, \"error\": \"column 'price': 'x': not a number\"}"

long=$(awk 'BEGIN { for (i = 0; i < 300000; i++) printf "mot%d ", i % 7; }')
printf 'designation,description\nx,"%s"\n' "$long" >long.csv
run "$P" --model text.h5 --rows long.csv
has "a value may be too long" "$out" "field too long"
ok "or not" "$P" --model text.h5 --rows long.csv --max_field 3000000

# ---- rows that cannot be read ---------------------------------------------------------------------------------------------
cat >mixed.jsonl <<'END'
{"designation": "fauteuil", "price": 12, "picture": "none.jpg"}
{"something": 1}
no JSON
{"designation": "fauteuil", "designation": "twice"}
{"designation": ["a", "list"], "price": "12 EUR"}
{"designation": "console", "price": null}
END
run "$P" --model fusion.h5 --rows mixed.jsonl --predictions mixed.csv
is "rows that cannot be read make the status 65" $rc 65
has "their number is told" "$err" "5 of 6 rows have an error, --max_error_share allows 0 %; the other answers are complete"
has "the first ones with their lines" "$err" "mixed.jsonl line 3: error: bad JSON record"
is "the output is complete" "$(awk -F, '{ print ($3 == "") }' mixed.csv | tail -n +2 | tr -d '\n')" 111110
has "and says why" "$(cat mixed.csv)" "it has none of the columns that the model reads: designation, description"
ok "unless so many may be" "$P" --model fusion.h5 --rows mixed.jsonl --predictions mixed.csv --max_error_share 0.9
printf 'designation,description\nfine,x\n"never closed' >broken.csv
run "$P" --model text.h5 --rows broken.csv
is "a broken CSV row is an error of its own" "$rc,$(printf '%s\n' "$out" | sed -n 2p | cut -d, -f1)" "65,1"
has "that says what it is" "$out" "quote"
printf 'designaton,description\nfine,x\n' >header.csv
refuses "a column that is missing is named" 65 "has no column 'designation', which the model reads (did you mean 'designaton'?)" \
    "$P" --model text.h5 --rows header.csv --predictions nothing.csv
: >empty.csv
refuses "an empty file is none" 65 "empty" "$P" --model text.h5 --rows empty.csv --predictions nothing.csv
printf '\377\376designation' >utf16.csv
refuses "nor is UTF-16" 65 "UTF-16" "$P" --model text.h5 --rows utf16.csv --predictions nothing.csv
absent "then there is no output" nothing.csv nothing.csv.tmp
mkdir pictures
head -c 300 "$picture" >pictures/cut.jpg
printf 'designation,description,picture\na,b,cut.jpg\na,b,../%s\na,b,/etc/passwd\na,b,\n' "$(basename "$picture")" >pictures.csv
run "$P" --model fusion.h5 --rows pictures.csv --images pictures
is "pictures of files are looked for in their directory alone" "$rc,$(printf '%s\n' "$out" | cut -d, -f3 | tail -n +2 | awk '{ printf "%s", $0 == "" }')" 65,1110
has "a broken one is named" "$out" "no picture: 'cut.jpg': damaged JPEG"
has "one elsewhere is none" "$out" "no picture: the path leaves the directory of pictures"
ok "or all of them are gaps, as in training" "$P" --model fusion.h5 --rows pictures.csv --images pictures --faults gap
is "and notes" "$(printf '%s\n' "$out" | grep -c 'no picture')" 4

# ---- models ---------------------------------------------------------------------------------------------------------------
quiet "$L/evaluate" --model text.h5 --table table.h5 --text words.h5 --split split.h5 --metrics metrics.json --report report.html
echo 1.2.3 >VERSION
quiet "$L/package" --model text.h5 --metrics metrics.json --version VERSION --package models.tar
quiet "$L/upload" --package models.tar --registry registry --name products --receipt receipt.json
want=$("$P" --model text.h5 designation=fauteuil)
ok "a package is a model" "$P" --model models.tar designation=fauteuil
is "the same one" "$out" "$want"
ok "so is a name in a registry" "$P" --registry registry --name products designation=fauteuil
is "the same, too" "$out" "$want"
ok "with its version in the summary" "$P" --registry registry --name products --version 1.2.3 designation=fauteuil --summary summary.json
has "and its hash" "$(cat summary.json)" "\"version\": \"1.2.3\""
quiet "$B/bin/refit-models" pull products folder --registry registry
ok "and a folder that was pulled" "$P" --model folder designation=fauteuil
is "once more" "$out" "$want"
ask_of() { "$P" --model "$1" designation=x; }
head -c 20000 models.tar >cut.tar
bad=$(printf 'm\377.h5')
ok "a path may be anything" eval 'cp text.h5 "$bad" && "$P" --model "$bad" --rows some.csv --json --summary summary.json'
has "in the summary it is a text" "$(cat summary.json)" "$(printf '"path": "m\357\277\275.h5"')"
refuses "a package that is cut" 65 "'cut.tar' is not a whole tar file" ask_of cut.tar
cp models.tar wrong.tar
printf x | dd of=wrong.tar bs=1 seek=30000 conv=notrunc 2>/dev/null
refuses "one byte changed" 65 "is damaged: SHA-256" ask_of wrong.tar
cp models.tar more.tar
tar -rf more.tar VERSION --transform s/VERSION/extra/
refuses "a member too many" 65 "beside manifest.json, which lists" ask_of more.tar
refuses "a folder with a file too many" 65 "'folder/new' is not of the package" sh -c ": >folder/new; exec '$P' --model folder designation=x"
head -c 5000 text.h5 >cut.h5
refuses "a model that is cut" 65 "cut.h5" ask_of cut.h5
refuses "no model" 65 "'text.yaml' is not a whole tar file" ask_of text.yaml
refuses "a file of another kind" 65 "is of kind 'refit.table', want 'refit.model'" ask_of table.h5
refuses "none at all" 74 "cannot open 'nowhere.h5'" ask_of nowhere.h5
refuses "a name that the registry does not have" 65 "no current model 'toys'" "$P" --registry registry --name toys designation=x
refuses "a version that it does not have" 65 "no version '9' of 'products'" "$P" --registry registry --name products --version 9 designation=x
if python3 -c 'import h5py' 2>/dev/null; then py=python3; elif /usr/bin/python3 -c 'import h5py' 2>/dev/null; then py=/usr/bin/python3; else py=; fi
if [ -n "$py" ]; then
    $py - <<'END'
import h5py, json, shutil
for name in "newer", "recipe", "schema", "plain":
    shutil.copy("trips_model.h5" if name in ("schema", "plain") else "text.h5", name + ".h5")
    with h5py.File(name + ".h5", "r+") as f:
        roles = json.loads(f.attrs["roles"])
        if name == "newer":
            f.attrs["kind_version"] = 9
        if name == "recipe":
            f["text"].attrs["recipe"] = f["text"].attrs["recipe"].replace('"version": 2', '"version": 9').replace('"version":2', '"version":9')
        if name == "schema":
            roles["schema"] = roles["schema"].replace("type: float", "type: fluid").replace("type: bool", "type: fluid")
            f.attrs["roles"] = json.dumps(roles)
        if name == "plain":
            del roles["schema"]
            f.attrs["roles"] = json.dumps(roles)
END
    refuses "a model of a newer refit" 65 "'newer.h5' is refit.model version 9" ask_of newer.h5
    refuses "a text recipe of a newer refit" 65 "version" ask_of recipe.h5
    refuses "a damaged schema in a model" 65 "'fluid'" "$P" --model schema.h5 kind=cat
    refuses "without a schema in the model the date is a number" 65 "not a number" "$P" --model plain.h5 sold=01/02/2003 kind=cat
    ok "unless the schema is given" "$P" --model plain.h5 --schema fares.yaml sold=01/02/2003 kind=cat7 young=yes size=7
    is "then the answer is the old one" "$out" "$("$P" --model trips_model.h5 sold=01/02/2003 kind=cat7 young=yes size=7)"
else
    skip "models of a newer refit are refused" "h5py is not here"
fi
sed 's/kind: /sort: /; s/kind, /sort, /' fares.yaml >sorts.yaml
refuses "a schema without a column of the model" 65 "'sorts.yaml' has no column 'kind', which the model reads" \
    "$P" --model trips_model.h5 --schema sorts.yaml sold=01/02/2003

# ---- as a stage -----------------------------------------------------------------------------------------------------------
cat >ask.yaml <<'END'
refit: 1
name: ask
stages:
  predict:
    deps: {model: models.tar, rows: some.csv}
    outs: {predictions: work/answers.h5, summary: work/answers.json}
    params: {top: 3, max_error_share: 0.05}
END
ok "a pipeline asks a model" refit run -f ask.yaml
has "and has its answers" "$(cat work/answers.json)" "\"predicted\": $rows"
ok "again" refit run -f ask.yaml
has "there is nothing to do" "$out$err" "nothing to do"

# ---- the command line -----------------------------------------------------------------------------------------------------
refuses "no model" 64 "--model is missing" "$P" designation=x
refuses "two" 64 "--model and --registry: want one of them" "$P" --model a --registry b --name c x=1
refuses "a registry without a name" 64 "--registry wants --name" "$P" --registry b x=1
refuses "no rows" 64 "there are no rows" "$P" --model text.h5
refuses "a file and a row" 64 "want a file or one row" "$P" --model text.h5 --rows some.csv designation=x
refuses "a form that is not known" 64 "want a name that ends in .csv, .jsonl or .h5" "$P" --model text.h5 --rows some.csv --predictions x.txt
refuses "the same by --check" 64 "want a name that ends in .csv, .jsonl or .h5" "$P" --check --predictions x.txt
refuses "a table to standard output" 64 "--format h5 wants --predictions" "$P" --model text.h5 --rows some.csv --format h5
refuses "no directory of pictures" 65 "is no directory of pictures" "$P" --model fusion.h5 --rows some.csv --images nowhere
if [ -w /dev/full ]; then
    refuses "a full disk is said" 74 "cannot write" sh -c "'$P' --model text.h5 --rows some.csv >/dev/full"
else
    skip "a full disk is said" "there is no /dev/full"
fi
finish
