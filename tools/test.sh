#!/usr/bin/env bash
# Does all the set-up, builds balr and runs its tests.
#
#   tools/test.sh [ctest options, for instance -R fbank]
#
# BALR_FUZZ_SECONDS  how long each fuzz program runs, instead of 5 (quick), 60 (ci) or 600 (full)
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

# Builds with clang, and runs, the fuzz programs that the ctest options leave over.
fuzz() {
  local build="$balr_root/build/fuzz" options=()
  if ! command -v clang++-16 >/dev/null; then
    [ "$BALR_TEST_LEVEL" = quick ] || balr_die "level $BALR_TEST_LEVEL needs clang-16 and libclang-rt-16-dev, for the fuzz tests"
    balr_say "the fuzz tests were LEFT OUT: they need clang-16 and libclang-rt-16-dev"
    return 0
  fi
  command -v ninja >/dev/null && [ ! -e "$build/CMakeCache.txt" ] && options+=(-G Ninja)
  command -v ccache >/dev/null && options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  mkdir -p "$build"
  (cd "$balr_root" && cmake --preset fuzz "${options[@]}" >"$build/configure.log" 2>&1) ||
    { cat "$build/configure.log"; return 1; }
  grep -q '^Total Tests: 0' <<<"$(ctest --test-dir "$build" -N "$@")" && return 0
  balr_say "fuzzing"
  cmake --build "$build" --target balr_fuzzers -j "$(nproc)" || return 1
  local failed=0
  ctest --test-dir "$build" --output-on-failure -j "$(nproc)" "$@" || failed=1
  grep -h '^fuzz_.* inputs' "$build/Testing/Temporary/LastTest.log" || true
  return $failed
}

balr_setup --tests
balr_say "building (level $BALR_TEST_LEVEL)"
balr_build -DBALR_WERROR=$werror -DBALR_BUILD_TESTS=ON

balr_say "testing"
status=0
excluded='slurm|network'
if ! nvidia-smi -L >/dev/null 2>&1; then
  excluded="gpu|$excluded"
  [ $# -gt 0 ] || balr_say "the tests on a GPU were LEFT OUT: there is none here (ctest --test-dir build -L gpu)"
fi
ctest --test-dir "$balr_root/build" --output-on-failure --label-exclude "$excluded" -j "$(nproc)" "$@" || status=$?
[ $# -gt 0 ] || balr_say "the tests on a Slurm of two nodes and between two network namespaces were LEFT OUT: they start daemons as root; run tools/test_cluster.sh"
log="$balr_root/build/Testing/Temporary/LastTest.log"
# GoogleTest lists skipped tests once more at its end; count each name once.
# grep answers 1 where nothing was skipped, which under pipefail would end this script as a failure.
skipped=$({ grep -ahoE '^\[  SKIPPED \] [A-Za-z0-9_]+\.[A-Za-z0-9_/]+' "$log" 2>/dev/null || true; } | sort -u | wc -l)
if [ "$skipped" -gt 0 ]; then
  balr_say "$skipped tests were SKIPPED: they need the reference data (BALR_TEST_DATA names its folder) or another processor"
fi
fuzz "$@" || status=1
exit $status
