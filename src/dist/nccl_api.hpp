#pragma once
// nccl.h, for the functions of its C interface alone. It includes headers for CUDA kernels, which need parts of the toolkit
// (crt/, nv/target) that the wheels beside LibTorch lack; nothing of them appears in those functions, so they are kept out.
#include <cuda_runtime_api.h>

#define __CUDA_RUNTIME_H__
#define __CUDA_FP16_H__
#define __CUDA_BF16_H__
#define __CUDA_FP8_H__
#include <nccl.h>
#undef __CUDA_RUNTIME_H__
#undef __CUDA_FP16_H__
#undef __CUDA_BF16_H__
#undef __CUDA_FP8_H__
