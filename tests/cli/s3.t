#!/bin/bash
# S3 answers that a good server does not give, one after another, from a server that reads them from a script.
. "$(dirname "$0")/tap.sh"

unset AWS_SESSION_TOKEN AWS_PROFILE AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3 AWS_REGION AWS_DEFAULT_REGION AWS_ACCESS \
    AWS_SECRET_KEY http_proxy https_proxy all_proxy ALL_PROXY HTTPS_PROXY AWS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_FILE
export AWS_ACCESS_KEY_ID=id:1 AWS_SECRET_ACCESS_KEY=hunter2secret AWS_SHARED_CREDENTIALS_FILE=/dev/null no_proxy=127.0.0.1
store=$B/tests/tools/storetool
mkdir answers

# answer NAME STATUS BODY HEADER...: a file that the server sends as it is; a length in HEADER is the one that is said
answer() {
    name=$1 status=$2 body=$3; shift 3
    length="Content-Length: ${#body}"
    for h; do case $h in Content-Length*) length= ;; esac; done
    { printf 'HTTP/1.1 %s Said\r\nConnection: close\r\n' "$status"
      for h in ${length:+"$length"} "$@"; do printf '%s\r\n' "$h"; done
      printf '\r\n%s' "$body"; } >"answers/.$name"
    mv "answers/.$name" "answers/$name"
}
# error NAME STATUS CODE [MORE [HEADER]]
error() {
    answer "$1" "$2" "<?xml version=\"1.0\"?><Error><Code>$3</Code>${4:-}</Error>" ${5:+"$5"}
}

# serve ANSWER...: what is asked is heard/1, heard/2 ...; url is the bucket there
serve() {
    rm -rf heard
    mkdir heard
    "$B/tests/tools/httpd" heard "$@" &
    until_true [ -s heard/port ]
    url="s3://models/p?endpoint=http://127.0.0.1:$(cat heard/port)&attempts=2&connect_timeout=60&stall_timeout=60"
}
heard() { grep -ac "$2" "heard/$1" 2>/dev/null; }

echo content >file
sha=$(sha256sum <file | cut -c1-64)
answer done 200 "" 'ETag: "tag1"'
answer head 200 "" 'ETag: "tag1"' 'Content-Length: 8'
answer object 200 'content
' 'ETag: "tag1"'
error nokey 404 NoSuchKey

# ---- what is sent ----
serve "raw answers/done" "raw answers/object"
run "$store" "$url" put 'a b/é+=//..' file new
is "an object is stored and read back" "$rc $out" '0 done 8 "tag1" -'
is "its key is encoded" "$(head -1 heard/1 | tr -d '\r')" "PUT /models/p/a%20b/%C3%A9%2B%3D//.. HTTP/1.1"
is "its SHA-256 is sent" "$(heard 1 "^x-amz-content-sha256: $sha")" 1
is "its MD5 is sent" "$(heard 1 "^content-md5: $(printf 'content\n' | md5sum | cut -c1-32 | perl -ne 'print pack "H*", $1 if /(\w+)/' | perl -MMIME::Base64 -0777 -ne 'print encode_base64($_, "")')")" 1
is "a condition is sent" "$(heard 1 '^if-none-match: \*')" 1
is "the request is signed, a key id with a colon whole" "$(heard 1 '^authorization: AWS4-HMAC-SHA256 Credential=id:1/[0-9]*/us-east-1/s3/aws4_request, SignedHeaders=content-md5;content-type;host;if-none-match;x-amz-content-sha256;x-amz-date;x-amz-meta-put, Signature=')" 1

error token 403 ExpiredToken '<Message>the token hunter2token of hunter2secret</Message>'
serve "raw answers/token"
run env AWS_SESSION_TOKEN=hunter2token "$store" "$url" read k
is "a session token is sent and signed" "$(heard 1 '^x-amz-security-token: hunter2token')$(heard 1 'SignedHeaders=.*;x-amz-security-token,')" 11
is "a token that has expired is told, without it" "$rc $err" \
    "74 store: 's3://models/p/k': GetObject: the session token is no longer, or not, valid (of AWS_ACCESS_KEY_ID): ExpiredToken"
error echo 400 Strange '<Message>you sent hunter2token and hunter2secret</Message>'
serve "raw answers/echo"
run env AWS_SESSION_TOKEN=hunter2token "$store" "$url" read k
case $rc,$err in 74,*hunter2*) fail "an answer that repeats secrets is told without them" "$err" ;;
    74,*"you sent **"*) pass "an answer that repeats secrets is told without them" ;;
    *) fail "an answer that repeats secrets is told without them" "$rc $err" ;; esac
run env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY "$store" "$url" read k
has "without credentials nothing is asked" "$rc $err" "74 store: 's3://models/p': no credentials for S3"

# ---- no answer ----
free=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
refuses "a server that is down may come back" 75 "cannot reach http://127.0.0.1:$free" \
    "$store" "s3://models?endpoint=http://127.0.0.1:$free&attempts=2" read k
has "and how often it was asked is told" "$err" "(after 2 attempts)"
refuses "so may a name that is not found" 75 "cannot reach https://nowhere.invalid" \
    "$store" "s3://models?endpoint=https://nowhere.invalid&attempts=1&connect_timeout=2" read k
serve slow
refuses "a server that says nothing is given up" 75 "is too slow" "$store" "${url}&attempts=1&stall_timeout=1" read k
serve "trickle answers/object"
refuses "one that says a byte now and then, too" 75 "is too slow" "$store" "${url}&attempts=1&stall_timeout=1" read k
serve reset empty "raw answers/object"
run "$store" "$url&attempts=3" read k
is "a connection that is reset or closed is tried again" "$rc $out" "0 content"
serve garbage
refuses "what is no HTTP is no answer" 75 "broke off" "$store" "$url" read k
serve "raw answers/object"
run "$store" "s3://models?endpoint=https://127.0.0.1:$(cat heard/port)&attempts=1&connect_timeout=1" read k
is "TLS is not given up for a server without" "$rc $(cat heard/* | grep -ac authorization)" "75 0"

# ---- half an answer ----
answer half 200 'cont' 'ETag: "tag1"' 'Content-Length: 8'
answer rest 206 'ent
' 'ETag: "tag1"' 'Content-Range: bytes 4-7/8'
answer changed 412 ''
answer newer 200 'content of tomorrow
' 'ETag: "tag2"'
serve "raw answers/half" "raw answers/rest"
run "$store" "$url" get k got "$sha"
is "an object that breaks off is gone on with" "$rc $(cat got)" "0 content"
is "from where it broke off, if it is still the same" "$(heard 2 '^range: bytes=4-')$(heard 2 '^if-match: "tag1"')" 11
serve "raw answers/half" "raw answers/changed" "raw answers/newer"
run "$store" "$url&attempts=3" get k got
is "if it is not, from the beginning" "$rc $(cat got)" "0 content of tomorrow"
serve "raw answers/half" "raw answers/object"
run "$store" "$url" get k got "$sha"
is "a server that knows no ranges sends all" "$rc $(cat got)" "0 content"
serve "raw answers/half"
echo before >got
refuses "one that always breaks off is given up" 75 "broke off" "$store" "$url" get k got
is "and what was there stays" "$(cat got) $(ls got*)" "before got"
serve "raw answers/newer"
refuses "other bytes than wanted are refused" 65 "want $sha" "$store" "$url" get k got "$sha"
is "and do not replace what was there" "$(cat got) $(ls got*)" "before got"
answer large 200 "$(printf '%4096s' x)" 'ETag: "tag1"'
serve "raw answers/large"
refuses "a disk that is full" 74 "cannot write what came: File too large" \
    bash -c 'trap "" XFSZ; ulimit -f 1; exec "$@"' - "$store" "$url" get k got
is "keeps what was there, too" "$(cat got) $(ls got*)" "before got"

# ---- answers that are none ----
answer garbage 200 'this is no XML'
answer short 200 '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>' 'Content-Length: 30'
answer bomb 200 '<!DOCTYPE a [<!ENTITY x "xxxx">]><a>&x;</a>'
answer list 200 '<ListBucketResult><Contents><Key>p/a</Key></Contents><CommonPrefixes><Prefix>p/b/</Prefix></CommonPrefixes><IsTruncated>false</IsTruncated></ListBucketResult>'
answer page 200 '<ListBucketResult><Contents><Key>p/a</Key></Contents><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>'
answer endless 200 '<ListBucketResult>' 'Content-Length: 100000000'
serve "raw answers/garbage" "raw answers/list"
run "$store" "$url" list ""
is "a list that is no XML is asked for again" "$rc $(echo $out)" "0 a b"
serve "raw answers/short"
refuses "one that is shorter than it says to be" 75 "no XML of S3" "$store" "$url" list ""
serve "raw answers/bomb"
refuses "one with a document type" 75 "document type" "$store" "$url" list ""
serve "flood answers/endless"
refuses "one without end" 65 "longer than the 16777216 bytes" "$store" "$url" list ""
serve "raw answers/page"
refuses "pages without end" 65 "the same page again" "$store" "$url" list ""
answer bigobject 200 '' 'ETag: "tag1"' 'Content-Length: 100000000'
serve "flood answers/bigobject"
refuses "a small object without end" 65 "longer than the 1048576 bytes" "$store" "$url" read k

# ---- errors, by name ----
error slowdown 503 SlowDown
error internal 500 InternalError '<Message>We encountered an internal error.</Message>'
error timeout 400 RequestTimeout
serve "raw answers/slowdown" "raw answers/timeout" "raw answers/object"
run "$store" "$url&attempts=3" read k
is "SlowDown and RequestTimeout pass" "$rc $out" "0 content"
serve "raw answers/internal"
refuses "an internal error that stays may pass later" 75 "InternalError (500): We encountered" "$store" "$url" read k
error denied 403 AccessDenied
serve "raw answers/denied"
refuses "access denied tells action, key and whose credentials" 74 \
    "'s3://models/p/k k': PutObject: access denied: the key of AWS_ACCESS_KEY_ID may not do s3:PutObject" "$store" "$url" put 'k k' file
is "it is asked once" "$(ls heard | tr '\n' ' ')" "1 port "
for what in "read k:GetObject" "list m:ListBucket" "remove k:DeleteObject" "get k got:GetObject"; do
    serve "raw answers/denied"
    refuses "who may not ${what%:*} is told so" 74 "${what#*:}: access denied: the key of AWS_ACCESS_KEY_ID may not do s3:${what#*:} here" \
        "$store" "$url" ${what%:*}
done
answer denied_head 403 ''
serve "raw answers/denied_head" "raw answers/denied"
refuses "a HEAD, which cannot say why, is asked as a GET" 74 "may not do s3:GetObject" "$store" "$url" look k
error nobucket 404 NoSuchBucket
answer missing 404 ''
serve "raw answers/missing" "raw answers/nobucket"
refuses "a bucket that is not there is no object that is not there" 74 "there is no bucket 'models' at http" "$store" "$url" look k
serve "raw answers/missing" "raw answers/nokey"
run "$store" "$url" look k
is "an object that is not there is no error" "$rc $out" "0 absent"
error unknown 403 InvalidAccessKeyId '<Message>id:1</Message>'
serve "raw answers/unknown"
refuses "an unknown key id" 74 "the server does not know the key id (of AWS_ACCESS_KEY_ID)" "$store" "$url" read k
error mismatch 403 SignatureDoesNotMatch
serve "raw answers/mismatch"
refuses "a secret of another key id" 74 "the secret key does not belong to the key id (of AWS_ACCESS_KEY_ID)" "$store" "$url" read k
error skew 403 RequestTimeTooSkewed '<RequestTime>20300101T000000Z</RequestTime><ServerTime>2030-01-01T00:20:00Z</ServerTime>'
serve "raw answers/skew"
refuses "clocks that differ: both are told" 74 "the server says 2030-01-01T00:20:00Z" "$store" "$url" read k
has "ours, too" "$err" "here it is 20"
error quota 403 QuotaExceeded
serve "raw answers/quota"
refuses "a full bucket" 74 "bucket 'models' is full (QuotaExceeded)" "$store" "$url" put k file
answer full 507 ''
serve "raw answers/full"
refuses "a full server" 74 "is full (507)" "$store" "$url" put k file
error digest 400 BadDigest
serve "raw answers/digest"
refuses "bytes that were damaged on the way, each time" 65 "other bytes than were signed (BadDigest)" "$store" "$url" put k file
answer odd 418 "$(printf 'Tea\033[2J')"
serve "raw answers/odd"
refuses "an error that is no XML of S3 is told by its status" 74 "the server says status 418" "$store" "$url" read k

# ---- elsewhere ----
mkdir other
"$B/tests/tools/httpd" other "raw answers/object" &
until_true [ -s other/port ]
error moved 301 PermanentRedirect '<Endpoint>models.s3.eu-west-3.amazonaws.com</Endpoint>' "Location: http://127.0.0.1:$(cat other/port)/models/p/k"
serve "raw answers/moved"
refuses "a redirection is told" 74 "is at 'models.s3.eu-west-3.amazonaws.com': redirections are not followed" "$store" "$url" read k
answer moved307 307 '' "Location: http://127.0.0.1:$(cat other/port)/models/p/k?X-Amz-Signature=1"
serve "raw answers/moved307"
refuses "a temporary one, too" 74 "is at 'http://127.0.0.1:$(cat other/port)/models/p/k'" "$store" "$url" put k file
is "and never followed: nobody else gets what is signed" "$(ls other)" port
error region 301 PermanentRedirect '' 'x-amz-bucket-region: eu-west-3'
serve "raw answers/region"
refuses "another region is named" 74 "bucket 'models' is in region 'eu-west-3', not 'us-east-1': say region=eu-west-3" "$store" "$url" read k
error malformed 400 AuthorizationHeaderMalformed '<Region>eu-central-1</Region>'
serve "raw answers/malformed"
refuses "also where it stands in the answer" 74 "say region=eu-central-1" "$store" "$url" read k

# ---- 200, and yet an error ----
answer copied 200 '<CopyObjectResult><ETag>"tag1"</ETag></CopyObjectResult>'
error late 200 InternalError
serve "raw answers/head" "raw answers/late" "raw answers/copied" "raw answers/head" "raw answers/object"
run "$store" "$url" replace k file twin
is "a copy that fails with status 200 is tried again" "$rc $out" '0 done 8 "tag1" -'
is "it names what it copies" "$(heard 2 '^x-amz-copy-source: /models/p/twin')" 1
serve "raw answers/head" "raw answers/late"
refuses "one that fails each time has failed" 75 "InternalError" "$store" "$url" replace k file twin

# ---- stored, or not ----
answer damaged 200 'content of yesterday
' 'ETag: "tag1"'
serve "raw answers/done" "raw answers/damaged" "raw answers/done"
refuses "what reads back as something else is an error" 65 "reads back with SHA-256" "$store" "$url" put k file new
is "and a new object is taken away again" "$(head -1 heard/3 | cut -c1-20)" "DELETE /models/p/k H"
serve "raw answers/done" "raw answers/newer"
refuses "unless it is another publisher's by then" 65 "reads back with SHA-256" "$store" "$url" put k file new
is "which stays" "$(ls heard | tr '\n' ' ')" "1 2 port "
serve "raw answers/done"
run "$store" "$url&verify=false" put k file
is "verify=false does not read back" "$rc $(ls heard | tr '\n' ' ')" "0 1 port "
answer unmet 412 ''
serve "raw answers/unmet"
run "$store" "$url" put k file new
is "a condition that is not met is no error" "$rc $out" "0 not done"

# nonce FROM TO: answer TO is a HEAD with the mark that request FROM was sent with
nonce() {
    until_true grep -aq '^x-amz-meta-put' "heard/$1" || return
    answer "$2" 200 "" 'ETag: "tag1"' 'Content-Length: 8' "$(grep -a '^x-amz-meta-put' "heard/$1" | tr -d '\r')"
}
serve reset "raw answers/unmet" "raw answers/ours" "raw answers/object"
"$store" "$url" put k file new >lost 2>&1 &
client=$!
nonce 2 ours
wait $client
is "an answer that was lost: the object that is there is known as ours" "$? $(cat lost)" '0 done 8 "tag1" -'
rm answers/ours
serve reset "raw answers/unmet" "raw answers/head"
run "$store" "$url" put k file new
is "one of somebody else is not" "$rc $out" "0 not done"

answer not 501 '<Error><Code>NotImplemented</Code></Error>'
serve "raw answers/not" "raw answers/missing" "raw answers/nokey" "raw answers/done" "raw answers/mine" "raw answers/object"
"$store" "$url" put k file new >fallback 2>&1 &
client=$!
nonce 4 mine
wait $client
has "a server without conditional PUT (501) is asked before and after" "$? $(cat fallback)" 'done 8 "tag1" -'
has "and this is told" "$(cat fallback)" "no conditional PUT (501)"
is "the second PUT has no condition" "$(heard 4 '^if-none-match')" 0
serve "raw answers/not" "raw answers/head"
run "$store" "$url" put k file new
is "what is there already is found" "$rc $out" "0 not done"
serve "raw answers/not" "raw answers/missing" "raw answers/nokey" "raw answers/done" "raw answers/head"
refuses "a clash is found afterwards" 65 "another publisher stored it at the same time" "$store" "$url" put k file new

answer none 200 '<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>'
answer begun 200 '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>'
answer gone 204 ''
serve "raw answers/none" "raw answers/begun" "raw answers/done" "raw answers/not" "raw answers/gone"
refuses "an upload in parts that the server will not complete is not taken for done" 74 "the server says NotImplemented (501)" \
    "$store" "$url&verify=false" replace k file
is "its parts are taken away" "$(head -1 heard/5 | cut -d' ' -f1-2)" "DELETE /models/p/k?uploadId=u1"
parts="&part_size=8&parts_above=4"
nothing_there() { serve "raw answers/missing" "raw answers/nokey" "raw answers/none" "raw answers/begun" "raw answers/done" "$@"; }
nothing_there "raw answers/missing" "raw answers/nokey" "raw answers/not" "raw answers/not" "raw answers/gone"
refuses "nor for one whose condition was not met" 74 "the server says NotImplemented (501)" "$store" "$url$parts" put k file new
is "it was asked without a condition, too" "$(heard 8 '^if-none-match')$(heard 9 '^if-none-match') $(head -1 heard/9 | cut -d' ' -f1-2)" "10 POST /models/p/k?uploadId=u1"
is "an object in parts is marked by its SHA-256" "$(heard 4 "^x-amz-meta-put: $sha")" 1
nothing_there "raw answers/head" "raw answers/gone"
run "$store" "$url$parts" put k file new
is "what another publisher stored while the parts were on their way stays" "$rc $out $(head -1 heard/7 | cut -d' ' -f1-2)" "0 not done DELETE /models/p/k?uploadId=u1"
answer complete 200 '<CompleteMultipartUploadResult><ETag/></CompleteMultipartUploadResult>'
answer theirs 200 "" 'ETag: "tag1"' 'Content-Length: 8' 'x-amz-meta-put: 0123'
nothing_there "raw answers/missing" "raw answers/nokey" "raw answers/complete" "raw answers/theirs"
refuses "a server that takes no notice of the condition: the clash is found afterwards" 65 "another publisher stored it at the same time" "$store" "$url$parts" put k file new
answer ours 200 "" 'ETag: "tag1"' 'Content-Length: 8' "x-amz-meta-put: $sha"
nothing_there "raw answers/missing" "raw answers/nokey" reset "raw answers/nokey" "raw answers/ours" "raw answers/object"
run "$store" "$url$parts" put k file new
is "an upload whose end was not heard is known by its mark" "$rc $out" '0 done 8 "tag1" -'
rm answers/ours

error late200 200 InternalError '<Message>try again</Message>'
nothing_there "raw answers/missing" "raw answers/nokey" "raw answers/late200" "raw answers/complete" "raw answers/head" "raw answers/object"
run "$store" "$url$parts" put k file new
is "an upload whose end fails with status 200 is ended again" "$rc $out" '0 done 8 "tag1" -'
answer cut 200 '<CompleteMultipartUploadResult><ETag>' 'Content-Length: 200'
nothing_there "raw answers/missing" "raw answers/nokey" "raw answers/cut" "raw answers/late200"
refuses "one that fails each time, or is cut short, has failed" 75 "the server says InternalError" "$store" "$url$parts" put k file new

# ---- what was left behind ----
answer uploads 200 "<ListMultipartUploadsResult><Upload><Key>p/m/old</Key><UploadId>u1</UploadId><Initiated>2020-01-01T00:00:00.000Z</Initiated></Upload><Upload><Key>p/m/new</Key><UploadId>u2</UploadId><Initiated>$(date -u +%Y-%m-%dT%H:%M:%S.000Z)</Initiated></Upload><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"
answer gone 204 ''
serve "raw answers/uploads" "raw answers/gone"
run "$store" "$url" lock m
is "uploads that were begun more than a day ago are taken away, others are not" \
    "$rc $(sed -n 1p heard/2 | cut -d' ' -f1-2) $(ls heard | tr '\n' ' ')" "0 DELETE /models/p/m/old?uploadId=u1 1 2 port "

# ---- a proxy ----
serve "raw answers/object"
run env -u no_proxy http_proxy="http://127.0.0.1:$(cat heard/port)" "$store" "s3://models?endpoint=http://s3.invalid" read k
is "http_proxy is used" "$rc $out $(head -1 heard/1 | tr -d '\r')" "0 content GET http://s3.invalid/models/k HTTP/1.1"
answer proxy 407 ''
serve "raw answers/proxy"
run env -u no_proxy http_proxy="http://me:hunter2@127.0.0.1:$(cat heard/port)" "$store" "s3://models?endpoint=http://s3.invalid" read k
is "one that wants a password is told, ours is not" "$rc $err" \
    "74 store: 's3://models/k': GetObject: the proxy wants a user and a password (407)"
finish
