#include "train/checkpoint.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/core/fault.hpp"
#include "balr/core/hash.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int kVersion = 1;
constexpr const char* kModel = "model.pt";
constexpr const char* kOptimizer = "optimizer.pt";
constexpr const char* kMeta = "meta.json";
constexpr std::string_view kPrefix = "step-";

fs::path checkpoints_of(const fs::path& run_folder) { return run_folder / "checkpoints"; }

Json to_json(const CheckpointMeta& meta) {
  return {{"version", kVersion},
          {"step", meta.step},
          {"epoch", meta.epoch},
          {"next_batch", meta.next_batch},
          {"sums", meta.sums},
          {"best_fitness", meta.best_fitness ? Json(*meta.best_fitness) : Json()},
          {"best_epoch", meta.best_epoch},
          {"seed", meta.seed},
          {"history_offset", meta.history_offset},
          {"finished", meta.finished},
          {"identity", meta.identity},
          {"train_hash", meta.train_hash},
          {"test_hash", meta.test_hash},
          {"world_size", meta.world_size},
          {"arithmetic", meta.arithmetic},
          {"program_version", meta.program_version}};
}

CheckpointMeta from_json(const Json& json) {
  if (json.at("version") != kVersion) throw DataError("its format is of another version of balr");
  CheckpointMeta meta;
  json.at("step").get_to(meta.step);
  json.at("epoch").get_to(meta.epoch);
  json.at("next_batch").get_to(meta.next_batch);
  json.at("sums").get_to(meta.sums);
  if (!json.at("best_fitness").is_null()) meta.best_fitness = json.at("best_fitness").get<double>();
  json.at("best_epoch").get_to(meta.best_epoch);
  json.at("seed").get_to(meta.seed);
  json.at("history_offset").get_to(meta.history_offset);
  json.at("finished").get_to(meta.finished);
  json.at("identity").get_to(meta.identity);
  json.at("train_hash").get_to(meta.train_hash);
  json.at("test_hash").get_to(meta.test_hash);
  json.at("world_size").get_to(meta.world_size);
  json.at("arithmetic").get_to(meta.arithmetic);
  json.at("program_version").get_to(meta.program_version);
  return meta;
}

// meta.json: {"meta": ..., "files": {name: SHA-256}, "sha256": of the two above as written here}.
std::string sealed(const CheckpointMeta& meta, const fs::path& folder) {
  Json json{{"meta", to_json(meta)}};
  for (const char* name : {kModel, kOptimizer}) json["files"][name] = sha256_of_file(folder / name);
  json["sha256"] = sha256_hex(json.dump());
  return json.dump(1) + "\n";
}

// Throws an exception that says what is wrong if any byte of the checkpoint is not what was written.
CheckpointMeta verified_meta(const fs::path& folder) {
  Json json = Json::parse(read_file(folder / kMeta));
  const std::string seal = json.at("sha256");
  json.erase("sha256");
  if (sha256_hex(json.dump()) != seal) throw DataError(std::string(kMeta) + " has other bytes than were written");
  for (const char* name : {kModel, kOptimizer})
    if (sha256_of_file(folder / name) != json.at("files").at(name))
      throw DataError(std::string(name) + " has other bytes than were written");
  return from_json(json.at("meta"));
}

struct Entry {
  std::int64_t step;
  fs::path folder;
};

// Published checkpoints, newest first.
std::vector<Entry> entries(const fs::path& run_folder) {
  std::vector<Entry> found;
  std::error_code absent;
  for (const fs::directory_entry& entry : fs::directory_iterator(checkpoints_of(run_folder), absent)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    std::int64_t step = 0;
    const char* end = name.data() + name.size();
    if (std::from_chars(name.data() + kPrefix.size(), end, step).ptr == end) found.push_back({step, entry.path()});
  }
  std::sort(found.begin(), found.end(), [](const Entry& a, const Entry& b) { return a.step > b.step; });
  return found;
}

bool is_valid(const fs::path& folder) {
  try {
    verified_meta(folder);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

// Out of sight first, so that a kill in between leaves no half checkpoint under its name.
void remove_checkpoint(const fs::path& folder) {
  std::error_code error;
  const fs::path hidden = temporary_name(folder);
  fs::rename(folder, hidden, error);
  if (!error) fs::remove_all(hidden, error);
  if (error) throw IoError("cannot remove the old checkpoint " + folder.string() + ": " + error.message());
}

void prune(const fs::path& run_folder, int keep) {
  for (const Entry& entry : entries(run_folder)) {
    if (keep > 0 && is_valid(entry.folder))
      --keep;
    else
      remove_checkpoint(entry.folder);
  }
}

template <class Use>  // bool(folder, meta): true ends the search
void walk_back(const fs::path& run_folder, Use use) {
  for (const Entry& entry : entries(run_folder)) {
    try {
      const CheckpointMeta meta = verified_meta(entry.folder);
      use(entry.folder, meta);
      return;
    } catch (const std::exception& e) {
      spdlog::warn("the checkpoint {} is damaged ({}): trying the one before it", entry.folder.string(), e.what());
    }
  }
}

}  // namespace

std::string to_text(const CheckpointMeta& meta) { return to_json(meta).dump(); }
CheckpointMeta meta_from_text(const std::string& text) { return from_json(Json::parse(text)); }

void save_checkpoint(const fs::path& run_folder, const Checkpoint& checkpoint, int keep) {
  const fs::path parent = checkpoints_of(run_folder);
  const fs::path folder = parent / (std::string(kPrefix) + std::to_string(checkpoint.meta.step));
  const fs::path temporary = temporary_name(folder);
  std::error_code error;
  if (fs::create_directories(parent, error); !error) fs::create_directory(temporary, error);
  if (error) throw IoError("cannot create the folder " + temporary.string() + ": " + error.message());
  write_state_dict(temporary / kModel, checkpoint.model);
  write_state_dict(temporary / kOptimizer, checkpoint.optimizer);
  fault_point("train.save.files", 0, checkpoint.meta.finished);
  write_file_atomically(temporary / kMeta, sealed(checkpoint.meta, temporary));
  if (fs::exists(folder)) remove_checkpoint(folder);
  publish(temporary, folder);
  fault_point("train.save.published", 0, checkpoint.meta.finished);
  fsync_path(run_folder);
  prune(run_folder, keep);
}

std::optional<Checkpoint> load_newest_checkpoint(const fs::path& run_folder) {
  std::optional<Checkpoint> checkpoint;
  walk_back(run_folder, [&](const fs::path& folder, const CheckpointMeta& meta) {
    checkpoint = Checkpoint{meta, read_state_dict(folder / kModel), read_state_dict(folder / kOptimizer)};
  });
  return checkpoint;
}

std::optional<CheckpointMeta> newest_checkpoint_meta(const fs::path& run_folder) {
  std::optional<CheckpointMeta> found;
  walk_back(run_folder, [&](const fs::path&, const CheckpointMeta& meta) { found = meta; });
  return found;
}

}  // namespace balr
