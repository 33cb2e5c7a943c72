#pragma once
#include <c10/core/Device.h>

namespace balr {

// Bytes that new tensors could have on the device: free, or cached by LibTorch. Infinite on the
// CPU, where nobody counts.
double free_memory(c10::Device device);

// Bytes that tensors took at the most since begin_peak(), beyond what they take now. 0 on the CPU.
void begin_peak(c10::Device device);
double peak_memory(c10::Device device);

}  // namespace balr
