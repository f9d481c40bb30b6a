#!/usr/bin/env bash
# Checks and measures Nabla on a GPU, with one command.
#   bench/gpu.sh [--device cuda:0] [--python python3] [--out DIR] [--quick] [--only gradients|experiments|table]
# gradients of all primitives, all experiments in their quick form, and the GPU table of docs/performance.md beside PyTorch; JSON and logs go to DIR (publish/gpu-results).
# A machine without .NET needs published files. Make them elsewhere, and bring them with the repository:
#   bench/gpu.sh publish [FILE]        writes publish/gpu.tar.gz, or FILE: nabla and the benchmarks for linux-x64 with their .NET
# The first form unpacks publish/gpu.tar.gz (or --files FILE) if it is there, and publishes itself otherwise.
set -euo pipefail
usage() { sed -n '2,8s/^# \{0,1\}//p' "$0"; }
repository=$(cd "$(dirname "$0")/.." && pwd)
archive=$repository/publish/gpu.tar.gz

publish() {
  local folder
  folder=$(mktemp -d)
  for project in src/Nabla.Experiments bench/Nabla.Bench; do
    dotnet publish -c Release -r linux-x64 --self-contained -p:PublishSingleFile=false -p:DebugType=none -p:GenerateDocumentationFile=false \
      -p:RunAnalyzers=false -o "$folder/gpu" "$repository/$project"
  done
  rm -f "$folder"/gpu/*.pdb "$folder"/gpu/*.xml
  mkdir -p "$(dirname "$1")"
  tar -C "$folder" -czf "$1" gpu
  rm -rf "$folder"
  printf '%s: %s MiB\n' "$1" "$(($(stat -c %s "$1") >> 20))"
}

if [ "${1:-}" = publish ]; then
  publish "${2:-$archive}"
  exit
fi

device=cuda:0 python=$(command -v python3 || echo python3) out=$repository/publish/gpu-results quick='' only=''
while [ $# -gt 0 ]; do
  case $1 in
    --device) device=$2; shift 2 ;;
    --python) python=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --files) archive=$2; shift 2 ;;
    --quick) quick=quick; shift ;;
    --only) only=$2; shift 2 ;;
    -h | --help) usage; exit ;;
    *) usage >&2; exit 2 ;;
  esac
done
[ -f "$archive" ] || publish "$archive"
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
tar -C "$files" -xzf "$archive"
bin=$files/gpu
chmod +x "$bin/nabla" "$bin/Nabla.Bench"
mkdir -p "$out"
cd "$repository"
export NABLA_KERNEL_CACHE=${NABLA_KERNEL_CACHE:-$files/kernels}
failed=0
step() {
  printf '\n== %s (%ss)\n' "$1" "$SECONDS" >&2
  shift
  "$@" || { failed=1; printf 'FAILED: %s\n' "$*" >&2; }
}

wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }

step "devices" "$bin/nabla" devices | tee "$out/devices.txt"
if ! "$bin/nabla" devices --json | grep -q "\"$device\""; then
  echo "$device is not there: see above" >&2
  exit 1
fi
# Every primitive has kernels: one that needed the CPU would be a fault.
unset NABLA_FALLBACK
primitives=(--all) experiments=(--all)
if [ -n "$quick" ]; then
  primitives=(add tanh reduce_sum dot_general cholesky random_normal) experiments=(fp-1d coding-rate-identities)
fi
wanted gradients &&
  step "gradients on $device" "$bin/nabla" gradcheck "${primitives[@]}" --quiet --device "$device" > >(tee "$out/gradcheck.txt") 2>&1
if wanted experiments; then
  rm -rf "$out/runs"
  step "experiments on $device, quick form" "$bin/nabla" verify "${experiments[@]}" --quick --device "$device" --out "$out/runs" > >(tee "$out/verify.txt") 2>&1
fi
if wanted table; then
  options=(--peers --python "$python" --json)
  if [ -n "$quick" ]; then options+=(quick); else options+=(--write); fi
  step "table" "$bin/Nabla.Bench" gpu "$device" "${options[@]}" >"$out/gpu.json"
  cp docs/performance.md "$out/performance.md"
fi
printf '\n== done (%ss): %s\n' "$SECONDS" "$([ $failed = 0 ] && echo 'all passed' || echo 'SOMETHING FAILED, see above')"
exit $failed
