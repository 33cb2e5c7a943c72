#include "score/cross_validation.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "balr/core/error.hpp"
#include "balr/core/thread_pool.hpp"

namespace balr {
namespace {

using Pair = std::pair<std::uint32_t, std::uint32_t>;

Pair speakers_of(const ScoredTrial& trial) {
  return std::minmax(trial.enrollment_speaker, trial.test_speaker);
}

bool involves(const ScoredTrial& trial, const Pair& pair) {
  return trial.enrollment_speaker == pair.first || trial.enrollment_speaker == pair.second ||
         trial.test_speaker == pair.first || trial.test_speaker == pair.second;
}

struct Fold {
  AffineCalibration calibration;
  LogLrBounds bounds;
};

Fold fit_without(const Pair& pair, const ScoredTrials& trials, CalibrationOptions options,
                 bool elub) {
  ScoreSet set;
  for (const ScoredTrial& trial : trials.trials)
    if (trial.has_score() && trial.label >= 0 && !involves(trial, pair))
      (trial.label == 1 ? set.targets : set.non_targets).push_back(trial.score);
  if (options.degrees_of_freedom > 0)
    options.degrees_of_freedom =
        std::max<std::int64_t>(1, options.degrees_of_freedom - (pair.first == pair.second ? 1 : 2));
  Fold fold{fit_affine_calibration(SortedScores(set), options), {}};
  if (!elub) return fold;
  for (auto* side : {&set.targets, &set.non_targets})
    for (double& score : *side) score = fold.calibration.apply(score);
  fold.bounds = balr::elub(SortedScores(std::move(set)));
  return fold;
}

}  // namespace

std::vector<CalibratedValue> cross_validated(const ScoredTrials& trials,
                                             const CalibrationOptions& options, bool elub,
                                             int threads) {
  std::map<Pair, std::vector<std::size_t>> by_pair;
  for (std::size_t i = 0; i < trials.trials.size(); ++i) {
    const ScoredTrial& trial = trials.trials[i];
    if (!trial.has_score()) continue;
    if (trial.enrollment_speaker == ScoredTrial::kUnknown ||
        trial.test_speaker == ScoredTrial::kUnknown)
      throw DataError(trials.file.string() +
                      ": the speakers of a trial are not known, so none can be left out; give the "
                      "columns enrollment_speaker and test_speaker");
    by_pair[speakers_of(trial)].push_back(i);
  }
  constexpr double kMostWork = 2e10;  // trials seen by all fits: a few minutes
  if (static_cast<double>(by_pair.size()) * static_cast<double>(trials.trials.size()) > kMostWork)
    throw DataError(trials.file.string() +
                    " is too large to be cross-validated; split it by speakers, calibrate with one "
                    "part and test with the other");

  const std::vector<std::pair<Pair, std::vector<std::size_t>>> folds(by_pair.begin(),
                                                                     by_pair.end());
  std::vector<CalibratedValue> out(trials.trials.size(), {std::nan(""), std::nan("")});
  ThreadPool pool(threads);
  pool.parallel_for(static_cast<std::int64_t>(folds.size()), [&](std::int64_t f) {
    const auto& [pair, members] = folds[static_cast<std::size_t>(f)];
    try {
      const Fold fold = fit_without(pair, trials, options, elub);
      for (const std::size_t i : members) {
        out[i].raw = fold.calibration.apply(trials.trials[i].score);
        out[i].bounded = fold.bounds.apply(out[i].raw);
      }
    } catch (const DataError& error) {
      throw DataError("Cross-validation, with the speakers of one trial left out: " +
                      std::string(error.what()));
    }
  });
  return out;
}

}  // namespace balr
