#!/usr/bin/env bash
# Runs a command with DATABASE_URL set to a migrated database on a PostgreSQL of its own, which ends with it.
set -euo pipefail
initdb="$(command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1)"
bin="$(dirname "$(realpath "$initdb")")"
directory="$(mktemp -d "${TMPDIR:-/tmp}/st2-check-XXXXXX")"
# PostgreSQL refuses to run as root.
as_server=()
if [ "$(id -u)" = 0 ]; then
    user="$(id -un postgres 2>/dev/null || echo nobody)"
    chown "$user" "$directory"
    as_server=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
fi
server=
end() {
    if [ -n "$server" ]; then
        kill -QUIT "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$directory"
}
trap end EXIT

(
    cd /
    "${as_server[@]}" "$bin/initdb" -D "$directory/data" --username=st2 --encoding=UTF8 --locale=C --auth=trust \
        --no-sync >/dev/null
)
(
    cd /
    exec "${as_server[@]}" "$bin/postgres" -D "$directory/data" -k "$directory" -c listen_addresses= -c fsync=off \
        -c full_page_writes=off -c max_connections=300 >"$directory/log" 2>&1
) &
server=$!
export DATABASE_URL="postgres://st2@localhost/st2?host=$directory"
for _ in $(seq 100); do
    cargo sqlx database create >/dev/null 2>&1 && break
    sleep 0.1
done
cargo sqlx migrate run --source migrations >/dev/null || { cat "$directory/log" >&2; exit 1; }
"$@"
