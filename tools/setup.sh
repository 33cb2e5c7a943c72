#!/usr/bin/env bash
# Sets up everything that building (and, with --tests, testing) balr needs; a second call is fast.
#
#   tools/setup.sh [--tests] [--demo] [--slurm]
#
# - System packages, on Debian 12 or Ubuntu 24.04, as root or with sudo. Without either it lists what is
#   missing (on a cluster: load the modules) and goes on.
# - LibTorch: the wheel torch==2.11.0, in $BALR_DEPS (default: balr in the user's cache folder), which all
#   checkouts share. Set LibTorch_ROOT to use one of your own: the folder with include/ATen and lib/libtorch.so.
# Nothing is written into the source tree.
#
# tools/demo.sh and tools/test.sh source this file and call balr_setup and balr_build.

balr_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
balr_torch_version=2.11.0
BALR_DEPS=${BALR_DEPS:-${XDG_CACHE_HOME:-$HOME/.cache}/balr}
export BALR_DEPS

balr_say() { printf '== %s\n' "$*"; }
balr_die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# One line a package: Debian's name, what a cluster calls it.
balr_packages() {
  cat <<'LIST'
g++                   a C++20 compiler (GCC 12 or newer)
cmake                 CMake 3.21 or newer
ninja-build           ninja
ccache                ccache
pkg-config            pkg-config
python3-venv          Python 3.9 or newer with venv (3.11 for the tests)
libopenmpi-dev        MPI (Open MPI or MPICH)
openmpi-bin           MPI's launcher
libhdf5-dev           HDF5 1.10 or newer (serial)
libsndfile1-dev       libsndfile 1.1 or newer
libavformat-dev       FFmpeg 5.1 or newer (for m4a and wma; balr builds without it)
libavcodec-dev        FFmpeg 5.1 or newer
libssl-dev            OpenSSL
libcurl4-openssl-dev  libcurl
libspdlog-dev         spdlog
libyaml-cpp-dev       yaml-cpp
nlohmann-json3-dev    nlohmann-json
libcsv-dev            libcsv
libprotozero-dev      protozero
libhwy-dev            Highway
LIST
  [[ " $* " == *" --tests "* ]] && printf '%s\n' 'libgtest-dev   GoogleTest' 'libbenchmark-dev   Google Benchmark' \
    'ffmpeg   the program ffmpeg' 'shellcheck   shellcheck' \
    'clang-16   clang 16 (for the fuzz programs alone)' 'libclang-rt-16-dev   its sanitizers and libFuzzer' 'zsh   zsh (for the test of its completion)'
  [[ " $* " == *" --slurm "* ]] && printf '%s\n' 'slurm-wlm   Slurm with its daemons (for tests on two nodes of this machine)' \
    'munge   munge' 'iproute2   ip (for tests between two network namespaces)'
  [[ " $* " == *" --demo "* ]] && printf '%s\n' 'espeak-ng   espeak-ng' 'curl   curl'
  return 0
}

balr_system_packages() {
  local missing=() names=() line name
  if ! command -v dpkg-query >/dev/null; then
    balr_say "not a Debian or Ubuntu system; these must be there (from modules, for instance):"
    balr_packages "$@" | sed 's/^[^ ]* */   /'
    return 0
  fi
  while read -r line; do
    name=${line%% *}
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' && continue
    missing+=("$line") names+=("$name")
  done < <(balr_packages "$@")
  [ ${#missing[@]} -eq 0 ] && return 0

  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      sudo=(sudo)
    else
      balr_say "no root rights: these packages are missing; ask for them, or load modules that provide them:"
      printf '   %s\n' "${missing[@]}"
      return 0
    fi
  fi
  balr_say "installing ${names[*]}"
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${names[@]}" >/dev/null
}

# The wheel, and for the tests the independent readers they compare with.
balr_libtorch() {
  local venv="$BALR_DEPS/torch-$balr_torch_version" wanted=("torch==$balr_torch_version") stamp=ready
  if [[ " $* " == *" --tests "* ]]; then
    wanted+=(numpy h5py tensorboard huggingface-hub==0.35.3 safetensors==0.6.2 kaldiio==2.18.1 typer==0.19.2 click==8.3.0
      hydra-core==1.3.2 omegaconf==2.3.0 scikit-learn==1.7.2 scipy==1.17.1 lir==1.3.1)
    stamp=ready-tests-$(cksum <<<"${wanted[*]}" | cut -d' ' -f1)  # a longer list is installed where a shorter one was
  fi
  if [ -n "${LibTorch_ROOT:-}" ] && [[ " $* " != *" --tests "* ]]; then
    balr_say "using LibTorch of $LibTorch_ROOT"
    return 0
  fi
  [ -e "$venv/$stamp" ] && return 0
  mkdir -p "$BALR_DEPS"
  (
    flock 9  # two checkouts may set up at once
    [ -e "$venv/$stamp" ] && exit 0
    balr_say "installing ${wanted[*]} into $venv (4 GB, a few minutes, once)"
    [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "${wanted[@]}"
    touch "$venv/$stamp"
  ) 9>"$BALR_DEPS/.lock" || balr_die "could not install LibTorch into $venv; see the messages above"
}

balr_setup() {
  balr_system_packages "$@" || balr_die "could not install the system packages; see the messages above"
  balr_libtorch "$@"
  # Open MPI refuses to run as root, in containers say, unless told twice.
  if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
}

# balr_build [cmake options]: configures the release preset and builds it into build/.
balr_build() {
  local options=("$@")
  if [ ! -e "$balr_root/build/CMakeCache.txt" ] && command -v ninja >/dev/null; then
    options+=(-G Ninja)
  fi
  command -v ccache >/dev/null && options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  # Several versions may lie in $BALR_DEPS; this checkout's is meant.
  options+=("-DLibTorch_ROOT=${LibTorch_ROOT:-$(echo "$BALR_DEPS/torch-$balr_torch_version"/lib/python3*/site-packages/torch)}")
  local log="$balr_root/build/configure.log"
  mkdir -p "$balr_root/build"
  (cd "$balr_root" && cmake --preset release "${options[@]}" >"$log" 2>&1) ||
    { cat "$log"; balr_die "CMake could not configure balr"; }

  # Files that include LibTorch take about 1.5 GB each to compile.
  local cores memory jobs
  cores=$(nproc)
  memory=$(awk '/MemAvailable/ {print int($2 / 1572864)}' /proc/meminfo)
  jobs=$((memory < 1 ? 1 : memory < cores ? memory : cores))
  cmake --build "$balr_root/build" -j "$jobs"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  balr_setup "$@"
  balr_say "set-up done; now: tools/demo.sh, tools/test.sh, or cmake --preset release && cmake --build build"
fi
