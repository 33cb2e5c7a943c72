#!/usr/bin/env bash
# balr without Slurm: one process on one device, or one for each GPU of this machine under mpirun.
#
# May be set: BALR (the program), NPROC (number of processes; default: the GPUs that nvidia-smi shows, at least 1).
#
#   slurm/local.sh extract --device cuda --save-dir out dev.csv embeddings.model.model_repo=models/resnet34
set -euo pipefail
balr=${BALR:-balr}
command -v "$balr" >/dev/null || { echo "error: cannot find $balr; set BALR to the program's full path" >&2; exit 2; }
gpus=0
if command -v nvidia-smi >/dev/null; then gpus=$(nvidia-smi -L 2>/dev/null | grep -c '^GPU' || true); fi
# A user's choice of GPUs is kept: it is counted, not overwritten.
if [ -n "${CUDA_VISIBLE_DEVICES:-}" ]; then gpus=$(tr ',' '\n' <<<"$CUDA_VISIBLE_DEVICES" | grep -c .); fi
count=${NPROC:-$((gpus > 1 ? gpus : 1))}
echo "== $balr, $count processes, $gpus GPUs"
[ "$count" -eq 1 ] && exec "$balr" "$@"
exec mpirun -n "$count" --bind-to none "$balr" "$@"
