// The one place that decides whose names kernels are written with: ours, or those of the ILGPU package.
#if USE_ILGPU
global using ILGPU;
#else
global using Nabla.Kernels.Language;
#endif
