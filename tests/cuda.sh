#!/usr/bin/env bash
# All kernels through CUDA C without a GPU: a stand-in for NVIDIA's driver and compiler runs them on the CPU. Needs a build (dotnet build -c Release) and g++ on x64.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
here=$PWD/tests/Nabla.Tests/Cuda
g++ -O1 -std=c++17 -shared -fPIC -fvisibility=hidden "-DKERNEL_HEADER=\"$here/kernel.h\"" '-DKERNEL_COMPILER="g++"' \
  -o "$folder/libfakecuda.so" "$here"/fake_*.cpp -ldl -pthread
export NABLA_LIBCUDA=$folder/libfakecuda.so NABLA_NVRTC=$folder/libfakecuda.so NABLA_KERNEL_CACHE=$folder/kernels

echo "== every primitive"
dotnet src/Nabla.Experiments/bin/Release/net10.0/nabla.dll gradcheck --all --quiet --device cuda:0 | tee "$folder/gradcheck"
echo "== kernels against those of the CPU"
dotnet tests/Nabla.Tests/bin/Release/net10.0/Nabla.Tests.dll -noColor -class '*DeviceKernelTests' -class '*DeviceLineTests' -class '*DeviceLinalgTests' -class '*DeviceTransformTests' -class '*Tests.Cuda.*'
