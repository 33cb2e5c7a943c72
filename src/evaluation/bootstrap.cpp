#include "balr/evaluation/bootstrap.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <unordered_map>

#include "balr/core/error.hpp"
#include "balr/core/rng.hpp"
#include "balr/core/thread_pool.hpp"
#include "balr/evaluation/pav.hpp"

namespace balr {
namespace {

constexpr const char* kNames[] = {"EER", "CLLR", "CLLR_min", "minDCF_0.01", "minDCF_0.001"};
constexpr std::size_t kFigures = std::size(kNames);
using FigureRow = std::array<double, kFigures>;

constexpr double kPriors[] = {0.01, 0.001};  // of the minimum costs

// What one replicate adds up on its way through the scores in ascending order.
class Pass {
 public:
  // The numbers of trials of each kind in the replicate.
  Pass(std::int64_t targets, std::int64_t others) : targets_(targets), others_(others) {
    before_ = {.threshold = 0, .misses = 0, .false_alarms = others};
  }

  // The trials of the next score that has any.
  void add(std::int64_t targets, std::int64_t others) {
    if (!crossed_) find_crossing(targets, others);
    PavBlock block{0, 0, targets, others};
    // As pool_adjacent_violators().
    while (!blocks_.empty() && blocks_.back().targets * block.non_targets >=
                                   block.targets * blocks_.back().non_targets) {
      block.targets += blocks_.back().targets;
      block.non_targets += blocks_.back().non_targets;
      blocks_.pop_back();
    }
    blocks_.push_back(block);
  }

  double equal_error() const {
    return (share(best_.false_alarms, others_) + share(best_.misses, targets_)) / 2;
  }

  double min_cllr() const {
    double as_targets = 0, as_others = 0;
    for (const PavBlock& block : blocks_) {
      const double s = pav_log_lr(block, targets_, others_);
      if (block.targets > 0) as_targets += static_cast<double>(block.targets) * softplus(-s);
      if (block.non_targets > 0) as_others += static_cast<double>(block.non_targets) * softplus(s);
    }
    return cllr(as_targets, as_others);
  }

  // A cost is lowest at a corner of the convex hull of the error rates, and those are the edges of
  // the blocks.
  double min_cost(double prior) const {
    const double scale = std::min(prior, 1 - prior);
    std::int64_t misses = 0, false_alarms = others_;
    double best = (1 - prior) / scale;
    for (const PavBlock& block : blocks_) {
      misses += block.targets;
      false_alarms -= block.non_targets;
      best = std::min(
          best,
          (prior * share(misses, targets_) + (1 - prior) * share(false_alarms, others_)) / scale);
    }
    return best;
  }

  double cllr(double as_targets, double as_others) const {
    return (as_targets / static_cast<double>(targets_) + as_others / static_cast<double>(others_)) /
           (2 * std::numbers::ln2);
  }

 private:
  static double share(std::int64_t part, std::int64_t whole) {
    return static_cast<double>(part) / static_cast<double>(whole);
  }

  // FAR - FRR falls from score to score: |FAR - FRR| is smallest just before or where it first is 0
  // or below. "Accept all" is no candidate.
  void find_crossing(std::int64_t targets, std::int64_t others) {
    OperatingPoint now = before_;
    now.misses += targets;
    now.false_alarms -= others;
    const std::int64_t gap = now.false_alarms * targets_ - now.misses * others_;
    crossed_ = gap <= 0;
    best_ = crossed_ && !first_ && before_gap_ <= -gap ? before_ : now;
    before_ = now;
    before_gap_ = gap;
    first_ = false;
  }

  std::int64_t targets_, others_;
  bool crossed_ = false, first_ = true;
  OperatingPoint before_, best_;
  std::int64_t before_gap_ = 0;
  std::vector<PavBlock> blocks_;
};

// Trials in ascending order of score, speakers numbered from 0, and what all replicates share.
class Resampler {
 public:
  explicit Resampler(std::vector<SpeakerTrial> trials) : trials_(std::move(trials)) {
    number_speakers();
    std::sort(trials_.begin(), trials_.end(),
              [](const SpeakerTrial& a, const SpeakerTrial& b) { return a.score < b.score; });
    // From here on the score itself is only needed for the term of the CLLR.
    for (std::size_t i = 0; i < trials_.size(); ++i) {
      last_of_score_.push_back(i + 1 == trials_.size() || trials_[i + 1].score != trials_[i].score);
      terms_.push_back(is_target(trials_[i]) ? softplus(-trials_[i].score)
                                             : softplus(trials_[i].score));
    }
  }

  std::int64_t speakers() const { return speakers_; }

  // False if the replicate lacks a kind of trial.
  bool replicate(std::uint64_t seed, int number, FigureRow& row) const {
    const std::vector<std::int64_t> times = draw(seed, number);
    std::int64_t targets = 0, others = 0;
    for (const SpeakerTrial& trial : trials_)
      (is_target(trial) ? targets : others) += weight(trial, times);
    if (targets == 0 || others == 0) return false;

    Pass pass(targets, others);
    double as_targets = 0, as_others = 0;
    std::int64_t targets_here = 0, others_here = 0;
    for (std::size_t i = 0; i < trials_.size(); ++i) {
      const std::int64_t count = weight(trials_[i], times);
      if (count > 0) {
        const bool target = is_target(trials_[i]);
        (target ? targets_here : others_here) += count;
        (target ? as_targets : as_others) += static_cast<double>(count) * terms_[i];
      }
      if (!last_of_score_[i] || (targets_here == 0 && others_here == 0)) continue;
      pass.add(targets_here, others_here);
      targets_here = others_here = 0;
    }
    row = {pass.equal_error(), pass.cllr(as_targets, as_others), pass.min_cllr(),
           pass.min_cost(kPriors[0]), pass.min_cost(kPriors[1])};
    return true;
  }

 private:
  static bool is_target(const SpeakerTrial& trial) {
    return trial.enrollment_speaker == trial.test_speaker;
  }
  // How often a trial counts.
  static std::int64_t weight(const SpeakerTrial& trial, const std::vector<std::int64_t>& times) {
    const std::int64_t once = times[trial.enrollment_speaker];
    return is_target(trial) ? once : once * times[trial.test_speaker];
  }

  void number_speakers() {
    // In ascending order, so that the draw depends on the set of speakers, not on the trials'
    // order.
    std::vector<std::uint32_t> all;
    for (const SpeakerTrial& trial : trials_) {
      if (std::isnan(trial.score))
        throw DataError(
            "A score is NaN; leave out trials that have no score before they are evaluated");
      all.push_back(trial.enrollment_speaker);
      all.push_back(trial.test_speaker);
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    speakers_ = static_cast<std::int64_t>(all.size());
    std::unordered_map<std::uint32_t, std::uint32_t> numbers;
    for (std::uint32_t i = 0; i < all.size(); ++i) numbers[all[i]] = i;
    for (SpeakerTrial& trial : trials_) {
      trial.enrollment_speaker = numbers[trial.enrollment_speaker];
      trial.test_speaker = numbers[trial.test_speaker];
    }
  }

  // How many times each speaker was drawn.
  std::vector<std::int64_t> draw(std::uint64_t seed, int number) const {
    std::vector<std::int64_t> times(static_cast<std::size_t>(speakers_));
    Philox random(seed, static_cast<std::uint64_t>(number), 0);
    for (std::int64_t i = 0; i < speakers_; ++i)
      ++times[static_cast<std::size_t>(random.below(static_cast<std::uint64_t>(speakers_)))];
    return times;
  }

  std::vector<SpeakerTrial> trials_;
  std::int64_t speakers_ = 0;
  std::vector<char> last_of_score_;  // the next trial has another score
  std::vector<double> terms_;        // what each trial adds to the CLLR
};

}  // namespace

BootstrapResult bootstrap_intervals(std::vector<SpeakerTrial> trials,
                                    const BootstrapOptions& options) {
  BALR_CHECK(options.replicates >= 1 && options.level > 0 && options.level < 1);
  const Resampler resampler(std::move(trials));
  std::vector<FigureRow> rows(static_cast<std::size_t>(options.replicates));
  std::vector<char> good(rows.size());
  ThreadPool pool(options.threads);
  pool.parallel_for(options.replicates, [&](std::int64_t r) {
    const auto i = static_cast<std::size_t>(r);
    good[i] = resampler.replicate(options.seed, static_cast<int>(r), rows[i]);
  });

  BootstrapResult result{.intervals = {}, .speakers = resampler.speakers(), .replicates = 0};
  std::vector<double> values;
  for (std::size_t f = 0; f < kFigures; ++f) {
    values.clear();
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (good[i]) values.push_back(rows[i][f]);
    if (values.empty())
      throw DataError(
          "No bootstrap replicate has trials of both kinds, so no confidence interval can be "
          "given; "
          "give trials of more speakers");
    std::sort(values.begin(), values.end());
    const double tail = (1 - options.level) / 2 * static_cast<double>(values.size() - 1);
    const auto low = static_cast<std::size_t>(std::floor(tail));
    result.intervals.push_back({kNames[f], values[low], values[values.size() - 1 - low]});
  }
  result.replicates = static_cast<int>(values.size());
  return result;
}

}  // namespace balr
