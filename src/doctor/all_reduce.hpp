#pragma once
#include <cstdint>
#include <string>

#include <c10/core/Device.h>

#include "doctor/finding.hpp"

namespace balr {

class World;

// Collective; the findings are rank 0's, empty elsewhere. On the back end that serves this device: an all-reduce of known
// values, its time for one number, and the bandwidth of one of `values` floats (a step's gradients).
Findings examine_all_reduce(World& world, const c10::Device& device, std::int64_t values);

}  // namespace balr
