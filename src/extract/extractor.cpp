#include "balr/extract/extractor.hpp"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>

#include "balr/core/atomic_file.hpp"
#include "balr/core/fault.hpp"
#include "balr/dist/world.hpp"
#include "balr/run/crash_note.hpp"
#include "balr/run/identity.hpp"
#include "balr/run/journal.hpp"
#include "balr/run/parts.hpp"
#include "balr/weights/hub_cache.hpp"
#include "extract/compute_parts.hpp"
#include "extract/output_folder.hpp"
#include "extract/part_folder.hpp"
#include "extract/pointer_note.hpp"
#include "extract/progress_log.hpp"
#include "extract/reuse.hpp"
#include "extract/row_engine.hpp"
#include "extract/suspect_rows.hpp"
#include "extract/vector_outputs.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// Raise it when a change of the program changes an embedding's bytes: parts of older programs are refused then.
constexpr const char* kNumericsVersion = "3";

// Memory that was freed in small pieces goes back to the system.
void trim_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

class Extraction {
 public:
  Extraction(const ExtractOptions& options, World& world, const StopFlag& stop)
      : options_(options), world_(world), stop_(stop) {}

  ExitCode run() {
    try {
      load();
      if (prepare()) return outcome(finished_counts_);
      if (options_.save_output) judge_suspects();
    } catch (const Error& error) {
      if (error.code() == ExitCode::kStopped && error.agreed()) return stopped();
      throw;
    }
    return compute() ? stopped() : finish();
  }

 private:
  bool lead() const { return world_.rank() == 0; }

  void load();
  bool prepare();
  bool prepare_folder();
  void judge_suspects();
  void give_up_rows(std::vector<Culprit> culprits);
  bool compute();
  std::unique_ptr<RowEngine> make_engine(int threads);
  ExitCode stopped();
  ExitCode finish();
  void note_pointer() const {
    if (!manifest_.header.empty())  // a folder or a file needs none
      balr::note_pointer(options_.input, folder_->store(), info_, options_.force);
  }
  ExitCode outcome(const MergeCounts& counts) const;
  void check_ownership() const;
  void tick() const;

  const ExtractOptions& options_;
  World& world_;
  const StopFlag& stop_;

  Manifest manifest_;
  std::unique_ptr<Embedder> embedder_;
  StoreInfo info_;
  std::optional<OutputFolder> folder_;
  std::optional<PartFolder> parts_;
  std::optional<VectorOutputs> vectors_;
  TrialOptions trial_;
  std::optional<Journal> journal_;  // with save_output
  std::string lease_token_;
  // Rank 0.
  std::vector<Range> open_;      // rows to be computed
  Suspects suspects_;
  MergeCounts finished_counts_;  // of a store that was there already
  std::int64_t rows_done_ = 0;
  double per_second_ = 0;
};

// Every rank reads the input and the model; nothing is created yet.
void Extraction::load() {
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
      if (options_.vector_format) vectors_.emplace(manifest_, *options_.vector_format, options_.save_dir);
      embedder_ = Embedder::load(files.weights, files.config, options_.embedder);
    });
  }
  // Rank 0 alone writes metadata.csv: the others do without the cells, half of the input's memory (350 MB of a million rows).
  if (!lead() && !vectors_) manifest_.cells = {};
  trim_memory();
  const std::vector<IdentityPart> recipe = {{"configuration", options_.config_identity},
                                            {"model", embedder_->sha256()},
                                            {"features", embedder_->features()},
                                            {"precision", embedder_->precision()},
                                            {"numerics", kNumericsVersion},
                                            {"back end", options_.embedder.device == "cpu" ? "cpu" : "cuda"}};
  std::vector<IdentityPart> parts = recipe;
  parts.push_back({"input", manifest_.hash});
  info_.model_repo = options_.model_repo;
  info_.model_name = options_.model_name;
  info_.model_sha256 = embedder_->sha256();
  info_.features = embedder_->features();
  info_.precision = embedder_->precision();
  info_.input_hash = manifest_.hash;
  info_.identity = identity_hash(parts);
  info_.recipe = identity_hash(recipe);
  info_.program_version = options_.program_version;
  info_.total_rows = static_cast<std::int64_t>(manifest_.rows.size());
  parts.push_back({"program version", options_.program_version});
  agree_identity(world_, parts);

  fs::path folder = options_.save_dir;
  if (folder.empty()) {
    const fs::path input = fs::absolute(options_.input);
    folder = input.parent_path() / (input.stem().string() + "_embeddings");
  }
  folder_.emplace(folder, info_);
  parts_.emplace(folder / "parts", info_, manifest_, embedder_->dimension());
  trial_ = {options_.decoder_program, embedder_->rate(), options_.rules.limits, options_.decode_timeout};
}

// Rank 0 looks into the folder; returns whether everything was there already.
bool Extraction::prepare() {
  if (!options_.save_output) {
    open_ = {{0, info_.total_rows}};
    return false;
  }
  bool finished = false;
  all_agree(world_, "looking into the output folder", [&] {
    if (lead()) finished = prepare_folder();
  });
  const std::string answer = world_.broadcast(lead() ? (finished ? "finished" : folder_->token()) : "", 0, "output folder");
  if (answer == "finished") return true;
  lease_token_ = answer;
  return false;
}

bool Extraction::prepare_folder() {
  if (folder_->finished(options_.force)) {
    spdlog::info("{} holds all {} rows: nothing to do", folder_->store().string(), info_.total_rows);
    Busy busy(world_, "reading the store");
    finished_counts_ = folder_->finished_counts([&] { tick(); });
    if (vectors_) complete_vector_files(manifest_, folder_->path(), *vectors_);
    note_pointer();
    return true;
  }
  folder_->open(options_.force, [&] { tick(); });
  Busy busy(world_, "looking at the parts");
  open_ = parts_->scan();
  suspects_ = find_suspects(parts_->path(), info_.identity);
  write_file_atomically(folder_->path() / "config.yaml", options_.config_yaml);
  folder_->note_start(options_.program_version);
  return false;
}

// For the waits of the main thread.
void Extraction::tick() const {
  world_.tick();
  if (stop_.requested()) throw StoppedError("stopped by " + stop_.reason() + ": run the same command again to go on");
}

void Extraction::check_ownership() const {
  if (!options_.save_output) return;
  const bool owned = lead() ? folder_->still_owned() : Lease::owned_by(folder_->path(), lease_token_);
  if (!owned)
    throw DataError("another run has taken over " + folder_->path().string() + " while this one was suspended: this one ends");
}

// What earlier runs were decoding when they died is tried in child processes, by all ranks; what crashed the network is computed alone,
// and given up if that crashed before.
void Extraction::judge_suspects() {
  all_agree(world_, "getting ready", [&] { journal_.emplace(parts_->path(), info_.identity); });
  install_crash_notes();
  std::vector<Culprit> culprits =
      judge_rows(world_, rows_within(suspects_.rows, open_), trial_, manifest_, options_.threads, [&] { tick(); });
  for (const std::int64_t row : rows_within(suspects_.crashed_alone, open_))
    culprits.push_back({row, "the network crashed on it, and again while nothing else was in work"});
  give_up_rows(culprits);
  const std::vector<std::int64_t> alone = rows_within(suspects_.crashed, open_);
  const auto engine = make_engine(1);
  std::vector<Culprit> done;
  for (const std::int64_t row :
       compute_alone(world_, alone, *parts_, *engine, *journal_, [&] { check_ownership(); }, [&] { tick(); }))
    done.push_back({row, ""});
  all_agree(world_, "removing old journals", [&] {
    if (!lead()) return;
    open_ = without_rows(open_, done);
    remove_journals(suspects_);
  });
}

void Extraction::give_up_rows(std::vector<Culprit> culprits) {
  all_agree(world_, "noting the files that crash", [&] {
    if (!lead()) return;
    std::sort(culprits.begin(), culprits.end(), [](const Culprit& a, const Culprit& b) { return a.row < b.row; });
    for (const Culprit& culprit : culprits) publish_culprit(*parts_, culprit);
    open_ = without_rows(open_, culprits);
  });
}

std::unique_ptr<RowEngine> Extraction::make_engine(int threads) {
  EngineOptions options;
  options.threads = threads;
  options.batch_size = options_.batch_size;
  options.rank = world_.rank();
  options.journal = journal_ ? &*journal_ : nullptr;
  return !embedder_->in_batches() ? make_cpu_engine(manifest_, options_.rules, *embedder_, options)
                                  : make_batch_engine(manifest_, options_.rules, *embedder_, options);
}

// Returns whether it was stopped.
bool Extraction::compute() {
  std::optional<Reuse> reuse;
  all_agree(world_, "getting ready", [&] {
    if (!options_.reuse.empty()) reuse.emplace(options_.reuse, info_.recipe);
  });
  std::int64_t open_rows = 0;
  for (const Range& rows : open_) open_rows += rows.size();
  if (lead())
    spdlog::info("{} rows; {} of them are there already; {} ranks, {} threads each, on {}", info_.total_rows,
                 info_.total_rows - open_rows, world_.size(), options_.threads, options_.embedder.device);
  ClaimClient claims(world_, open_, parts_->part_size());
  const auto engine = make_engine(options_.threads);
  ProgressLog log(world_, options_.save_output ? folder_->path() : fs::path(), info_.total_rows - open_rows, info_.total_rows);
  RankProgress mine;
  ComputeRules rules;
  rules.save = options_.save_output;
  rules.before_publish = [&] {
    fault_point("extract.publish", world_.rank());
    check_ownership();
  };
  const bool take_vectors = vectors_ && !options_.force;
  if (reuse || take_vectors)
    rules.reuse = [&](std::int64_t row) {
      auto found = reuse ? reuse->find(manifest_, row) : std::nullopt;
      return found || !take_vectors ? found : vectors_->find(row, options_.root, embedder_->dimension());
    };
  rules.trial = trial_;
  rules.journal = journal_ ? &*journal_ : nullptr;
  const bool stop = compute_parts(world_, claims, *parts_, manifest_, *engine, stop_, rules, mine, [&] { log.update(mine); });
  log.finish(mine, !stop);
  per_second_ = log.per_second();
  rows_done_ = log.done();
  if (journal_) journal_->remove();
  return stop;
}

ExitCode Extraction::stopped() {
  world_.barrier("everything finished is on the disk");
  if (!lead()) return ExitCode::kOk;
  const std::string reason = stop_.reason().empty() ? "a signal to another rank" : stop_.reason();
  if (folder_ && folder_->is_open()) {
    folder_->note_stop(reason, rows_done_, per_second_);
    folder_->release();
    spdlog::warn("stopped by {}; what is finished is in {}: run the same command again to go on", reason,
                 folder_->path().string());
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
    fault_point("extract.merge", world_.rank());
    counts = merge_parts(*parts_, manifest_, info_, embedder_->dimension(), folder_->path(),
                         vectors_ ? &*vectors_ : nullptr);
    fault_point("extract.merged", world_.rank());
    note_pointer();
    folder_->note_end(counts, per_second_);
    parts_->remove_all();
    folder_->release();
    spdlog::info("{} rows ({:.1f} h of audio), {} failed: {}", counts.rows, counts.seconds / 3600, counts.failed,
                 folder_->store().string());
  });
  return outcome(counts);
}

// Rank 0's counts decide for all.
ExitCode Extraction::outcome(const MergeCounts& counts) const {
  if (!lead()) return ExitCode::kOk;
  for (const std::string& line : summary(counts)) spdlog::warn("{}", line);
  if (static_cast<double>(counts.failed) <= options_.max_failed_fraction * static_cast<double>(info_.total_rows))
    return ExitCode::kOk;
  spdlog::error("{} of {} rows failed, more than embeddings.max_failed_fraction={} allows: see {}", counts.failed,
                info_.total_rows, options_.max_failed_fraction, (folder_->path() / "failures.csv").string());
  return ExitCode::kData;
}

}  // namespace

ExitCode extract(const ExtractOptions& options, World& world, const StopFlag& stop) {
  return Extraction(options, world, stop).run();
}

}  // namespace balr
