#!/usr/bin/env bash
# Checks and measures Nabla on a GPU, with one command.
#   bench/gpu.sh [--device cuda:0] [--python python3] [--out DIR] [--quick] [--seconds 400] [--only PART,…] [--groups GROUP,…]
# Parts, in this order:
#   gradients     of all primitives
#   experiments   all of them in their quick form
#   table         the tables of docs/performance.md beside cuBLAS, cuSOLVER and PyTorch; groups: roofs,products,elements,factors,spectra,rates,steps
#   coding-rate   the experiments on coding rates in their full form, one after another
#   mnist         mcr2-supervised-training on MNIST, on the GPU and on the CPU: the same verdicts, and the time of both
# JSON, reports and logs go to DIR (publish/gpu-results). After --seconds no further experiment or group begins; the same command with the same DIR goes on where it stopped (ends with 3 if something is left).
#   bench/gpu.sh --profile KERNEL [--groups GROUP,…]      three launches of a kernel by NVIDIA's ncu, into DIR/KERNEL.ncu-rep
# A machine without .NET needs published files. Make them elsewhere, and bring them with the repository:
#   bench/gpu.sh publish [FILE]        writes publish/gpu.tar.gz, or FILE: nabla and the benchmarks for linux-x64 with their .NET, and MNIST if NABLA_DATA has it
# The first form unpacks publish/gpu.tar.gz (or --files FILE) if it is there, and publishes itself otherwise.
set -euo pipefail
usage() { sed -n '2,16s/^# \{0,1\}//p' "$0"; }
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
  if compgen -G "${NABLA_DATA:-/nowhere}/mnist/t10k-*" >/dev/null; then
    mkdir -p "$folder/gpu/data/mnist"
    cp "$NABLA_DATA"/mnist/t10k-* "$folder/gpu/data/mnist/"
  else
    echo "NABLA_DATA has no mnist/t10k-*: the part mnist will need it there" >&2
  fi
  mkdir -p "$(dirname "$1")"
  tar -C "$folder" -czf "$1" gpu
  rm -rf "$folder"
  printf '%s: %s MiB\n' "$1" "$(($(stat -c %s "$1") >> 20))"
}

if [ "${1:-}" = publish ]; then
  publish "${2:-$archive}"
  exit
fi

device=cuda:0 python=$(command -v python3 || echo python3) out=$repository/publish/gpu-results quick='' seconds=400 only='' groups='' profile=''
while [ $# -gt 0 ]; do
  case $1 in
    --device) device=$2; shift 2 ;;
    --python) python=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --files) archive=$2; shift 2 ;;
    --quick) quick=quick; shift ;;
    --seconds) seconds=$2; shift 2 ;;
    --only) only=$2; shift 2 ;;
    --groups) groups=$2; shift 2 ;;
    --profile) profile=$2; shift 2 ;;
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
out=$(cd "$out" && pwd)
cd "$repository"
export NABLA_KERNEL_CACHE=${NABLA_KERNEL_CACHE:-$files/kernels}
[ -d "$bin/data" ] && export NABLA_DATA=${NABLA_DATA:-$bin/data}
# Every primitive has kernels: one that needed the CPU would be a fault.
unset NABLA_FALLBACK
failed=0 left=0
say() { printf '\n== %s (%ss)\n' "$1" "$SECONDS" >&2; }
step() {
  say "$1"
  shift
  "$@" || { failed=$((failed + 1)); printf 'FAILED: %s\n' "$*" >&2; }
}
wanted() { [[ -z $only || ,$only, == *,$1,* ]]; }
# Whether there is time to begin something, and it was not done before: its mark is in the folder of results.
begin() {
  [ ! -e "$out/done/$1" ] || { printf '%s was done before\n' "$1" >&2; return 1; }
  [ "$SECONDS" -lt "$seconds" ] || { left=1; printf '%s is left for the next time\n' "$1" >&2; return 1; }
}
end() { mkdir -p "$out/done" && : >"$out/done/$1"; }

"$bin/nabla" devices >"$out/devices.txt" 2>&1 || true
if [[ $("$bin/nabla" devices --json) != *"\"$device\""* ]]; then
  printf '%s is not there: %s\n' "$device" "$(sed -nE "s/^ *${device%%:*}: //p" "$out/devices.txt")" >&2
  exit 1
fi
cat "$out/devices.txt"
if [ -n "$profile" ]; then
  command -v ncu >/dev/null || { echo "ncu is not installed: it comes with the CUDA toolkit (Nsight Compute)" >&2; exit 1; }
  exec ncu --set full --kernel-name "regex:$profile" --launch-skip 3 --launch-count 3 --kill yes --force-overwrite --export "$out/$profile" \
    "$bin/Nabla.Bench" gpu "$device" ${groups//,/ }
fi

primitives=(--all) full=() training=(--set train=8000)
if [ -n "$quick" ]; then
  primitives=(add tanh reduce_sum dot_general cholesky random_normal) full=(--quick) training=(--quick --set train=400 --set steps=5)
fi

if wanted gradients && begin gradients; then
  before=$failed
  step "gradients on $device" "$bin/nabla" gradcheck "${primitives[@]}" --quiet --device "$device" > >(tee "$out/gradcheck.txt") 2>&1
  [ $failed -gt "$before" ] || end gradients
fi

# One experiment: its report, its log, and its time.
experiment() {
  local folder=$1 start=$SECONDS
  shift
  rm -rf "$out/$folder"
  mkdir -p "$(dirname "$out/$folder")"
  local status=0
  "$bin/nabla" run "$@" --quiet --out "$out/$folder" >"$out/$folder.txt" 2>&1 || status=$?
  printf '%s: %s s, %s\n' "$folder" "$((SECONDS - start))" "$(if [ $status = 0 ]; then echo 'all checks hold'; else echo "ends with $status"; fi)" | tee -a "$out/times.txt"
  return $status
}

# All experiments of a list, each once.
experiments() {
  local folder=$1 id before
  shift
  for id in $1; do
    begin "$folder-$id" || continue
    before=$failed
    step "$id on $device" experiment "$folder/$id" "$id" "${@:2}" --device "$device"
    [ $failed -gt "$before" ] || end "$folder-$id"
  done
}

all=$("$bin/nabla" list | awk 'NR > 1 { print $1 }') family=$("$bin/nabla" list | awk '$2 == "CodingRate" { print $1 }')
[ -z "$quick" ] || all=coding-rate-identities family=coding-rate-identities
if wanted experiments; then experiments quick "$all" --quick; fi

# A process for each group: what goes wrong on the device in one does not end the others.
if wanted table; then
  for group in $(tr , ' ' <<<"${groups:-roofs,products,elements,factors,spectra,rates,steps}"); do
    begin "table-$group" || continue
    options=(--peers --python "$python" --json)
    if [ -n "$quick" ]; then options+=(quick); else options+=(--write); fi
    before=$failed
    step "table: $group" timeout 300 "$bin/Nabla.Bench" gpu "$device" "$group" "${options[@]}" >"$out/gpu-$group.json"
    [ $failed -gt "$before" ] || end "table-$group"
  done
  cp docs/performance.md "$out/performance.md"
fi

if wanted coding-rate; then experiments full "$family" "${full[@]}"; fi

# Names of checks and their verdicts, without numbers.
verdicts() { sed -nE 's/^(.*[^ ]) {2,}[^ ]+ {2,}.*(holds|FAILS) *$/\1: \2/p' "$out/$1.txt"; }

if wanted mnist; then
  for place in "$device" cpu; do
    begin "mnist-${place/:/-}" || continue
    say "mcr2-supervised-training, MNIST, $place"
    # Whether the checks hold is compared below.
    experiment "mnist/${place/:/-}" mcr2-supervised-training --set data=mnist "${training[@]}" --device "$place" || [ -n "$(verdicts "mnist/${place/:/-}")" ] || { failed=$((failed + 1)); cat "$out/mnist/${place/:/-}.txt" >&2; continue; }
    end "mnist-${place/:/-}"
  done
  if [ -e "$out/mnist/cpu.txt" ] && [ -e "$out/mnist/${device/:/-}.txt" ]; then
    step "the same verdicts on both" diff <(verdicts mnist/cpu) <(verdicts "mnist/${device/:/-}")
  fi
fi

[ $failed = 0 ] || left=0
printf '\n== done (%ss): %s\n' "$SECONDS" "$(if [ $failed -gt 0 ]; then echo 'SOMETHING FAILED, see above'; elif [ $left = 1 ]; then echo 'something is left: the same command goes on'; else echo 'all passed'; fi)"
[ $failed = 0 ] || exit 1
[ $left = 0 ] || exit 3
