#include "app/launched.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>

namespace balr {
namespace {

// The first of these variables that is set; nullptr if none is.
template <std::size_t N>
const char* first_set(const std::array<const char*, N>& names) {
  for (const char* name : names)
    if (const char* value = std::getenv(name)) return value;
  return nullptr;
}

// Open MPI, PMIx, MPICH and Intel MPI, Slurm.
constexpr std::array kRank = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
constexpr std::array kLocalRank = {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID",
                                   "SLURM_LOCALID"};

}  // namespace

bool is_launched() { return first_set(kRank) != nullptr; }

bool is_first_process() {
  const char* rank = first_set(kRank);
  return rank == nullptr || std::string_view(rank) == "0";
}

bool is_first_process_of_node() {
  const char* rank = first_set(kLocalRank);
  return rank == nullptr || std::string_view(rank) == "0";
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown host";
  return name.data();
}

}  // namespace balr
