#!/usr/bin/env bash
# Submits COUNT copies of a job that run one after another, for sites that do not requeue jobs (or cancel preempted
# ones): each goes on where the one before it stopped, and those after the last needed one end within seconds.
#
#   INPUT=dev.csv SAVE_DIR=$SCRATCH/dev MODEL=... slurm/chain.sh 10 slurm/extract.sbatch [SBATCH OPTIONS] [-- ARGUMENTS]
#
# One job after the other by dependency (afterany: also after one that was cancelled by preemption or ran into its
# limit). A job that fails for good cancels those behind it. CHAIN=array submits one array with one task at a time
# instead, for sites that limit the number of jobs. Prints the job ids.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export BALR_SLURM=$here
source "$here/env.sh"
[ $# -ge 2 ] || balr_die "give a count and a job script, for instance: chain.sh 10 slurm/extract.sbatch"
count=$1 script=$2
shift 2
[[ $count =~ ^[1-9][0-9]*$ ]] || balr_die "the count is $count; give how many jobs to submit, for instance 10"
[ -r "$script" ] || balr_die "cannot read the job script $script"
options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1") && shift; done
[ $# -eq 0 ] || shift
balr_environment
balr_settings BALR_SBATCH_ARGS
read -ra site <<<"${BALR_SBATCH_ARGS:-}"
# One name for all of them: a job that fails for good finds the others by it.
BALR_CHAIN="chain-$(date +%s)-$$"
export BALR_CHAIN
submit() { sbatch --parsable --export=ALL --no-requeue --comment="$BALR_CHAIN" "${site[@]}" "${options[@]}" "$@" | cut -d';' -f1; }
if [ "${CHAIN:-jobs}" = array ]; then
  submit --array="1-$count%1" "$script" "$@"
  exit 0
fi
before=
for ((i = 0; i < count; ++i)); do
  before=$(submit ${before:+--dependency=afterany:$before} "$script" "$@")
  echo "$before"
done
