#include "doctor/node.hpp"

#include <sched.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "balr/core/error.hpp"

namespace balr {
namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string encode(const RankPlace& place) {
  return Json{{"host", place.host},
              {"local_rank", place.local_rank},
              {"local_size", place.local_size},
              {"cores_allowed", place.cores_allowed},
              {"cores_to_use", place.cores_to_use},
              {"numa_nodes", place.numa_nodes},
              {"device", place.device},
              {"uuid", place.gpu.uuid},
              {"name", place.gpu.name},
              {"major", place.gpu.major},
              {"minor", place.gpu.minor},
              {"memory_gib", place.gpu.memory_gib},
              {"kernel_error", place.gpu.kernel_error}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

RankPlace decode_place(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    RankPlace place;
    place.host = json.at("host");
    place.local_rank = json.at("local_rank");
    place.local_size = json.at("local_size");
    place.cores_allowed = json.at("cores_allowed");
    place.cores_to_use = json.at("cores_to_use");
    place.numa_nodes = json.at("numa_nodes");
    place.device = json.at("device");
    place.gpu.uuid = json.at("uuid");
    place.gpu.name = json.at("name");
    place.gpu.major = json.at("major");
    place.gpu.minor = json.at("minor");
    place.gpu.memory_gib = json.at("memory_gib");
    place.gpu.kernel_error = json.at("kernel_error");
    return place;
  } catch (const Json::exception& error) {
    throw InternalError(std::string("internal error: a rank's description cannot be read: ") + error.what());
  }
}

namespace {

bool holds_core(const fs::path& cpulist, const cpu_set_t& mask) {
  // "0-3,8" and so on.
  std::ifstream in(cpulist);
  for (std::string range; std::getline(in, range, ',');) {
    const int first = std::atoi(range.c_str());
    const std::size_t dash = range.find('-');
    const int last = dash == std::string::npos ? first : std::atoi(range.c_str() + dash + 1);
    for (int core = first; core <= last && core < CPU_SETSIZE; ++core)
      if (CPU_ISSET(core, &mask)) return true;
  }
  return false;
}

std::string describe(const RankPlace& place) {
  std::string text = place.host + ", " + std::to_string(place.cores_to_use) + " of " + std::to_string(place.cores_allowed) +
                     " cores" + (place.numa_nodes.empty() ? "" : ", NUMA " + place.numa_nodes) + ", " + place.device;
  if (place.gpu.uuid.empty()) return text;
  return text + ", " + place.gpu.name + " (" + std::to_string(place.gpu.major) + "." + std::to_string(place.gpu.minor) + ", " +
         std::to_string(static_cast<int>(place.gpu.memory_gib + 0.5)) + " GiB, " + place.gpu.uuid + ")";
}

}  // namespace

std::string numa_nodes_of_this_process() {
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return {};
  std::set<int> nodes;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/sys/devices/system/node", error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("node") && name.find_first_not_of("0123456789", 4) == std::string::npos &&
        holds_core(entry.path() / "cpulist", mask))
      nodes.insert(std::atoi(name.c_str() + 4));
  }
  std::string text;
  for (const int node : nodes) text += (text.empty() ? "" : ",") + std::to_string(node);
  return text;
}

Findings judge_places(const std::vector<RankPlace>& places) {
  Findings found;
  std::vector<RankDevice> devices;
  for (std::size_t rank = 0; rank < places.size(); ++rank) {
    const RankPlace& place = places[rank];
    const std::string subject = "rank " + std::to_string(rank);
    found.push_back(ok(subject, describe(place)));
    devices.push_back({place.host, place.gpu.uuid});
    if (!place.gpu.kernel_error.empty())
      found.push_back(fault(subject, "LibTorch cannot compute on its GPU (" + place.gpu.kernel_error +
                                         "); build balr against a LibTorch wheel with kernels for compute capability " +
                                         std::to_string(place.gpu.major) + "." + std::to_string(place.gpu.minor)));
    if (place.local_size > 1 && place.cores_allowed == 1 && place.local_rank == 0)
      found.push_back(fault(subject, "has one core only; ask for more with --cpus-per-task and export SRUN_CPUS_PER_TASK, which "
                                     "srun does not take over from the job by itself"));
  }
  if (const std::string shared = shared_gpu(devices); !shared.empty()) found.push_back(fault("devices", shared));
  return found;
}

}  // namespace balr
