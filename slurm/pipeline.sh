#!/usr/bin/env bash
# Submits the whole recipe: extraction of two CSVs, then training on them once both are done. Prints the job ids.
#
# Set: DEV and TEST (CSVs of speech files), OUT (folder of the results), MODEL (a folder or repository).
# May be set: EXTRACT_ARGS and TRAIN_ARGS (more options of sbatch, for instance "--nodes=4 --time=10:00:00"), and what
# extract.sbatch, train.sbatch and env.sh name.
#
#   DEV=dev.csv TEST=test.csv OUT=$SCRATCH/vox MODEL=Wespeaker/wespeaker-voxceleb-resnet34-LM slurm/pipeline.sh trainer.epochs=200
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export BALR_SLURM=$here
source "$here/env.sh"
: "${DEV:?set DEV to the CSV to train on}" "${TEST:?set TEST to the CSV to validate on}"
: "${OUT:?set OUT to the folder of the results}" "${MODEL:?set MODEL to the model folder or repository}"
balr_environment
balr_settings DEV TEST OUT MODEL EXTRACT_ARGS TRAIN_ARGS BALR_SBATCH_ARGS
mkdir -p "$OUT"

# submit NAME SBATCH_OPTIONS... : prints the id. Variables reach the job through the environment, whatever they hold.
submit() { sbatch --parsable --export=ALL "$@" | cut -d';' -f1; }

# Options are words, as on a command line.
read -ra site <<<"${BALR_SBATCH_ARGS:-}"
read -ra extract <<<"${EXTRACT_ARGS:-}"
read -ra train <<<"${TRAIN_ARGS:-}"
log="$OUT/%x-%j.out"
dev=$(INPUT=$DEV SAVE_DIR=$OUT/dev submit "${site[@]}" "${extract[@]}" --output="$log" "$here/extract.sbatch")
test=$(INPUT=$TEST SAVE_DIR=$OUT/test submit "${site[@]}" "${extract[@]}" --output="$log" "$here/extract.sbatch")
# A requeued job keeps its id, so that the dependency waits until it is really done.
job=$(TRAIN=$OUT/dev VAL=$OUT/test SAVE_DIR=$OUT/train submit "${site[@]}" "${train[@]}" --output="$log" \
  --dependency="afterok:$dev:$test" --kill-on-invalid-dep=yes "$here/train.sbatch" "$@")
printf 'extract %s\nextract %s\ntrain %s\n' "$dev" "$test" "$job"
