#!/usr/bin/env bash
# Runs one fuzz program for a while and says how many inputs it tried: run_fuzzer.sh PROGRAM SEEDS FOUND MAX_LEN
#   SEEDS   folder of the inputs to start from, never written
#   FOUND   folder of the inputs found so far, which the next run starts from too; a crash is left beside it
set -euo pipefail
program=$1 seeds=$2 found=$3 max_len=$4
name=$(basename "$program" _fuzz)
case ${BALR_TEST_LEVEL:-quick} in
  quick) seconds=5 ;;
  ci) seconds=60 ;;
  full) seconds=600 ;;
  *) echo "BALR_TEST_LEVEL=$BALR_TEST_LEVEL: use quick, ci or full" >&2; exit 2 ;;
esac
seconds=${BALR_FUZZ_SECONDS:-$seconds}
[ -n "$(ls -A "$seeds")" ] || { echo "no inputs in $seeds" >&2; exit 1; }
mkdir -p "$found"
log="$found.log"
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
status=0
"$program" -max_total_time="$seconds" -max_len="$max_len" -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 \
  -artifact_prefix="$found." "$found" "$seeds" >"$log" 2>&1 || status=$?
inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
if [ "$status" -ne 0 ]; then
  tail -n 60 "$log"
  echo "fuzz_$name: FAILED after ${inputs:-some} inputs; the input is beside $found, the log is $log"
  exit 1
fi
[ "${inputs:-0}" -gt 0 ] || { tail -n 20 "$log"; echo "fuzz_$name tried no input" >&2; exit 1; }
echo "fuzz_$name: $inputs inputs in $seconds s, no crash; $(ls "$found" | wc -l) kept"
