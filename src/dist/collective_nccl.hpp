#pragma once
#include <memory>

#include "balr/dist/collective.hpp"

namespace balr {

class DeviceStream;

// Collective. Only where the program was built with NCCL (BALR_WITH_NCCL). Operations are queued on
// the stream on which the caller works and can be recorded into a CUDA graph there.
std::unique_ptr<Collective> make_nccl_collective(World& world,
                                                 std::unique_ptr<DeviceStream> stream);

}  // namespace balr
