#!/bin/sh
# systemd where there is one, scripts of init elsewhere.
if command -v systemctl >/dev/null; then
    exec systemctl "$1" "$2"
fi
exec service "$2" "$1"
