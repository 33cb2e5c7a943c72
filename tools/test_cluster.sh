#!/usr/bin/env bash
# The tests on a real Slurm (two nodes on this machine) and between two network namespaces, on what tools/test.sh has built.
# Some ten minutes on an idle machine. Needs root, since it starts Slurm's daemons and makes namespaces; where that cannot be, it
# fails: nothing is skipped here.
#
#   tools/test_cluster.sh [ctest options, for instance -R network]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
balr_setup --tests --slurm
export BALR_TEST_LEVEL=${BALR_TEST_LEVEL:-quick} BALR_REQUIRE_SLURM=1
# One at a time: they start more ranks than there are cores.
exec ctest --test-dir "$balr_root/build" --output-on-failure --label-regex 'slurm|network' --no-tests=error "$@"
