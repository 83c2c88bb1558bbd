#!/usr/bin/env bash
# Installs what is missing: `ground.sh run` to build and run st2d, `ground.sh test` also to check it.
# Says what it does; does nothing when nothing is missing.
set -euo pipefail
purpose="${1:?run or test}"

has() { command -v "$1" >/dev/null 2>&1; }
has_postgres() { has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
has_venv() { python3 -c 'import venv, ensurepip' >/dev/null 2>&1; }

# Debian packages, each with the sign that it (or the same from elsewhere) is there.
packages=()
has cc && has make || packages+=(build-essential)
has pkg-config || packages+=(pkg-config)
has git || packages+=(git)
has curl || packages+=(curl)
[ -e /etc/ssl/certs/ca-certificates.crt ] || packages+=(ca-certificates)
has_postgres || packages+=(postgresql)
has_venv || packages+=(python3 python3-venv)
if [ "$purpose" = test ]; then
    # Remote actions are tested against a real server.
    [ -x /usr/sbin/sshd ] || packages+=(openssh-server)
    has sudo || packages+=(sudo)
fi

if [ ${#packages[@]} -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" != 0 ]; then as_root=(sudo); fi
    if ! has apt-get; then
        echo "Missing, under Debian's names: ${packages[*]}" >&2
        echo "This is no Debian or Ubuntu: please install them your way, then run make again." >&2
        exit 1
    fi
    if [ "$(id -u)" != 0 ] && ! has sudo; then
        echo "Missing: ${packages[*]}. There is no sudo here; as root, run:" >&2
        echo "  apt-get update && apt-get install -y --no-install-recommends ${packages[*]}" >&2
        exit 1
    fi
    echo "== installing Debian packages: ${packages[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"
fi

if ! has cargo; then
    cat >&2 <<'TEXT'
Missing: Rust. Install it for this user, then run make again:
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal -c clippy,rustfmt
TEXT
    exit 1
fi

[ "$purpose" = test ] || exit 0

if has rustup; then
    for component in rustfmt clippy; do
        rustup component list --installed 2>/dev/null | grep -q "^$component" || rustup component add "$component"
    done
fi

# Cargo's own tools, at the versions the checks were written for.
tool() { # program, crate, version, options…
    local program="$1" crate="$2" version="$3"
    shift 3
    if ! has "$program"; then
        echo "== installing $crate $version (some minutes)"
        CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/tools" cargo install --locked "$crate" --version "$version" "$@"
    fi
}
tool cargo-sqlx sqlx-cli 0.8.6 --no-default-features --features postgres,rustls
tool cargo-deny cargo-deny 0.20.2

# The real Python client of StackStorm, which tests drive.
client="${ST2_TEST_CLIENT:-$HOME/.cache/st2-test-client-3.9.0}"
if [ ! -e "$client/.complete" ]; then
    echo "== installing st2client 3.9.0 into $client"
    rm -rf "$client"
    if python3 -m venv "$client" && "$client/bin/pip" install -q st2client==3.9.0; then
        touch "$client/.complete"
    else
        echo "st2client could not be installed: the tests that drive it will say \"skipped\"" >&2
        rm -rf "$client"
    fi
fi
