# Jean Zay (IDRIS). Set BALR_ACCOUNT, for instance abc@a100; modules of the same CUDA generation as balr's LibTorch.
# V100 nodes have no kernels in LibTorch built for CUDA 13: build balr against a wheel for CUDA 12 there.
# shellcheck shell=bash
module purge 2>/dev/null || true
[ -z "${BALR_MODULES:-}" ] || module load ${BALR_MODULES:+$BALR_MODULES}
BALR_SBATCH_ARGS=${BALR_SBATCH_ARGS:-${BALR_ACCOUNT:+--account=$BALR_ACCOUNT} --hint=nomultithread}
BALR_SRUN_ARGS=${BALR_SRUN_ARGS:-}
