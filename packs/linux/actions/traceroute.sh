#!/bin/sh
command -v traceroute >/dev/null || { echo "Unable to find traceroute binary in PATH" >&2; exit 2; }
exec traceroute -q "$3" -m "$2" -- "$1"
