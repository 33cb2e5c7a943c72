#!/usr/bin/env bash
# Does all the set-up, builds balr and runs its tests.
#
#   tools/test.sh [ctest options, for instance -R fbank]
#
# BALR_TEST_LEVEL   quick (default, under 15 minutes), ci or full: how many kills, seeds and rank counts
# BALR_TEST_DATA    a folder with the reference numbers (golden/) and real speech (data/), if you have it
# BALR_REQUIRE_TEST_DATA=1   fail, instead of skipping tests aloud, where that folder is absent
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
export BALR_TEST_LEVEL=${BALR_TEST_LEVEL:-quick}
case $BALR_TEST_LEVEL in
  quick) werror=OFF ;;
  ci | full) werror=ON ;;
  *) balr_die "BALR_TEST_LEVEL=$BALR_TEST_LEVEL: use quick, ci or full" ;;
esac
if [ -n "${BALR_TEST_DATA:-}" ]; then
  BALR_TEST_DATA=$(cd "$balr_root" && realpath -m "$BALR_TEST_DATA")
  export BALR_TEST_DATA
fi

balr_setup --tests
balr_say "building (level $BALR_TEST_LEVEL)"
balr_build -DBALR_WERROR=$werror -DBALR_BUILD_TESTS=ON

balr_say "testing"
status=0
ctest --test-dir "$balr_root/build" --output-on-failure --label-exclude gpu -j "$(nproc)" "$@" || status=$?
log="$balr_root/build/Testing/Temporary/LastTest.log"
# GoogleTest lists skipped tests once more at its end; count each name once.
# grep answers 1 where nothing was skipped, which under pipefail would end this script as a failure.
skipped=$({ grep -ahoE '^\[  SKIPPED \] [A-Za-z0-9_]+\.[A-Za-z0-9_/]+' "$log" 2>/dev/null || true; } | sort -u | wc -l)
if [ "$skipped" -gt 0 ]; then
  balr_say "$skipped tests were SKIPPED: they need the reference data (BALR_TEST_DATA names its folder) or another processor"
fi
exit $status
