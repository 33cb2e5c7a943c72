#pragma once
#include <string>
#include <vector>

#include "balr/dist/gpu.hpp"
#include "doctor/finding.hpp"

namespace balr {

class World;

// Where one rank runs.
struct RankPlace {
  std::string host;
  int local_rank = 0, local_size = 1;
  int cores_allowed = 0;   // by affinity mask and cgroup
  int cores_to_use = 0;    // cores_of_rank(): the mask's, shared with the ranks that have the same one
  std::string numa_nodes;  // those of the mask: "0", "0,1"; empty if unknown
  std::string device;      // "cpu", "cuda:1"
  GpuInfo gpu;
};

// Text for a message to rank 0, and back. Throws InternalError if it is not such a text.
std::string encode(const RankPlace& place);
RankPlace decode_place(const std::string& text);

// NUMA nodes of the cores that this process may use, from /sys.
std::string numa_nodes_of_this_process();

// One line a rank, and faults: two ranks on one GPU, a GPU that this LibTorch has no kernels for, ranks of a node that share
// a single core.
Findings judge_places(const std::vector<RankPlace>& places);

}  // namespace balr
