#!/usr/bin/env bash
# Replays the recorded HTTP and command-line conversations against a fresh st2d, and the tables of pure functions.
# Prints `<group>: <passed> of <all>` for each; the exit code tells whether everything that is built passes.
# Arguments: names of HTTP groups (executions, auth…) to run instead of all; VERBOSE=1 shows the differences, PATIENCE
# is how many seconds a conversation may wait for something to happen (10).
set -euo pipefail
cd "$(dirname "$0")/.."
corpus=${CONFORMANCE_DIR:-../shared/conformance}
if [ ! -d "$corpus" ]; then
    echo "skipped: no conformance corpus at $corpus (set CONFORMANCE_DIR)"
    exit 0
fi
corpus=$(cd "$corpus" && pwd)
target=${CARGO_TARGET_DIR:-target}
verbose=${VERBOSE:+-v}
work=$(mktemp -d)
chmod 711 "$work" # the private PostgreSQL runs as a user of its own
daemon=
stop() {
    if [ -n "$daemon" ]; then kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null || true; fi
    daemon=
}
trap 'stop; rm -rf "$work"' EXIT

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start NAME [extra environment…]: a fresh daemon with the corpus' pack; sets api, auth, stream, key.
start() {
    local data=$work/$1
    shift
    mkdir -p "$data/packs" "$data/configs"
    chmod 700 "$data"
    cp -r "$corpus/packs/conform" "$data/packs/"
    for pack in conform examples; do python3 -m venv --without-pip "$data/virtualenvs/$pack"; done
    printf 'host: conf.example.com\npassword: cfg-secret\n' >"$data/configs/conform.yaml"
    api=127.0.0.1:$(port) auth=127.0.0.1:$(port) stream=127.0.0.1:$(port)
    mkfifo "$data.ready"
    env ST2_SYSTEM_USER__USER=root "$@" "$target/release/st2d" --data-dir "$data" --api-listen "$api" \
        --auth-listen "$auth" --stream-listen "$stream" --log-level warn >"$data.ready" 2>"$data.log" &
    daemon=$!
    if ! timeout 60 grep -q -m1 'st2d is ready' "$data.ready"; then
        echo "st2d did not become ready:" && tail -20 "$data.log"
        exit 1
    fi
    (cat "$data.ready" >/dev/null &) # keeps its standard output open
    key=$(cat "$data/admin-api-key" 2>/dev/null || true)
}

services() { echo --api "http://$api" --auth "http://$auth" --stream "http://$stream"; }

failed=0
groups=()
for name in "$@"; do groups+=("$corpus/http/$name.json"); done
[ ${#groups[@]} -gt 0 ] || groups=("$corpus/http")

echo "== HTTP, authentication off"
start off ST2_AUTH__ENABLE=false
python3 .ci/replay_known.py "$corpus/replay.py" $(services) $verbose --timeout "${PATIENCE:-10}" --known .ci/known-http.tsv ${ONLY:+--only "$ONLY"} "${groups[@]}" || failed=1
if [ $# -eq 0 ]; then
    echo "== command line"
    python3 .ci/replay_known.py "$corpus/replay_cli.py" --st2 "$target/release/st2" $(services) $verbose --known .ci/known-cli.tsv "$corpus/cli" || failed=1
fi
stop

# The shipped examples answer as the reference's do. Those that import YAML wait for the shared libraries once.
if [ $# -eq 0 ] || [[ " $* " == *" examples "* ]]; then
    echo "== HTTP, the shipped examples"
    start examples ST2_AUTH__ENABLE=false ST2_CONTENT__OPTIONAL_PACKS=examples
    python3 .ci/replay_known.py "$corpus/replay.py" $(services) $verbose --timeout 90 --known .ci/known-http.tsv ${ONLY:+--only "$ONLY"} "$corpus/http/examples.json" || failed=1
    stop
fi

echo "== HTTP, authentication on"
start on ST2_AUTH__HTPASSWD_FILE="$corpus/rbac/htpasswd"
python3 .ci/replay_known.py "$corpus/replay.py" $(services) $verbose --with auth --timeout "${PATIENCE:-10}" --known .ci/known-http.tsv "${groups[@]}" || failed=1
stop
exit $failed
