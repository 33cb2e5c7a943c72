#include "balr/dist/mpi_library.hpp"

#include <mpi.h>

#include <algorithm>
#include <string_view>
#ifdef BALR_WITH_NCCL
#include "dist/nccl_api.hpp"
#endif

namespace balr {

std::string mpi_library_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(text, &length);
  std::string version(text, static_cast<std::size_t>(length));
  version.resize(std::min(version.size(), version.find_first_of(",\n")));
  const std::string_view label = " Version:\t";  // of MPICH: "MPICH Version:\t4.0.2"
  if (const std::size_t at = version.find(label); at != version.npos) version.replace(at, label.size(), " ");
  return version;
}

std::string nccl_library_version() {
#ifdef BALR_WITH_NCCL
  int code = 0;
  if (ncclGetVersion(&code) != ncclSuccess) return {};
  return std::to_string(code / 10000) + "." + std::to_string(code / 100 % 100) + "." + std::to_string(code % 100);
#else
  return {};
#endif
}

}  // namespace balr
