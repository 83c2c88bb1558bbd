#!/bin/sh
i=1
while [ "$i" -le "$1" ]; do
    if [ $((i % 2)) -eq 0 ]; then
        echo "stdout line $i"
    else
        echo "stderr line $i" >&2
    fi
    i=$((i + 1))
    sleep "$2"
done
