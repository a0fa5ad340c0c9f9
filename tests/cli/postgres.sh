# Sourced: a PostgreSQL server for one test, in the test's directory, reached by a socket alone.
#   postgres_start       sets $pg (a URL); fails where there is no server to start, with the reason in $why
#   postgres_go OPTION...  starts it again with these options of its own
#   postgres_stop        the test calls it at its end; also called when it is interrupted
#   psql_do SQL...       as the owner
postgres_start() {
    pgbin=
    for d in /usr/lib/postgresql/*/bin; do [ -x "$d/initdb" ] && pgbin=$d; done
    [ -n "$pgbin" ] || { why="no PostgreSQL server here (Debian: postgresql-15)"; return 1; }
    as=
    pguser=$(id -un)
    mkdir -p "$t/pg"
    if [ "$(id -u)" -eq 0 ]; then # the server refuses to run as root
        id postgres >/dev/null 2>&1 || { why="no user postgres"; return 1; }
        command -v setpriv >/dev/null || { why="no setpriv"; return 1; }
        as="setpriv --reuid postgres --regid postgres --init-groups"
        pguser=postgres
        chmod 755 "$t"
        chown postgres: "$t/pg"
    fi
    (cd "$t/pg" && $as "$pgbin/initdb" -D "$t/pg/data" -U "$pguser" -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
        --no-instructions) >"$t/pg.init" 2>&1 || { why="initdb failed: $(tail -1 "$t/pg.init")"; return 1; }
    postgres_go || return 1
    trap 'postgres_stop; cd /; rm -rf "$t"' EXIT
    pg="postgresql://$pguser@/postgres?host=$t/pg"
}
postgres_go() {
    (cd "$t/pg" && $as "$pgbin/pg_ctl" -D "$t/pg/data" -w -s -l "$t/pg/log" -o "-c listen_addresses='' \
        -c unix_socket_directories=$t/pg -c fsync=off -c shared_buffers=16MB $*" start) >"$t/pg.start" 2>&1 ||
        { why="the server does not start: $(tail -1 "$t/pg/log")"; return 1; }
}
postgres_stop() {
    [ -n "${pgbin:-}" ] && [ -d "$t/pg/data" ] && (cd "$t/pg" && $as "$pgbin/pg_ctl" -D "$t/pg/data" -s -m immediate stop) >/dev/null 2>&1
    return 0
}
psql_do() { (cd "$t/pg" && $as "$pgbin/psql" -q -h "$t/pg" -U "$pguser" -d postgres -v ON_ERROR_STOP=1 "$@"); }
