#!/bin/sh
# Needs no more than a shell and awk over there.
processors=$(grep -c ^processor /proc/cpuinfo)
awk -v period="$1" -v processors="${processors:-1}" '
    BEGIN { if (processors < 1) processors = 1 }
    {
        load["1"] = $1 / processors; load["5"] = $2 / processors; load["15"] = $3 / processors
        if (period in load) print load[period]
        else printf "{\"1\": \"%s\", \"5\": \"%s\", \"15\": \"%s\"}\n", load["1"], load["5"], load["15"]
    }' /proc/loadavg
