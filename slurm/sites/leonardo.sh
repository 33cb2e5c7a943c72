# Leonardo (CINECA), Booster partition: four A100 and 32 cores a node (sbatch --cpus-per-task=8). Set BALR_ACCOUNT.
# shellcheck shell=bash
module purge 2>/dev/null || true
[ -z "${BALR_MODULES:-}" ] || module load ${BALR_MODULES:+$BALR_MODULES}
BALR_SBATCH_ARGS=${BALR_SBATCH_ARGS:---partition=boost_usr_prod --cpus-per-task=8 ${BALR_ACCOUNT:+--account=$BALR_ACCOUNT}}
BALR_SRUN_ARGS=${BALR_SRUN_ARGS:-}
