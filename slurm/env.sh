#!/usr/bin/env bash
# What the job scripts share; sourced, never run.
#
# Set (all optional but BALR where `balr` is not on PATH):
#   BALR                 the program (default: balr)
#   BALR_SITE            a file in sites/ (default: generic): modules, fabric variables, options of srun and sbatch
#   BALR_CONTAINER       an image for apptainer (image.sif): only the program runs inside, srun and requeueing outside
#   BALR_MPI             the srun plugin that starts MPI (default: pmix; `srun --mpi=list` shows what there is)
#   BALR_MAX_REQUEUE     how often a job stopped by its time limit goes back into the queue (default: 20; 0: never)
#   BALR_MAX_CRASHES     how often one job starts a crashed run again (extract: 3, since each start leaves out one more
#                        file that kills its decoder; train: 0, since it would crash again)

balr_die() { printf 'error: %s\n' "$*" >&2; exit 2; }

# Reads the site's file and sets what every rank needs.
balr_environment() {
  local site="$BALR_SLURM/sites/${BALR_SITE:-generic}.sh"
  [ -r "$site" ] || balr_die "there is no site file $site; set BALR_SITE to one of $(cd "$BALR_SLURM/sites" && echo *.sh)"
  set +u  # module functions read unset variables
  # shellcheck source=/dev/null
  source "$site"
  set -u
  # srun does not inherit --cpus-per-task since Slurm 22.05: without this every rank gets one core.
  export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"
  export HDF5_USE_FILE_LOCKING="${HDF5_USE_FILE_LOCKING:-BEST_EFFORT}"
  export NCCL_DEBUG="${NCCL_DEBUG:-WARN}"
  balr_program=("${BALR:-balr}")
  if [ -n "${BALR_CONTAINER:-}" ]; then
    [ -r "$BALR_CONTAINER" ] || balr_die "cannot read the image BALR_CONTAINER=$BALR_CONTAINER; give its full path"
    balr_program=(apptainer exec --nv "$BALR_CONTAINER" "${BALR:-balr}")
  fi
  command -v "${balr_program[0]}" >/dev/null ||
    balr_die "cannot find ${balr_program[0]}; set BALR to the program's full path"
}

# One line a setting, before anything runs: what a person asks first when a job went wrong.
balr_settings() {
  printf '== balr job %s, start %s, on %s\n' "${SLURM_JOB_ID:-none}" "$((${SLURM_RESTART_COUNT:-0} + 1))" \
    "${SLURM_JOB_NODELIST:-$(hostname)}"
  local name
  for name in BALR BALR_SITE BALR_CONTAINER BALR_MPI BALR_MAX_REQUEUE BALR_MAX_CRASHES SLURM_NTASKS \
    SLURM_CPUS_PER_TASK CUDA_VISIBLE_DEVICES NCCL_DEBUG "$@"; do
    printf '   %s=%s\n' "$name" "${!name-}"
  done
}

# balr_srun ARGUMENTS: the program, one process a task.
balr_srun() {
  # One GPU for each task is chosen by balr: Slurm's own binding hides the others and slows NCCL down.
  srun --mpi="${BALR_MPI:-pmix}" --kill-on-bad-exit=1 --wait=60 --unbuffered ${BALR_SRUN_ARGS:+$BALR_SRUN_ARGS} \
    "${balr_program[@]}" "$@"
}

# A field of the run's state file; nothing where there is none.
balr_field() { "${balr_program[@]}" status "$1" --field "$2" 2>/dev/null || true; }

# What became of the run in folder $1, whose srun ended with $2, as one word:
# complete | stopped (by a time limit: go on) | cancelled (SIGTERM, SIGINT: never revived here) | crashed | refused
balr_outcome() {
  local folder=$1 status=$2 state
  case $status in
    2 | 65 | 74) echo refused && return ;;  # a message says why; the next start would end the same way
  esac
  state=$(balr_field "$folder" state)
  # A state that an earlier job or start wrote says nothing about this one.
  if [ "$(balr_field "$folder" job)" != "${SLURM_JOB_ID:-}" ] ||
    [ "$(balr_field "$folder" restart_count)" != "${SLURM_RESTART_COUNT:-0}" ]; then
    # Nothing to do is said without touching the state.
    if [ "$status" -eq 0 ] && [ "$state" = complete ]; then echo complete; else echo crashed; fi
    return
  fi
  case $state in
    complete) echo complete ;;
    stopped)
      case $(balr_field "$folder" stop_reason) in
        SIGTERM | SIGINT) echo cancelled ;;
        *) echo stopped ;;
      esac ;;
    failed) echo refused ;;
    *) echo crashed ;;
  esac
}

# balr_run FOLDER ARGUMENTS: runs the program until it is done, was stopped, or crashed too often; ends this script.
balr_run() {
  local folder=$1 status outcome crashes=0
  shift
  while true; do
    balr_srun "$@" && status=0 || status=$?
    outcome=$(balr_outcome "$folder" "$status")
    echo "== balr ended with $status: $outcome"
    [ "$outcome" = crashed ] || break
    [ "$crashes" -lt "${BALR_MAX_CRASHES:-0}" ] || break
    crashes=$((crashes + 1))
    echo "== starting again after a crash ($crashes of ${BALR_MAX_CRASHES})"
  done
  case $outcome in
    complete) exit 0 ;;
    stopped) balr_requeue ;;
    cancelled) exit 75 ;;  # Slurm itself requeues a preempted job; one that somebody cancelled stays cancelled
    *)
      balr_cancel_followers
      exit "$((status == 0 ? 70 : status))" ;;
  esac
}

# Of a chain (chain.sh), the jobs behind this one would end the same way.
balr_cancel_followers() {
  if [ -n "${SLURM_ARRAY_JOB_ID:-}" ]; then
    scancel --state=PENDING "$SLURM_ARRAY_JOB_ID" || true
  elif [ -n "${BALR_CHAIN:-}" ]; then
    local id comment
    squeue --noheader --state=PENDING --user="$(id -un)" --format='%i %k' | while read -r id comment; do
      [ "$comment" != "$BALR_CHAIN" ] || scancel "$id" || true
    done
  fi
}

# Puts this job back into the queue; where that is not allowed, leaves with 75 for the next job of a chain.
balr_requeue() {
  # In a chain the next job goes on.
  [ -z "${SLURM_ARRAY_JOB_ID:-}${BALR_CHAIN:-}" ] || exit 75
  if [ "${SLURM_RESTART_COUNT:-0}" -ge "${BALR_MAX_REQUEUE:-20}" ]; then
    echo "== not requeued: ${SLURM_RESTART_COUNT:-0} restarts are the limit (BALR_MAX_REQUEUE); submit the job again to go on"
    exit 75
  fi
  if scontrol requeue "$SLURM_JOB_ID"; then
    echo "== requeued"
    exit 0
  fi
  echo "== this site does not requeue jobs: submit the job again to go on, or use chain.sh"
  exit 75
}
