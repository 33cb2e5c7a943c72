# Any cluster with NVIDIA GPUs: nothing but what the environment already has. Copy this file for a site of your own.
#   BALR_SBATCH_ARGS   more options of sbatch, for pipeline.sh and chain.sh (account, partition, constraint)
#   BALR_SRUN_ARGS     more options of srun (binding)
# shellcheck shell=bash
BALR_SBATCH_ARGS=${BALR_SBATCH_ARGS:-}
BALR_SRUN_ARGS=${BALR_SRUN_ARGS:-}
