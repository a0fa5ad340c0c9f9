#!/bin/sh
# refit verify: what is on the disk against what was committed, whatever the stamps of files say.
. "$(dirname "$0")/tap.sh"
json() { /usr/bin/python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }

mkdir in tree
echo one >in/data; echo two >tree/a; echo three >tree/b
touch -d '1 hour ago' in/data tree/a tree/b
cat >pipeline.yaml <<'EOY'
refit: 1
name: toy
stages:
  make:
    cmd: [cp, "${deps.data}", "${outs.o}"]
    deps: {data: in/data}
    outs: {o: work/made}
  join:
    cmd: [sh, -c, 'cat "$1"/* >"$2"', sh, "${deps.t}", "${outs.o}"]
    deps: {t: tree, made: work/made}
    outs: {o: work/joined}
EOY
ok "before the first run" refit verify
has "there is nothing to differ" "$out" "0 outputs and 0 inputs: 0 differ"
absent "and nothing is made" .refit
refit run -q
ok "after a run" refit verify
has "all is as it was" "$out" "2 outputs and 3 inputs: 0 differ"
is "--json" "$(refit verify --json | json '(d["ok"], [o["state"] for o in d["outputs"]], sorted(d["outputs"][0]))')" \
   "(True, ['ok', 'ok'], ['committed', 'found', 'name', 'path', 'run', 'stage', 'state'])"

# Bytes change under the same stamp: what the planner cannot see.
rot() { # FILE TEXT: other bytes, same inode, size and modification time; ctime the cache is made to believe
    cp -p "$1" .stamp
    printf '%s' "$2" | dd of="$1" conv=notrunc status=none
    touch -r .stamp "$1"
    /usr/bin/python3 - "$1" <<'EOP'
import os, sqlite3, sys
st = os.stat(sys.argv[1])
db = sqlite3.connect(".refit/refit.db")
assert db.execute("UPDATE files SET ctime=? WHERE inode=?", (st.st_ctime_ns, st.st_ino)).rowcount == 1
db.execute("DELETE FROM trees")
db.commit()
EOP
}
rot work/joined xxx
ok "the planner believes the stamp" refit plan --check
run refit verify
is "verify does not" $rc 1
has "it names the output" "$out" "changed     join  outs.o: work/joined: found"
refit run -q -F
rot in/data yyy
run refit verify make
is "an input too" "$rc" 1
has "is told from one that was edited" "$out" "decayed     make  in/data: found"
is "of that stage alone" "$(echo "$out" | wc -l)" 2
rot tree/b zzz
is "in a directory as well" "$(refit verify join --json | json '[i["state"] for i in d["inputs"] if i["path"] == "tree"]')" "['decayed']"
echo edited >in/data
has "an edited input is no decay" "$(refit verify make)" "0 differ"
rm work/made
run refit verify
is "an output that is gone: exit 1" "$rc" 1
has "is named" "$out" "gone        make  outs.o: work/made, committed by run"
run refit verify -q
is "-q says nothing" "$rc,$out" "1,"
refuses "an unknown stage" 64 "did you mean 'make'" refit verify mak
finish
