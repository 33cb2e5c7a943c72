#pragma once
#include <string>
#include <vector>

#include "doctor/finding.hpp"

namespace balr {

struct LibraryVersion {
  std::string name, version;  // "HDF5", "1.10.8"; an empty version: not part of this build
  std::string floor;          // the oldest that balr was built for
};
std::vector<LibraryVersion> library_versions();

// True if a dotted version is at least the other; what follows the numbers ("+cu130") does not count.
bool at_least(const std::string& version, const std::string& floor);

Findings judge_libraries(const std::vector<LibraryVersion>& libraries);

}  // namespace balr
