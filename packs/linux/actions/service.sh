#!/bin/sh
# systemd where it runs, scripts of init elsewhere.
[ $# -eq 2 ] && [ -n "$1" ] && [ -n "$2" ] || { echo "Usage: service.sh <action> <service>" >&2; exit 2; }
if [ -d /run/systemd/system ]; then
    exec systemctl "$1" -- "$2"
fi
exec service "$2" "$1"
