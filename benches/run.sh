#!/usr/bin/env bash
# Measures and prints the table of ratios; arguments are numbers of metrics (all without any). BENCH_PAIRS=n sets how
# often anchor and subject take turns. Run it on an otherwise idle machine, on a real disk: durable commits are part
# of what is measured.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo bench --locked --bench ratios -- "$@"
