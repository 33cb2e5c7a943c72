#pragma once
#include <c10/core/Device.h>

#include <string>

namespace balr {

// The device of this rank for `--device`: cpu (or mps, none), cuda, cuda:N, N, a list such as 0,1 or cuda:0,1 (brackets,
// quotes and spaces do not matter); "" takes a GPU if there is one. Ranks of a node share the GPUs named (all, for cuda),
// by their number within the node. Throws ConfigError if the text is no device or the GPU is not there.
c10::Device choose_device(const std::string& text, int local_rank, int visible_gpus);

// GPUs that this process can use; 0 without a driver or with a CPU-only LibTorch.
int count_gpus();

}  // namespace balr
