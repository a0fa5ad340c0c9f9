# Sourced: an S3 server for one test: Ceph's radosgw over one monitor and one memory-backed OSD, in the test's directory,
# on free ports of 127.0.0.1. Everything ends with the test.
#   s3_start            sets $s3 (http://127.0.0.1:PORT), $s3_tls (https, "" without openssl; its certificate is s3/cert.pem)
#                       and the credentials; 1: there is no server to start, 2: it does not start, with the reason in $why
#   s3_gateway          starts radosgw alone (again), on the same port
#   s3_signal SIG       sends radosgw a signal; s3_kill: kills it
#   s3_admin COMMAND... radosgw-admin
#   s3_stop             the test calls it at its end; also called when it is interrupted
# S3_MIN_PART: smallest part that the server takes (5 MiB as everywhere); S3_BYTES: how much it holds.
s3_free_ports() {
    perl -MIO::Socket::INET -e 'my @s = map { IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") } 1 .. 3;
        print join(" ", map { $_->sockport } @s), "\n"'
}

s3_certificate() { # TLS_PORT
    s3_tls=
    command -v openssl >/dev/null || return 0
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$t/s3/key.pem" -out "$t/s3/cert.pem" 2>"$t/s3/openssl" || return 0
    cat "$t/s3/cert.pem" "$t/s3/key.pem" >"$t/s3/both.pem"
    s3_tls=https://127.0.0.1:$1
}

s3_configure() { # PORT MONITOR_PORT TLS_PORT
    s3_certificate "$3"
    cat >"$t/s3/ceph.conf" <<EOF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
keyring = $t/s3/keys
run dir = $t/s3
admin socket = $t/s3/\$name.asok
log file = $t/s3/\$name.log
pid file = $t/s3/\$name.pid
crash dir = $t/s3/crash
mon host = v2:127.0.0.1:$2
mon initial members = a
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
ms bind ipv6 = false
# One copy of everything on one host, and no waiting for votes of others.
paxos propose interval = 0.02
paxos min wait = 0.01
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon data avail crit = 1
mon data avail warn = 2
auth allow insecure global id reclaim = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd class load list = *
osd class default list = *
osd objectstore = memstore
osd max object name len = 460
memstore device bytes = ${S3_BYTES:-1073741824}
[mon]
mon data = $t/s3/mon
[osd]
osd data = $t/s3/osd
[client.rgw]
rgw data = $t/s3/rgw
rgw frontends = beast endpoint=127.0.0.1:$1 ${s3_tls:+ssl_endpoint=127.0.0.1:$3 ssl_certificate=$t/s3/both.pem}
rgw dns name = localhost
rgw enable usage log = false
rgw enable ops log = false
rgw enable lc threads = false
rgw dynamic resharding = false
rgw run sync thread = false
rgw gc obj min wait = 1
rgw gc processor period = 1
rgw multipart min part size = ${S3_MIN_PART:-5242880}
EOF
}

# NAME COMMAND...: a daemon that ends when this shell does. ceph reads CEPH_CONF.
s3_daemon() {
    daemon=$1; shift
    setpriv --pdeathsig KILL "$@" -f >"$t/s3/$daemon.out" 2>&1 &
    echo $! >"$t/s3/$daemon.process"
}

s3_gateway() {
    s3_daemon rgw radosgw -n client.rgw
    until_true "$B/tests/tools/s3tool" "s3://none?endpoint=$s3&attempts=1" ready
}

s3_start() {
    for p in ceph-mon ceph-osd radosgw radosgw-admin ceph-authtool monmaptool ceph setpriv; do
        command -v $p >/dev/null || { why="no $p here (make check-s3 installs it)"; return 1; }
    done
    mkdir -p "$t/s3/mon" "$t/s3/osd" "$t/s3/rgw" "$t/s3/crash"
    ports=$(s3_free_ports) || { why="no free port"; return 1; }
    s3_configure $ports
    export CEPH_CONF=$t/s3/ceph.conf
    s3=http://127.0.0.1:${ports%% *}
    trap 's3_stop; cd /; rm -rf "$t"' EXIT
    # Nothing of the user's own may reach the programs under test.
    unset AWS_SESSION_TOKEN AWS_PROFILE AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3 AWS_REGION AWS_ACCESS AWS_SECRET_KEY \
        http_proxy https_proxy all_proxy ALL_PROXY HTTPS_PROXY
    export AWS_ACCESS_KEY_ID=test:key AWS_SECRET_ACCESS_KEY=test/secret+key= AWS_DEFAULT_REGION=us-east-1 \
        AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
    s3_set_up "$(echo "$ports" | cut -d' ' -f2)" >"$t/s3/start" 2>&1 ||
        { why="the S3 server does not start: $(tail -1 "$t/s3/start")"; return 2; }
}

s3_set_up() { # MONITOR_PORT
    uuid=$(cat /proc/sys/kernel/random/uuid)
    fsid=$(sed -n 's/^fsid = //p' "$CEPH_CONF")
    monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$1]" "$t/s3/map" &&
    ceph-authtool --create-keyring "$t/s3/keys" --gen-key -n mon. --cap mon 'allow *' || return 1
    for who in client.admin client.rgw osd.0; do
        ceph-authtool "$t/s3/keys" --gen-key -n $who --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' || return 1
    done
    ceph-mon --mkfs -i a --monmap "$t/s3/map" || return 1
    s3_daemon mon ceph-mon -i a
    ceph --connect-timeout 60 osd new "$uuid" && ceph-osd -i 0 --mkfs --osd-uuid "$uuid" &&
    ceph --connect-timeout 60 osd crush add osd.0 1.0 host=localhost root=default || return 1
    s3_daemon osd ceph-osd -i 0
    s3_admin user create --uid=test --display-name=test --access-key=test:key --secret-key=test/secret+key= || return 1
    s3_gateway
}

s3_admin() { timeout 120 radosgw-admin -n client.rgw "$@"; }
s3_signal() { kill -"$1" "$(cat "$t/s3/rgw.process")"; }
s3_kill() { # DAEMON
    daemon=$t/s3/${1:-rgw}.process
    [ -s "$daemon" ] && { kill -KILL "$(cat "$daemon")" && wait "$(cat "$daemon")"; } 2>/dev/null
    rm -f "$daemon"
}
s3_stop() { s3_kill rgw; s3_kill osd; s3_kill mon; }
