#include "balr/doctor/doctor.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "balr/core/error.hpp"
#include "balr/core/thread_pool.hpp"
#include "balr/dist/cores.hpp"
#include "balr/dist/device.hpp"
#include "balr/dist/world.hpp"
#include "balr/weights/hub_cache.hpp"
#include "weights/hub_settings.hpp"
#include "doctor/all_reduce.hpp"
#include "doctor/folder.hpp"
#include "doctor/libraries.hpp"
#include "doctor/nccl_log.hpp"
#include "doctor/node.hpp"
#include "doctor/slurm_config.hpp"

namespace balr {
namespace fs = std::filesystem;
namespace {

// The largest gradient of a recipe: the auto-encoder (0.7 M) and ArcFace's head for 5,994 speakers (3.07 M).
constexpr std::int64_t kGradientValues = 3'800'000;

class Report {
 public:
  explicit Report(bool prints) : prints_(prints) {}
  void add(const Findings& findings) {
    for (const Finding& finding : findings) {
      faults_ += finding.kind == Finding::Kind::kFault;
      if (prints_) std::cout << to_line(finding) << std::endl;
    }
  }
  int faults() const { return faults_; }

 private:
  bool prints_;
  int faults_ = 0;
};

// While it lives, NCCL writes its log to a file of this process, unless the user directs it elsewhere.
class NcclLog {
 public:
  NcclLog() : file_(fs::temp_directory_path() / ("balr-doctor-nccl-" + std::to_string(getpid()))) {
    if (std::getenv("NCCL_DEBUG_FILE")) return;
    setenv("NCCL_DEBUG", "INFO", 1);
    setenv("NCCL_DEBUG_FILE", file_.c_str(), 1);
  }
  ~NcclLog() {
    std::error_code ignored;
    fs::remove(file_, ignored);
  }
  NcclLog(const NcclLog&) = delete;
  NcclLog& operator=(const NcclLog&) = delete;
  std::string text() const {
    std::ifstream in(file_);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }

 private:
  fs::path file_;
};

RankPlace place_of(World& world, const c10::Device& device) {
  RankPlace place;
  place.host = world.host();
  place.local_rank = world.local_rank();
  place.local_size = world.local_size();
  place.cores_allowed = usable_cores();
  place.cores_to_use = cores_of_rank(world);
  place.numa_nodes = numa_nodes_of_this_process();
  place.device = device.str();
  all_agree(world, "describe devices", [&] { place.gpu = describe_gpu(device); });
  return place;
}

// Collective: every rank's place, on every rank.
std::vector<RankPlace> gather_places(World& world, const c10::Device& device) {
  std::vector<RankPlace> places;
  for (const std::string& text : world.all_gather(encode(place_of(world, device)), "places"))
    places.push_back(decode_place(text));
  return places;
}

bool several_hosts(const std::vector<RankPlace>& places) {
  for (const RankPlace& place : places)
    if (place.host != places.front().host) return true;
  return false;
}

// Collective: the first rank of every node looks at the folder, since mounts differ; rank 0 first, so that it is made once.
Findings examine_folders(World& world, const fs::path& folder) {
  Findings mine;
  const std::string subject = "folder on " + world.host();
  if (world.rank() == 0) mine = examine_folder(folder, subject);
  world.barrier("folder of rank 0");
  if (world.rank() != 0 && world.local_rank() == 0) mine = examine_folder(folder, subject);
  std::string text;
  for (const Finding& finding : mine)
    text += std::to_string(static_cast<int>(finding.kind)) + finding.subject + '\t' + finding.text + '\n';
  Findings all;
  for (const std::string& lines : world.all_gather(text, "folders")) {
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) {
      const std::size_t tab = line.find('\t');
      if (tab == std::string::npos) continue;
      all.push_back({static_cast<Finding::Kind>(line[0] - '0'), line.substr(1, tab - 1), line.substr(tab + 1)});
    }
  }
  return all;
}

Findings examine_model_cache() {
  std::error_code error;
  const fs::path cache = hub_cache_folder(process_environment());
  if (!fs::is_directory(cache, error))
    return {note("models", "there is no cache at " + cache.string() +
                               "; on a node with internet run `balr model fetch REPO`, or set HF_HUB_CACHE to where the models are")};
  int count = 0;
  for (const auto& entry : fs::directory_iterator(cache, error)) count += entry.path().filename().string().starts_with("models--");
  if (error) return {fault("models", "cannot read the cache " + cache.string() + ": " + error.message())};
  return {ok("models", std::to_string(count) + " in the cache " + cache.string())};
}

}  // namespace

int examine(World& world, const DoctorOptions& options) {
  Report report(world.rank() == 0);
  report.add(judge_libraries(library_versions()));
  const c10::Device device = [&] {
    c10::Device chosen(c10::kCPU);
    all_agree(world, "choose devices",
              [&] { chosen = choose_device(options.device, world.local_rank(), count_gpus()); });
    return chosen;
  }();
  const std::vector<RankPlace> places = gather_places(world, device);
  const Findings judged = judge_places(places);
  report.add(judged);
  bool usable = true;
  for (const Finding& finding : judged) usable = usable && finding.kind != Finding::Kind::kFault;

  report.add(examine_all_reduce(world, c10::Device(c10::kCPU), kGradientValues));
  if (device.is_cuda() && usable) {
    const NcclLog log;
    report.add(examine_all_reduce(world, device, kGradientValues));
    if (world.rank() == 0 && world.size() > 1) report.add(judge_transport(parse_nccl_log(log.text()), several_hosts(places)));
  }
  if (!options.folder.empty()) report.add(examine_folders(world, options.folder));
  if (world.rank() == 0) {
    report.add(examine_model_cache());
    if (std::getenv("SLURM_JOB_ID")) report.add(examine_slurm(options.stop_before_end_minutes));
    if (report.faults() == 0) std::cout << "no fault found" << std::endl;
  }
  return std::stoi(world.broadcast(std::to_string(report.faults()), 0, "faults"));
}

}  // namespace balr
