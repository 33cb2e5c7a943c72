#include "balr/evaluation/bootstrap.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <unordered_map>

#include "balr/core/error.hpp"
#include "balr/core/rng.hpp"
#include "balr/core/thread_pool.hpp"
#include "evaluation/score_counts.hpp"

namespace balr {
namespace {

constexpr const char* kNames[] = {"EER", "CLLR", "CLLR_min", "minDCF_0.01", "minDCF_0.001"};
constexpr std::size_t kFigures = std::size(kNames);
using FigureRow = std::array<double, kFigures>;

// Trials in ascending order of score, speakers numbered from 0, and what all replicates share.
class Resampler {
 public:
  explicit Resampler(std::vector<SpeakerTrial> trials) : trials_(std::move(trials)) {
    number_speakers();
    std::sort(trials_.begin(), trials_.end(),
              [](const SpeakerTrial& a, const SpeakerTrial& b) { return a.score < b.score; });
    for (const SpeakerTrial& trial : trials_)
      if (scores_.empty() || scores_.back() != trial.score) scores_.push_back(trial.score);
    for (const double score : scores_) {
      as_target_.push_back(softplus(-score));
      as_other_.push_back(softplus(score));
    }
  }

  std::int64_t speakers() const { return speakers_; }

  // Each thread holds the counts of one replicate: some GB at most, for ten million trials too.
  int most_threads() const {
    constexpr std::size_t kBytes = std::size_t{2} << 30;
    return static_cast<int>(
        std::clamp<std::size_t>(kBytes / (scores_.size() * sizeof(ScoreCount) + 1), 1, 1024));
  }

  // False if the replicate lacks a kind of trial.
  bool replicate(std::uint64_t seed, int number, FigureRow& row) const {
    const ScoreCounts counts = draw(seed, number);
    if (counts.targets == 0 || counts.non_targets == 0) return false;
    row = {error_rate_at(counts, equal_error_point(counts)), cllr_of(counts), min_cllr(counts),
           min_detection_cost(counts, {.target_prior = 0.01}).cost,
           min_detection_cost(counts, {.target_prior = 0.001}).cost};
    return true;
  }

 private:
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

  ScoreCounts draw(std::uint64_t seed, int number) const {
    std::vector<std::int64_t> weights(static_cast<std::size_t>(speakers_));
    Philox random(seed, static_cast<std::uint64_t>(number), 0);
    for (std::int64_t i = 0; i < speakers_; ++i)
      ++weights[static_cast<std::size_t>(random.below(static_cast<std::uint64_t>(speakers_)))];
    ScoreCounts counts;
    counts.at.resize(scores_.size());
    std::size_t at = 0;
    for (const SpeakerTrial& trial : trials_) {
      while (scores_[at] != trial.score) ++at;
      const std::int64_t weight = weights[trial.enrollment_speaker];
      if (trial.enrollment_speaker == trial.test_speaker)
        counts.at[at].targets += weight;
      else
        counts.at[at].non_targets += weight * weights[trial.test_speaker];
    }
    for (std::size_t i = 0; i < scores_.size(); ++i) {
      counts.at[i].score = scores_[i];
      counts.targets += counts.at[i].targets;
      counts.non_targets += counts.at[i].non_targets;
    }
    return counts;
  }

  double cllr_of(const ScoreCounts& counts) const {
    double targets = 0, others = 0;
    for (std::size_t i = 0; i < scores_.size(); ++i) {
      const ScoreCount& count = counts.at[i];
      if (count.targets) targets += static_cast<double>(count.targets) * as_target_[i];
      if (count.non_targets) others += static_cast<double>(count.non_targets) * as_other_[i];
    }
    return (targets / static_cast<double>(counts.targets) +
            others / static_cast<double>(counts.non_targets)) /
           (2 * std::numbers::ln2);
  }

  std::vector<SpeakerTrial> trials_;
  std::int64_t speakers_ = 0;
  std::vector<double> scores_;                // distinct, ascending
  std::vector<double> as_target_, as_other_;  // the CLLR's terms at each
};

}  // namespace

BootstrapResult bootstrap_intervals(std::vector<SpeakerTrial> trials,
                                    const BootstrapOptions& options) {
  BALR_CHECK(options.replicates >= 1 && options.level > 0 && options.level < 1);
  const Resampler resampler(std::move(trials));
  std::vector<FigureRow> rows(static_cast<std::size_t>(options.replicates));
  std::vector<char> good(rows.size());
  ThreadPool pool(std::min(options.threads, resampler.most_threads()));
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
