# Perlmutter (NERSC), GPU nodes: four A100 a node. Set BALR_ACCOUNT.
# shellcheck shell=bash
[ -z "${BALR_MODULES:-}" ] || module load ${BALR_MODULES:+$BALR_MODULES}
BALR_SBATCH_ARGS=${BALR_SBATCH_ARGS:---constraint=gpu ${BALR_ACCOUNT:+--account=$BALR_ACCOUNT}}
# GPUs isolated from each other cannot use NVLink.
BALR_SRUN_ARGS=${BALR_SRUN_ARGS:---gpu-bind=none}
unset OMP_PROC_BIND
export MPICH_GPU_SUPPORT_ENABLED=0 # MPI sees host memory only; GPU-aware MPI beside NCCL can deadlock
