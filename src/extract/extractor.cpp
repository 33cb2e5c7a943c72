#include "balr/extract/extractor.hpp"

#include <spdlog/spdlog.h>

#include <cmath>
#include <optional>

#include "balr/core/atomic_file.hpp"
#include "balr/core/fault.hpp"
#include "balr/core/hash.hpp"
#include "balr/dataset/vector_table.hpp"
#include "balr/dist/world.hpp"
#include "balr/run/identity.hpp"
#include "balr/run/lease.hpp"
#include "balr/run/parts.hpp"
#include "balr/run/progress.hpp"
#include "balr/run/run_state.hpp"
#include "balr/weights/hub_cache.hpp"
#include "extract/compute_parts.hpp"
#include "extract/outputs.hpp"
#include "extract/part_folder.hpp"
#include "extract/row_engine.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// Raise it when a change of the program changes an embedding's bytes: parts of older programs are refused then.
constexpr const char* kNumericsVersion = "2";
constexpr const char* kStoreName = "embeddings.h5";

class Extraction {
 public:
  Extraction(const ExtractOptions& options, World& world, const StopFlag& stop)
      : options_(options), world_(world), stop_(stop) {}

  ExitCode run() {
    load();
    const bool finished_before = prepare();
    if (finished_before) return outcome(count_failures());
    if (compute()) return stopped();
    return finish();
  }

 private:
  bool lead() const { return world_.rank() == 0; }

  void load();
  bool prepare();
  bool prepare_folder();
  bool compute();
  ExitCode stopped();
  ExitCode finish();
  void write_pointer_file();
  MergeCounts count_failures() const;
  ExitCode outcome(const MergeCounts& counts) const;
  void check_ownership() const;

  const ExtractOptions& options_;
  World& world_;
  const StopFlag& stop_;

  Manifest manifest_;
  std::unique_ptr<Embedder> embedder_;
  StoreInfo info_;
  fs::path folder_;
  std::optional<PartFolder> parts_;
  std::vector<bool> done_;        // rank 0
  std::optional<Lease> lease_;    // rank 0
  std::string lease_token_;
  RunState state_;
};

// Every rank reads the input and the model; nothing is created yet.
void Extraction::load() {
  std::vector<IdentityPart> parts;
  {
    Busy busy(world_, "reading the input and the model");
    all_agree(world_, "reading the input and the model", [&] {
      manifest_ = read_manifest(options_.input, options_.root, options_.audio_formats);
      if (!manifest_.has_audio)
        throw DataError(options_.input.string() + " has no column 'audio': name the column with the files' paths so");
      const ModelFiles files = find_model({options_.model_repo, options_.model_revision, options_.model_name,
                                           options_.config_name, options_.model_dir},
                                          process_environment());
      if (lead() && !files.note.empty()) spdlog::info("{}", files.note);
      embedder_ = Embedder::load(files.weights, files.config, options_.embedder);
    });
  }
  parts = {{"configuration", options_.config_identity}, {"model", embedder_->sha256()},
           {"features", embedder_->features()},         {"precision", embedder_->precision()},
           {"input", manifest_.hash},                   {"numerics", kNumericsVersion},
           {"back end", options_.embedder.device == "cpu" ? "cpu" : "cuda"}};
  info_.model_repo = options_.model_repo;
  info_.model_name = options_.model_name;
  info_.model_sha256 = embedder_->sha256();
  info_.features = embedder_->features();
  info_.precision = embedder_->precision();
  info_.input_hash = manifest_.hash;
  info_.identity = identity_hash(parts);
  info_.program_version = options_.program_version;
  info_.total_rows = static_cast<std::int64_t>(manifest_.rows.size());
  parts.push_back({"program version", options_.program_version});
  agree_identity(world_, parts);

  folder_ = options_.save_dir;
  if (folder_.empty()) {
    const fs::path input = fs::absolute(options_.input);
    folder_ = input.parent_path() / (input.stem().string() + "_embeddings");
  }
  parts_.emplace(folder_ / "parts", info_, manifest_, embedder_->dimension());
}

// Rank 0 looks into the folder; returns whether everything was there already.
bool Extraction::prepare() {
  if (!options_.save_output) {
    done_.assign(static_cast<std::size_t>(parts_->parts()), false);
    return false;
  }
  bool finished = false;
  all_agree(world_, "looking into the output folder", [&] {
    if (lead()) finished = prepare_folder();
  });
  const std::string answer = world_.broadcast(lead() ? (finished ? "finished" : lease_->token()) : "", 0, "output folder");
  if (answer == "finished") return true;
  lease_token_ = answer;
  return false;
}

bool Extraction::prepare_folder() {
  const fs::path store = folder_ / kStoreName;
  std::error_code error;
  if (!options_.force && fs::exists(store, error)) {
    if (read_store_info(store).identity != info_.identity)
      throw DataError(store.string() +
                      " was made from another input, model or configuration: choose another --save-dir, or replace it with "
                      "--force");
    spdlog::info("{} holds all {} rows: nothing to do", store.string(), info_.total_rows);
    write_pointer_file();
    return true;
  }
  fs::create_directories(folder_, error);
  if (error) throw IoError("cannot create the folder " + folder_.string() + ": " + error.message());
  lease_ = Lease::acquire(folder_, {}, [&] { world_.tick(); });
  if (options_.force) {
    for (const char* name : {kStoreName, "failures.csv", "metadata.csv"}) fs::remove(folder_ / name);
    parts_->remove_all();
  }
  done_ = parts_->scan();
  write_file_atomically(folder_ / "config.yaml", options_.config_yaml);
  state_ = started_state("extract", info_.identity);
  state_.total = info_.total_rows;
  state_.unit = "rows";
  state_.version = options_.program_version;
  write_run_state(folder_, state_);
  return false;
}

void Extraction::check_ownership() const {
  if (!options_.save_output) return;
  const bool owned = lead() ? lease_->still_owned() : Lease::owned_by(folder_, lease_token_);
  if (!owned)
    throw DataError("another run has taken over " + folder_.string() + " while this one was suspended: this one ends");
}

// Returns whether it was stopped.
bool Extraction::compute() {
  std::int64_t rows_before = 0, parts_before = 0;
  for (std::size_t part = 0; part < done_.size(); ++part)
    if (done_[part]) {
      ++parts_before;
      rows_before += parts_->range(static_cast<std::int64_t>(part)).size();
    }
  if (lead()) {
    spdlog::info("{} rows in {} parts; {} of the parts are there already; {} ranks, {} threads each, on {}",
                 info_.total_rows, parts_->parts(), parts_before, world_.size(), options_.threads,
                 options_.embedder.device);
  }
  ClaimClient claims(world_, done_);
  auto engine = options_.embedder.device == "cpu"
                    ? make_cpu_engine(manifest_, options_.limits, *embedder_, options_.threads)
                    : make_batch_engine(manifest_, options_.limits, *embedder_, options_.threads, options_.batch_size);
  Progress progress("extract", "rows", rows_before, info_.total_rows, lead());
  ComputeProgress mine;
  const auto rows_done = [&] {
    // Parts of all ranks count when they are published; this rank's open rows are the finer hand of the clock.
    return std::min(info_.total_rows, std::max(rows_before + mine.rows_done, claims.parts_done() * part_rows(info_.total_rows)));
  };
  const auto between = [&] {
    if (lead()) progress.update(rows_done(), mine.rows_failed ? std::to_string(mine.rows_failed) + " failed here" : "");
  };
  PublishRules rules;
  rules.save = options_.save_output;
  rules.before_publish = [&] {
    fault_point("extract.publish", world_.rank());
    check_ownership();
  };
  const bool stop = compute_parts(world_, claims, *parts_, *engine, stop_, rules, mine, between);
  if (lead() && !stop) progress.finish(info_.total_rows);
  state_.per_second = progress.per_second();
  return stop;
}

ExitCode Extraction::stopped() {
  world_.barrier("everything finished is on the disk");
  if (!lead()) return ExitCode::kOk;
  if (options_.save_output) {
    const std::string reason = stop_.reason().empty() ? "a signal to another rank" : stop_.reason();
    state_.state = "stopped";
    state_.stop_reason = reason;
    write_run_state(folder_, state_);
    lease_->release();
    spdlog::warn("stopped by {}; what is finished is in {}: run the same command again to go on", reason, folder_.string());
  }
  return ExitCode::kStopped;
}

ExitCode Extraction::finish() {
  world_.barrier("all parts are there");
  if (!options_.save_output) {
    if (lead()) spdlog::info("all rows computed; nothing was saved (--no-save-output)");
    return ExitCode::kOk;
  }
  MergeCounts counts;
  all_agree(world_, "putting the parts together", [&] {
    if (!lead()) return;
    Busy busy(world_, "putting the parts together");
    check_ownership();
    counts = merge_parts(*parts_, manifest_, info_, embedder_->dimension(), folder_);
    write_pointer_file();
    parts_->remove_all();
    state_.state = "complete";
    state_.done = counts.rows;
    state_.failed = counts.failed;
    write_run_state(folder_, state_);
    lease_->release();
    spdlog::info("{} rows ({:.1f} h of audio), {} failed: {}", counts.rows, counts.seconds / 3600, counts.failed,
                 (folder_ / kStoreName).string());
  });
  return outcome(counts);
}

// So that `train` finds the store by the CSV's name.
void Extraction::write_pointer_file() {
  if (manifest_.header.empty()) return;  // a folder or a file needs none
  const fs::path store = folder_ / kStoreName;
  const fs::path pointer = pointer_path(options_.input);
  std::error_code error;
  try {
    if (!options_.force && fs::exists(pointer, error)) {
      const Pointer old = read_pointer(pointer);
      if (old.csv_hash == info_.input_hash && !old.model.ends_with(info_.model_sha256) && fs::exists(old.store, error)) {
        spdlog::warn("{} points to the store of another model and is left alone (--force replaces it): give {} to train",
                     pointer.string(), folder_.string());
        return;
      }
    }
    write_pointer(options_.input, {fs::absolute(store), sha256_of_file(store), info_.input_hash, model_text(info_)});
  } catch (const Error& e) {
    spdlog::warn("no pointer file beside the input ({}): give {} to train instead of the CSV", e.what(), folder_.string());
  }
}

MergeCounts Extraction::count_failures() const {
  MergeCounts counts;
  if (!lead()) return counts;
  if (const auto state = read_run_state(folder_)) {
    counts.rows = state->done;
    counts.failed = state->failed;
  }
  return counts;
}

// Rank 0's counts decide for all.
ExitCode Extraction::outcome(const MergeCounts& counts) const {
  const bool too_many =
      static_cast<double>(counts.failed) > options_.max_failed_fraction * static_cast<double>(info_.total_rows);
  if (lead() && counts.failed > 0) {
    spdlog::warn("{} of {} rows failed: see {}", counts.failed, info_.total_rows, (folder_ / "failures.csv").string());
    if (too_many)
      spdlog::error("that is more than embeddings.max_failed_fraction={} allows", options_.max_failed_fraction);
  }
  return lead() && too_many ? ExitCode::kData : ExitCode::kOk;
}

}  // namespace

ExitCode extract(const ExtractOptions& options, World& world, const StopFlag& stop) {
  return Extraction(options, world, stop).run();
}

}  // namespace balr
