#pragma once
#include <string>

#include "balr/weights/state_dict.hpp"

namespace balr {

// The state dict in the bytes of a `.pt` file; see read_state_dict. Throws DataError without the file's name, or
// c10::Error.
StateDict parse_pt_state_dict(std::string bytes);

}  // namespace balr
