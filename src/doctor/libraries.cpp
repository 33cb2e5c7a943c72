#include "doctor/libraries.hpp"

#include <ATen/Version.h>
#include <torch/csrc/api/include/torch/version.h>

#include <cctype>
#include <cstdlib>

#include "balr/data/audio_library.hpp"
#include "balr/dist/mpi_library.hpp"
#include "balr/store/hdf5_library.hpp"

namespace balr {

std::vector<LibraryVersion> library_versions() {
  const char* pmix = std::getenv("PMIX_VERSION");
  return {{"MPI", mpi_library_version(), ""},      {"PMIx", pmix ? pmix : "", "3"},
          {"NCCL", nccl_library_version(), "2.18"}, {"LibTorch", TORCH_VERSION, "2.6"},
          {"HDF5", hdf5_library_version(), "1.10"}, {"libsndfile", audio_library_version(), "1.1"},
          {"libavformat", ffmpeg_library_version(), "59.27"}};
}

bool at_least(const std::string& version, const std::string& floor) {
  const char *a = version.c_str(), *b = floor.c_str();
  while (std::isdigit(static_cast<unsigned char>(*b))) {
    char *end_a = nullptr, *end_b = nullptr;
    const long x = std::isdigit(static_cast<unsigned char>(*a)) ? std::strtol(a, &end_a, 10) : 0;
    const long y = std::strtol(b, &end_b, 10);
    if (x != y) return x > y;
    a = end_a && *end_a == '.' ? end_a + 1 : "";
    b = *end_b == '.' ? end_b + 1 : end_b;
  }
  return true;
}

Findings judge_libraries(const std::vector<LibraryVersion>& libraries) {
  Findings found;
  std::string all;
  for (const LibraryVersion& library : libraries) {
    if (library.version.empty()) continue;
    all += (all.empty() ? "" : ", ") + library.name + " " + library.version;
    if (!library.floor.empty() && !at_least(library.version, library.floor))
      found.push_back(fault("libraries", library.name + " " + library.version + " is older than " + library.floor +
                                             "; load a newer module and build balr again"));
  }
  found.insert(found.begin(), ok("libraries", all));
  return found;
}

}  // namespace balr
