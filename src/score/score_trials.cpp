#include "balr/score/score_trials.hpp"

#include <spdlog/spdlog.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <unordered_set>

#include "balr/core/atomic_file.hpp"
#include "balr/core/hash.hpp"
#include "balr/core/thread_pool.hpp"
#include "balr/dist/cores.hpp"
#include "balr/dist/world.hpp"
#include "balr/evaluation/plots.hpp"
#include "balr/run/identity.hpp"
#include "balr/run/progress.hpp"
#include "balr/run/stop_flag.hpp"
#include "score/metrics_file.hpp"
#include "score/open_test_set.hpp"
#include "score/ordered_gather.hpp"
#include "score/output.hpp"
#include "score/scorer_checks.hpp"
#include "score/trial_block.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSampleLines = 100;
constexpr std::size_t kBlockTrials = 4096;
constexpr std::size_t kAllLines = std::numeric_limits<std::size_t>::max();

// scores.csv under a temporary name, which goes if it is not published.
class ScoresFile {
 public:
  explicit ScoresFile(const fs::path& folder)
      : file_(folder / "scores.csv"), temporary_(temporary_name(file_)) {
    out_.open(temporary_, std::ios::binary);
    check();
  }
  ~ScoresFile() {
    std::error_code ignored;
    if (!published_) fs::remove(temporary_, ignored);
  }
  ScoresFile(const ScoresFile&) = delete;
  ScoresFile& operator=(const ScoresFile&) = delete;

  void write(const std::string& text) {
    out_.write(text.data(), static_cast<std::streamsize>(text.size()));
    check();
  }
  void publish_file() {
    out_.close();
    check();
    publish(temporary_, file_);
    published_ = true;
  }

 private:
  void check() const {
    if (!out_) throw IoError("cannot write " + temporary_.string() + ": " + std::strerror(errno));
  }
  fs::path file_, temporary_;
  std::ofstream out_;
  bool published_ = false;
};

// This rank's blocks of the trials, a few at a time.
class TrialBlocks {
 public:
  TrialBlocks(const fs::path& file, bool header, const World& world)
      : reader_(file), ranks_(static_cast<std::size_t>(world.size())) {
    if (header) reader_.skip(1);
    reader_.skip(kBlockTrials * static_cast<std::size_t>(world.rank()));
  }
  std::vector<LineBlock> next(int count) {
    std::vector<LineBlock> blocks;
    while (static_cast<int>(blocks.size()) < count && !ended_) {
      LineBlock block = reader_.next(kBlockTrials);
      ended_ = block.size() < kBlockTrials ||
               reader_.skip(kBlockTrials * (ranks_ - 1)) < kBlockTrials * (ranks_ - 1);
      if (block.size() > 0) blocks.push_back(std::move(block));
    }
    return blocks;
  }

 private:
  LineReader reader_;
  std::size_t ranks_;
  bool ended_ = false;
};

class ScoringRun {
 public:
  ScoringRun(const ScoreTrialsOptions& options, const OpenedTestSet& opened, World& world,
             const StopFlag& stop)
      : options_(options), opened_(opened), world_(world), stop_(stop) {
    form_.decimals = options.decimals;
    const int cores = cores_of_rank(world);
    threads_ = options.num_threads > 0 ? static_cast<int>(options.num_threads) : cores;
  }

  ExitCode run() {
    prepare();
    score();
    all_agree(world_, "writing the results", [&] {
      if (speaks()) finish();
    });
    return failed_ ? ExitCode::kData : ExitCode::kOk;
  }

 private:
  bool speaks() const { return world_.rank() == 0; }

  // Everything that can be wrong before the first trial is scored.
  void prepare() {
    all_agree(world_, "reading the trials", [&] {
      const TestSet& set = *opened_.set;
      if (opened_.fitted) check_overlap(opened_.card, set, options_.allow_overlap, speaks());
      const LineBlock sample = LineReader(options_.trials).next(kSampleLines);
      layout_ = find_layout(
          sample, {options_.separator, options_.header},
          [&](std::string_view id) { return set.knows(id); }, options_.trials.string());
      if (sample.size() == 1 && layout_.header)
        throw DataError(options_.trials.string() + " has a header and no trials");
      const Busy busy(world_, "hash of the trials");
      trials_hash_ = sha256_of_file(options_.trials);
    });
    agree_identity(world_, {{"the trials", trials_hash_}, {"the test data", opened_.data_hash}});
    all_agree(world_, "opening the output", [&] {
      if (!speaks()) return;
      total_ = static_cast<std::int64_t>(LineReader(options_.trials).skip(kAllLines)) -
               (layout_.header ? 1 : 0);
      spdlog::info("{} recordings from {}", opened_.set->size(), opened_.source);
      spdlog::info("{}: {}", options_.trials.string(), layout_.description);
      if (!opened_.set->has_speakers() && !layout_.label)
        spdlog::warn("neither speakers nor labels are known: scores without metrics");
      folder_ = choose_output(options_.save_dir, {"scores.csv", "metrics.json"}, options_.exist_ok);
      create_output(folder_);
      totals_.values.reserve(static_cast<std::size_t>(total_));
      scores_ = std::make_unique<ScoresFile>(folder_);
      scores_->write(scores_header(layout_, *opened_.set, form_));
    });
  }

  void score() {
    ThreadPool pool(threads_);
    TrialBlocks blocks(options_.trials, layout_.header, world_);
    Progress progress("score", "trials", 0, total_, speaks());
    gather_in_order(
        world_,
        [&] {
          if (stop_.requested())
            throw StoppedError("stopped by " + stop_.reason() + "; run the same command again");
          const std::vector<LineBlock> mine = blocks.next(threads_);
          std::vector<std::string> results(mine.size());
          pool.parallel_for(static_cast<std::int64_t>(mine.size()), [&](std::int64_t i) {
            const auto at = static_cast<std::size_t>(i);
            results[at] = to_bytes(
                score_block(mine[at], layout_, *opened_.set, form_, options_.trials.string()));
          });
          return results;
        },
        [&](const std::string& bytes) {
          const BlockResult block = block_from_bytes(bytes);
          scores_->write(block.text);
          totals_.add(block);
          progress.update(totals_.trials);
        });
    progress.finish(totals_.trials);
  }

  MetricsContext context() const {
    MetricsContext context;
    context.scorer = opened_.scorer_name;
    context.scorer_hash = opened_.scorer_hash;
    context.data_hash = opened_.data_hash;
    context.trials_hash = trials_hash_;
    context.population = options_.population;
    context.propositions = options_.propositions;
    context.program_version = options_.program_version;
    context.is_log_lr = opened_.set->comparer().is_log_lr();
    context.has_speakers = opened_.set->has_speakers();
    std::unordered_set<std::string_view> speakers(opened_.set->speakers().begin(),
                                                  opened_.set->speakers().end());
    context.speakers = static_cast<std::int64_t>(speakers.size());
    context.bootstrap = options_.bootstrap;
    context.threads = threads_;
    return context;
  }

  void finish() {
    const Busy busy(world_, "computing the metrics");
    if (totals_.causes[0] == 0)
      throw DataError("none of the " + std::to_string(totals_.trials) +
                      " trials could be scored; the first: " + totals_.first_status + " (line " +
                      std::to_string(totals_.first_line) + ")");
    const std::string metrics = metrics_json(totals_, context());
    scores_->publish_file();
    write_file_atomically(folder_ / "metrics.json", metrics);
    write_file_atomically(folder_ / "config.yaml", options_.config_yaml);
    if (options_.plots) draw();
    tell_totals();
    const double missing =
        static_cast<double>(totals_.left_out()) / static_cast<double>(totals_.trials);
    failed_ = missing > options_.allow_missing;
  }

  void draw() const {
    const SortedScores scores = sorted_scores(totals_);
    if (!scores.has_both_sides())
      return spdlog::warn("no plots: they need trials of one speaker and of two");
    write_plots(folder_, {.scores = scores,
                          .title = opened_.scorer_name + ", " + options_.trials.filename().string(),
                          .log_lrs = opened_.set->comparer().is_log_lr()});
  }

  void tell_totals() const {
    spdlog::info("{} trials: {} used for the metrics, {} without a label, {} left out",
                 totals_.trials, totals_.values.size(), totals_.unlabelled, totals_.left_out());
    if (totals_.with_itself > 0)
      spdlog::warn("{} trials compare a recording with itself: they flatter the metrics",
                   totals_.with_itself);
    if (totals_.left_out() > 0)
      spdlog::error(
          "{} trials have no score, the first in line {} ({}): see the column status; "
          "--allow-missing FRACTION if that is meant",
          totals_.left_out(), totals_.first_line, totals_.first_status);
    spdlog::info("the scores are in {}", (folder_ / "scores.csv").string());
  }

  const ScoreTrialsOptions& options_;
  const OpenedTestSet& opened_;
  World& world_;
  const StopFlag& stop_;
  ScoreForm form_;
  int threads_ = 1;
  TrialLayout layout_;
  std::string trials_hash_;
  fs::path folder_;                     // rank 0 alone
  std::unique_ptr<ScoresFile> scores_;  // rank 0 alone
  std::int64_t total_ = 0;              // rank 0 alone
  TrialTotals totals_;                  // rank 0 alone
  bool failed_ = false;
};

}  // namespace

ExitCode score_trials(const ScoreTrialsOptions& options, World& world, const StopFlag& stop) {
  const OpenedTestSet opened = open_test_set(options.data, options.scorer, world);
  return ScoringRun(options, opened, world, stop).run();
}

}  // namespace balr
