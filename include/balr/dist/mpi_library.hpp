#pragma once
#include <string>

namespace balr {

// "Open MPI v4.1.4, ..." as far as its first comma; MPI need not be started.
std::string mpi_library_version();
// "2.28.9"; empty where the program was built without NCCL.
std::string nccl_library_version();

}  // namespace balr
