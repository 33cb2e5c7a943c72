#pragma once
#include <string>

namespace balr {

// "1.10.8"
std::string hdf5_library_version();

}  // namespace balr
