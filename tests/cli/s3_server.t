#!/bin/bash
# A registry's store in S3, against a real server: Ceph's radosgw. Other clients read what we write.
. "$(dirname "$0")/tap.sh"
. "$top/tests/cli/radosgw.sh"

store=$B/tests/tools/storetool
tool=$B/tests/tools/s3tool
S3_MIN_PART=1M
s3_start
case $? in 0) ;; 1) skip_all "$why" ;; *) echo "Bail out! $why"; exit 1 ;; esac
at="?endpoint=$s3"
url="s3://models/my models/é$at"
"$tool" "s3://models$at" make || { echo "Bail out! no bucket"; exit 1; }
# A second user, made before any gateway is killed: what changes users and buckets waits for the dead one.
s3_admin user create --uid=other --display-name=other --access-key=other --secret-key=others >/dev/null 2>&1
s3_admin quota set --quota-scope=bucket --uid=other --max-size=1M >/dev/null 2>&1
s3_admin quota enable --quota-scope=bucket --uid=other >/dev/null 2>&1
printf '[default]\naws_access_key_id = x\naws_secret_access_key = y\n[second]\naws_access_key_id = other\naws_secret_access_key = others\n' >keys
second() { env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY AWS_SHARED_CREDENTIALS_FILE=keys AWS_PROFILE=second "$@"; }
second "$tool" "s3://second$at" make && second "$tool" "s3://full$at" make
"$tool" "s3://kept$at" make && "$tool" "s3://kept$at" versioned
peer() { aws --endpoint-url "$s3" "$@"; }
sum() { sha256sum "$1" | cut -c1-64; }

# ---- objects ----
echo first >one
echo second >two
: >none
head -c 5300000 /dev/urandom >big
run "$store" "$url" put k one
is "an object is stored" "$rc ${out% *}" "0 done 6 \"$(md5sum <one | cut -c1-32)\""
run "$store" "$url" read k
is "and read" "$rc $out" "0 first"
run "$store" "$url" look missing
is "what is not there is told so" "$rc $out" "0 absent"
run "$store" "$url" put empty none
is "an empty object can be stored" "$rc" 0
run "$store" "$url" get empty got "$(sum none)"
is "and fetched" "$rc $(wc -c <got)" "0 0"
run "$store" "$url" put k two new
is "a new object does not replace one that is there" "$rc $out $("$store" "$url" read k)" "0 not done first"
tag=$("$store" "$url" look k | cut -d' ' -f3)
run "$store" "$url" put k two same '"00000000000000000000000000000000"'
is "nor does one that is to replace another one" "$rc $out" "0 not done"
run "$store" "$url" put k two same "$tag"
is "it replaces the one that it is to replace" "$rc ${out%% *} $("$store" "$url" read k)" "0 done second"
run "$store" "$url" put nothing two same "$tag"
is "where there is none, there is none to replace" "$rc $out" "0 not done"
run "$store" "$url" replace copied one k
is "a copy is made by the server" "$rc $("$store" "$url" read copied 2>&1)" "65 second"
run "$store" "$url" replace copied two k
is "and read back" "$rc $("$store" "$url" read copied)" "0 second"
"$store" "$url" remove copied
run "$store" "$url" remove copied
is "what is removed twice is gone" "$rc $("$store" "$url" look copied)" "0 absent"

# ---- names ----
good=0
for key in 'a b' 'é à' 'a+b' 'a=b' 'a//b' 'a/../b' "it's" 'x&y?z#w' '100%' '~tilde' '(p)*!' '日本' 'q"<'; do
    printf '%s' "$key" >text
    "$store" "$url" put "names/$key" text >/dev/null && [ "$("$store" "$url" read "names/$key")" = "$key" ] && good=$((good + 1))
done
is "keys with blanks, accents, +, =, //, .. and the like are stored and read" "$good" 13
run "$store" "$url" list names
is "and listed" "$(echo "$out" | tr '\n' '|')" "(p)*!|100%|a|a b|a+b|a=b|it's|q\"<|x&y?z#w|~tilde|é à|日本|"
run "$store" "$url" list ""
is "what has others below it is a name once" "$(echo $out)" "empty k names"

# ---- several at once ----
for i in 1 2 3 4 5 6 7 8; do
    echo "publisher $i" >"p$i"
    "$store" "$url" put race "p$i" new >"done$i" 2>&1 &
    racers="${racers:-} $!"
done
wait $racers
is "of eight that store a new object at once one is told that it did" "$(cat done? | cut -d' ' -f1-2 | sort | uniq -c | tr -s ' \n' ' ')" " 1 done 12 7 not done "
winner=$(grep -l '^done' done? | tail -c 2)
is "and it is that one's object" "$("$store" "$url" read race)" "publisher $winner"
tag=$("$store" "$url" look race | cut -d' ' -f3) racers=
for i in 1 2 3 4 5 6 7 8; do
    echo "replacement $i" >"p$i"
    "$store" "$url" put race "p$i" same "$tag" >"done$i" 2>&1 &
    racers="$racers $!"
done
wait $racers
is "of eight that replace one object one is told that it did" "$(cat done? | cut -d' ' -f1-2 | sort | uniq -c | tr -s ' \n' ' ')" " 1 done 14 7 not done "
is "and it is that one's object, too" "$("$store" "$url" read race)" "replacement $(grep -l '^done' done? | tail -c 2)"

# ---- versions ----
v1=$("$store" "s3://kept$at" put k one | cut -d' ' -f4)
v2=$("$store" "s3://kept$at" put k two | cut -d' ' -f4)
case $v1,$v2 in -,*|*,-|,*|*,) fail "the version id of a versioned bucket is told" "$v1 $v2" ;;
    "$v1,$v1") fail "the version id of a versioned bucket is told" "$v1 twice" ;; *) pass "the version id of a versioned bucket is told" ;; esac
v3=$("$store" "s3://kept$at" replace copy one k 2>/dev/null | cut -d' ' -f4)
v4=$("$store" "s3://kept$at" replace copy two k | cut -d' ' -f4)
is "that of a copy, too" "$([ -n "$v4" ] && [ "$v4" != - ] && [ "$v4" != "$v2" ] && echo yes)" yes

kept="s3://kept$at"
is "a new object there is new" "$("$store" "$kept" put n one new | cut -d' ' -f1)" done
is "once" "$("$store" "$kept" put n two new) $("$store" "$kept" read n)" "not done first"
n1=$("$store" "$kept" look n | cut -d' ' -f3)
is "it can be replaced on a condition" "$("$store" "$kept" put n two same "$n1" | cut -d' ' -f1) $("$store" "$kept" read n)" "done second"
is "that is not met twice" "$("$store" "$kept" put n one same "$n1") $("$store" "$kept" read n)" "not done second"
"$store" "$kept" remove n
is "what was removed is new again" "$("$store" "$kept" put n one new | cut -d' ' -f1)" done
racers=
for i in 1 2 3 4 5 6 7 8; do
    "$store" "$kept" put race "p$i" new >"done$i" 2>&1 &
    racers="$racers $!"
done
wait $racers
is "of eight publishers there one is told that it did" "$(cat done? | cut -d' ' -f1-2 | sort | uniq -c | tr -s ' \n' ' ')" " 1 done 14 7 not done "
is "and its object stays" "$("$store" "$kept" read race)" "replacement $(grep -l '^done' done? | tail -c 2)"

# ---- parts ----
parts="$url&part_size=1M&parallel=3"
run "$store" "$parts&md5=true" put big big
is "a large object goes in parts" "$rc ${out% *}" "0 done 5300000 \"$(for i in 0 1 2 3 4 5; do dd if=big bs=1048576 skip=$i count=1 status=none | md5sum | cut -c1-32; done | perl -ne 'chomp; print pack "H*", $_' | md5sum | cut -c1-32)-6\""
run "$store" "$url" get big got "$(sum big)"
is "and comes back" "$rc $(cmp big got && echo same)" "0 same"
run "$store" "$parts" put big big new
is "a large new object does not replace one" "$rc $out" "0 not done"
run "$store" "$parts" replace fixed big
is "it can be made ready and then get its name" "$rc" 0
is "no upload is left behind" "$("$tool" "s3://models$at" uploads)" ""

wrong=$(sum one)
refuses "a file that is not what was promised is not stored" 65 "changed while it was sent" env SHA256="$wrong" "$store" "$url" put changed two
refuses "nor is one in parts" 65 "changed while it was published" env SHA256="$wrong" "$store" "$parts" put changed big
run "$store" "$url" look changed
is "there is nothing" "$rc $out $("$tool" "s3://models$at" uploads)" "0 absent "

# ---- interruptions ----
# The upload that is on its way has a part on the server, or is not on its way any more.
has_part() { ! kill -0 $client 2>/dev/null || [ "$("$tool" "s3://models$at" uploads | sed -n 's/.* //p' | sort -n | tail -1)" -ge 1 ]; }
"$store" "$parts&max_rate=600K" put stopped big >/dev/null 2>&1 &
client=$!
until_true has_part
kill -KILL $client
wait $client 2>/dev/null
run "$store" "$parts" look stopped
is "an upload that was killed leaves no object" "$rc $out" "0 absent"
run "$store" "$parts" put stopped big
case $rc,$err in 0,*"goes on with an upload that has "[1-5]" of 6 parts"*) pass "the next one goes on with it" ;; *) fail "the next one goes on with it" "$rc $err" ;; esac
run "$store" "$url" get stopped got "$(sum big)"
is "and the object is whole" "$rc" 0
is "nothing is left behind" "$("$tool" "s3://models$at" uploads)" ""

"$store" "$parts&max_rate=600K" put other big >/dev/null 2>&1 &
client=$!
until_true has_part
kill -KILL $client
wait $client 2>/dev/null
head -c 5300000 /dev/urandom >big2
run "$store" "$parts" put other big2
is "parts of other bytes are not gone on with" "$rc $err $("$store" "$url" get other got "$(sum big2)" && echo same)" "0  same"

"$store" "$parts&max_rate=2M&attempts=40" put restarted big >client 2>&1 &
client=$!
until_true has_part
s3_kill
s3_gateway
wait $client
is "a server that is killed and comes back during an upload" "$? $(cut -d' ' -f1 client) $("$store" "$url" get restarted got "$(sum big)" && echo same)" "0 done same"

"$store" "$parts&max_rate=2M&attempts=40&stall_timeout=5" put held big >client 2>&1 &
client=$!
until_true has_part
s3_signal STOP
refuses "a server that hangs is given up in the end" 75 "is too slow" "$store" "$url&attempts=1&stall_timeout=1" look k
s3_signal CONT
wait $client
is "one that hangs for a while is waited for" "$? $(cut -d' ' -f1 client) $("$store" "$url" get held got "$(sum big)" && echo same)" "0 done same"

racers=
for i in 1 2 3 4; do
    head -c $((1048576 + i)) big >"r$i"
    "$store" "$kept&part_size=1M" put large "r$i" new >"done$i" 2>&1 &
    racers="$racers $!"
done
wait $racers
is "of four that store a large object in a versioned bucket one is told that it did" "$(cut -d' ' -f1 done[1-4] | sort | uniq -c | tr -s ' \n' ' ')" " 1 done 3 not "
winner=$(grep -l '^done' done[1-4] | tail -c 2)
is "and its object stays, the only version" "$("$store" "$kept" get large got "$(sum "r$winner")" && "$store" "$kept" look large | cut -d' ' -f2)" $((1048576 + winner))

# ---- who may not ----
refuses "a wrong secret" 74 "the secret key does not belong to the key id (of AWS_ACCESS_KEY_ID)" \
    env AWS_SECRET_ACCESS_KEY=wrong "$store" "$url" put k one
refuses "a wrong key id" 74 "the server does not know the key id (of AWS_ACCESS)" \
    env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY AWS_ACCESS=nobody AWS_SECRET_KEY=wrong "$store" "$url" look k
refuses "a bucket that is not there" 74 "there is no bucket 'nowhere'" "$store" "s3://nowhere$at" look k
refuses "none to list, either" 74 "there is no bucket 'nowhere'" "$store" "s3://nowhere$at" list ""
refuses "who may not store is told what, where and whose key" 74 \
    "'s3://models/my models/é/k': PutObject: access denied: the key of 'keys' [second] may not do s3:PutObject" second "$store" "$url" put k one
refuses "who may not read, too" 74 "may not do s3:GetObject" second "$store" "$url" read k
run second "$store" "s3://second$at" put k one
is "a profile of the credentials file signs" "$rc" 0

faketime=
case $B in *asan*|*tsan*) ;; *) # their run-time library wants to be the first one
for f in /usr/lib/*/faketime/libfaketimeMT.so.1; do [ -e "$f" ] && faketime=$f; done ;; esac
if [ -n "$faketime" ]; then
    refuses "a clock that is wrong is told" 74 "the clocks differ by too much (RequestTimeTooSkewed): here it is" \
        env LD_PRELOAD="$faketime" FAKETIME=-20m DONT_FAKE_MONOTONIC=1 "$store" "$url" read k
else
    skip "a clock that is wrong is told" "no libfaketime here"
fi
refuses "a bucket that is full" 74 "bucket 'full' is full (QuotaExceeded)" second "$store" "s3://full$at" put k big
run second "$store" "s3://full$at" look k
is "gets nothing" "$rc $out" "0 absent"

# ---- TLS ----
if [ -n "$s3_tls" ]; then
    tls="s3://models/my models/é?endpoint=$s3_tls&attempts=1"
    run env AWS_CA_BUNDLE="$t/s3/cert.pem" "$store" "$tls" read k
    is "a server with a certificate of our own" "$rc $out" "0 second"
    refuses "is not trusted without it" 74 "is not trusted" "$store" "$tls" read k
    refuses "nor under another name" 74 "is not trusted" env SSL_CERT_FILE="$t/s3/cert.pem" "$store" \
        "s3://models?endpoint=https://localhost:${s3_tls##*:}&attempts=1" read k
    refuses "a file of certificates that is not there is told" 74 "AWS_CA_BUNDLE" env AWS_CA_BUNDLE=nowhere.pem "$store" "$tls" read k
else
    skip "a server with a certificate of our own" "no openssl here"
fi

# ---- other clients ----
if command -v aws >/dev/null; then
    peer s3api get-object --bucket models --key 'my models/é/names/a+b' got >/dev/null 2>&1
    is "aws reads what we wrote" "$(cat got)" "a+b"
    peer s3 cp --quiet 's3://models/my models/é/stopped' got
    is "and what went in parts" "$(cmp big got && echo same)" same
    is "it sees the versions" "$(peer s3api list-object-versions --bucket kept --prefix k --query 'Versions[].VersionId' --output text | tr '\t' '\n' | sort)" \
        "$(printf '%s\n' "$v1" "$v2" | sort)"
    peer s3 cp --quiet big2 's3://models/my models/é/theirs'
    run "$store" "$url" get theirs got "$(sum big2)"
    is "we read what it wrote" "$rc" 0
else
    skip "aws reads what we wrote" "no aws here"
fi
if command -v s3cmd >/dev/null; then
    printf '[default]\naccess_key = test:key\nsecret_key = test/secret+key=\nhost_base = %s\nhost_bucket = %s/%%(bucket)\nuse_https = False\nsignature_v2 = False\n' \
        "${s3#http://}" "${s3#http://}" >s3cfg
    s3cmd -c s3cfg --quiet --force get 's3://models/my models/é/names/é à' got
    is "s3cmd reads what we wrote" "$(cat got)" "é à"
    s3cmd -c s3cfg --quiet --force get 's3://models/my models/é/stopped' got
    is "and what went in parts, too" "$(cmp big got && echo same)" same
else
    skip "s3cmd reads what we wrote" "no s3cmd here"
fi

# ---- progress ----
REFIT_EVENTS=file:$t/events "$store" "$parts" put told big >/dev/null 2>&1
is "how far it is is told to the runner" "$(grep -c '"progress".*"total":5300000,"unit":"bytes"' events | sed 's/[1-9][0-9]*/some/')" some
s3_stop
finish
