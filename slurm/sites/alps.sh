# Alps (CSCS), GH200 nodes: four GPUs and 288 Arm cores a node (sbatch --cpus-per-task=72). Set BALR_ACCOUNT.
# shellcheck shell=bash
BALR_SBATCH_ARGS=${BALR_SBATCH_ARGS:---cpus-per-task=72 ${BALR_ACCOUNT:+--account=$BALR_ACCOUNT}}
BALR_SRUN_ARGS=${BALR_SRUN_ARGS:-}
export MPICH_GPU_SUPPORT_ENABLED=0 # MPI sees host memory only; GPU-aware MPI beside NCCL can deadlock
export NCCL_NET="AWS Libfabric"    # fail, instead of falling back to TCP in silence
export NCCL_NET_GDR_LEVEL=PHB NCCL_CROSS_NIC=1 "NCCL_PROTO=^LL128"
