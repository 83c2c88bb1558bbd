#!/usr/bin/env bash
# Everything CI checks, cheapest first. `.ci/check.sh NAME…` runs only the checks of these names.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:$HOME/.cargo/bin"
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}"
# Snapshots are compared, never written.
export INSTA_UPDATE=no
# The same cases of properties each time: a landing shall not fail by what it did not change. `cargo test` alone looks at
# others each time, and keeps the seed of what it finds.
export PROPTEST_RNG_SEED="${PROPTEST_RNG_SEED:-2026}"

form() { cargo fmt --check; }

lints() { SQLX_OFFLINE=true cargo clippy --locked --all-targets -- -D warnings; }

docs() { SQLX_OFFLINE=true RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items; }

# .sqlx agrees with the queries and the migrations.
queries() { SQLX_OFFLINE=false .ci/with-postgres.sh cargo sqlx prepare --check -- --all-targets; }

# The unit tests of the store make databases on the server of DATABASE_URL; the others start what they need.
#
# Daemons, servers and clients of all tests share the processors. What does not pass among all the others gets one more
# chance, alone, and is named: at most five tests, since more of them are no accident.
tests() {
    export SQLX_OFFLINE=true
    local log failed=()
    log="$(mktemp)"
    if .ci/with-postgres.sh cargo test --locked --no-fail-fast --lib --bins --tests 2>&1 | tee "$log"; then
        rm "$log"
        return
    fi
    mapfile -t failed < <(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$log")
    rm "$log"
    [ ${#failed[@]} -gt 0 ] && [ ${#failed[@]} -le 5 ] || return 1
    printf '== failed among the others, now alone: %s\n' "${failed[@]}"
    .ci/with-postgres.sh cargo test --locked --lib --bins --tests -- --exact --test-threads 1 "${failed[@]}" || return 1
    printf '== passed alone only, so look for what it races with: %s\n' "${failed[@]}"
}

doc_tests() { SQLX_OFFLINE=true cargo test --locked --doc; }

# A snapshot whose test is gone checks nothing.
snapshots() {
    local left
    left="$(git ls-files -o --exclude-standard -- '*.snap.new' '*.pending-snap')"
    [ -z "$left" ] || { echo "snapshots nobody accepted: $left" >&2; return 1; }
}

# Runs of Python actions, cold and warm, and what packs import.
python() { PYTHONDONTWRITEBYTECODE=1 python3 -W error -m unittest discover python/tests; }

licences() {
    cargo deny --locked check licenses bans sources
    # Known holes are looked up in a database from the network; without network this is for the next run.
    if cargo deny --locked fetch db >/dev/null 2>&1; then
        cargo deny --locked check advisories
    else
        echo "note: no network, so advisories were not looked up"
    fi
}

all=(form licences python lints docs queries tests doc_tests snapshots)
[ $# -gt 0 ] || set -- "${all[@]}"
for check in "$@"; do
    echo "== ${check//_/ }"
    begun=$SECONDS
    "$check"
    echo "== ${check//_/ }: fine ($((SECONDS - begun)) s)"
done
