#include "balr/score/calibrate_scores.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "balr/core/atomic_file.hpp"
#include "balr/evaluation/metrics.hpp"
#include "balr/evaluation/pav.hpp"
#include "balr/evaluation/plots.hpp"
#include "score/calibrated_output.hpp"
#include "score/calibration_file.hpp"
#include "score/output.hpp"
#include "score/scored_trials.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

class Calibrate {
 public:
  explicit Calibrate(const CalibrateOptions& options) : options_(options) {}

  ExitCode run() {
    const bool given = looks_like_json(options_.from);
    check_request(given);
    if (given) {
      calibration_ = read_calibration(options_.from);
    } else {
      training_ = read_scored_trials(options_.from);
      fit();
    }
    if (!options_.scores.empty()) test_ = read_scored_trials(options_.scores);
    if (test_) check_scorer();
    if (test_) check_overlap();
    const std::vector<CalibratedValue> values = calibrated();
    open_folder();
    if (training_) write_calibration(folder_ / "calibration.json", calibration_);
    if (!values.empty() || test_) write_results(values);
    report(values);
    return ExitCode::kOk;
  }

 private:
  void check_request(bool given) const {
    if (given && options_.scores.empty())
      throw ConfigError("give the scores.csv to calibrate after " + options_.from.string());
    if (given && options_.cross_validate)
      throw ConfigError(
          "--cross-validate fits calibrations: give a scores.csv with labels instead of " +
          options_.from.string());
    if (options_.cross_validate && !options_.scores.empty())
      throw ConfigError("--cross-validate calibrates the set itself; leave out " +
                        options_.scores.string());
  }

  void fit() {
    const ScoredTrials& set = *training_;
    CalibrationFile& c = calibration_;
    c.options = {options_.target_prior, options_.regularization, 0};
    if (set.labelled_speakers_known)
      c.options.degrees_of_freedom = static_cast<std::int64_t>(set.speakers.size());
    else if (options_.regularization > 0)
      spdlog::warn("the speakers of {} are not known: the regularization counts trials instead",
                   set.file.string());
    const SortedScores scores(labelled_scores(set));
    c.calibration = fit_affine_calibration(scores, c.options);
    c.elub = options_.bounds;
    const auto raw = [&](std::size_t i) { return c.calibration.apply(set.trials[i].score); };
    if (c.elub) c.bounds = elub(SortedScores(labelled_scores(set, raw)));
    describe_set(scores);
    const SortedScores reported(
        labelled_scores(set, [&](std::size_t i) { return c.bounds.apply(raw(i)); }));
    c.cllr = cllr(reported);
    c.cllr_min = min_cllr(reported);
    for (std::size_t i = 0; i < set.trials.size(); ++i) {
      if (!set.trials[i].has_score() || set.trials[i].label < 0) continue;
      c.cut_below += raw(i) < c.bounds.lower;
      c.cut_above += raw(i) > c.bounds.upper;
    }
  }

  void describe_set(const SortedScores& scores) {
    const ScoredTrials& set = *training_;
    CalibrationFile& c = calibration_;
    c.scores_file = set.file.string();
    c.scores_sha256 = set.sha256;
    c.scorer = set.scorer;
    c.scorer_sha256 = set.scorer_sha256;
    c.targets = static_cast<std::int64_t>(scores.targets().size());
    c.non_targets = static_cast<std::int64_t>(scores.non_targets().size());
    c.without_score = set.without_score;
    c.unlabelled = set.unlabelled;
    c.speakers_known = set.labelled_speakers_known;
    for (const NamedHash& speaker : set.speakers) c.speaker_hashes.push_back(speaker.hash);
    for (const NamedHash& recording : set.recordings) c.recording_hashes.push_back(recording.hash);
    c.population = options_.population;
    c.propositions = options_.propositions;
    c.program_version = options_.program_version;
  }

  // A calibration says what one scorer's numbers mean.
  void check_scorer() const {
    const auto differ = [](const std::string& a, const std::string& b) {
      return !a.empty() && !b.empty() && a != b;
    };
    if (differ(calibration_.scorer_sha256, test_->scorer_sha256) ||
        differ(calibration_.scorer, test_->scorer))
      throw DataError(test_->file.string() + " was scored by another scorer (" + test_->scorer +
                      ") than the calibration set (" + calibration_.scorer +
                      "); calibrate each scorer with its own scores");
  }

  // Names in both sets: how many, and one of them.
  static std::string common(const std::vector<std::string>& ours,
                            const std::vector<NamedHash>& theirs, const char* what) {
    std::int64_t count = 0;
    std::string first;
    for (const NamedHash& name : theirs) {
      if (!std::ranges::binary_search(ours, name.hash)) continue;
      if (count++ == 0 || name.name < first) first = name.name;
    }
    if (count == 0) return {};
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s") + " (" + first +
           (count == 1 ? ")" : ", ...)");
  }

  void check_overlap() const {
    std::string shared;
    if (calibration_.speakers_known && test_->labelled_speakers_known)
      shared = common(calibration_.speaker_hashes, test_->speakers, "speaker");
    else if (!options_.allow_overlap)
      throw DataError(
          (calibration_.speakers_known ? test_->file.string() : "The calibration set") +
          " does not say who speaks, so nobody can tell whether calibration and test share "
          "speakers; add the columns enrollment_speaker and test_speaker, or give --allow-overlap");
    const std::string recordings =
        common(calibration_.recording_hashes, test_->recordings, "recording");
    if (!shared.empty() && !recordings.empty()) shared += " and ";
    shared += recordings;
    if (shared.empty()) return;
    if (!options_.allow_overlap)
      throw DataError("The calibration set and " + test_->file.string() + " share " + shared +
                      ", so the results would look better than they are; use trials of other "
                      "people, --cross-validate speakers, or --allow-overlap");
    spdlog::warn("the calibration set and {} share {}: the results look better than they are",
                 test_->file.string(), shared);
  }

  std::vector<CalibratedValue> calibrated() const {
    if (options_.cross_validate)
      return cross_validated(*training_, calibration_.options, options_.bounds, options_.threads);
    std::vector<CalibratedValue> out;
    if (!test_) return out;
    for (const ScoredTrial& trial : test_->trials) {
      const double raw = calibration_.calibration.apply(trial.score);  // NaN stays
      out.push_back({raw, calibration_.bounds.apply(raw)});
    }
    return out;
  }

  void open_folder() {
    folder_ = choose_output(options_.save_dir, {"calibration.json", "scores.csv", "metrics.json"},
                            options_.exist_ok);
    create_output(folder_);
  }

  const ScoredTrials& trials() const { return test_ ? *test_ : *training_; }

  void write_results(const std::vector<CalibratedValue>& values) {
    write_calibrated_scores(folder_ / "scores.csv", trials(), values);
    const SortedScores reported(
        labelled_scores(trials(), [&](std::size_t i) { return values[i].bounded; }));
    if (!reported.has_both_sides()) {
      spdlog::warn("no metrics.json: {} has no labelled trials of both kinds",
                   trials().file.string());
      return;
    }
    const auto or_else = [](const std::string& ours, const std::string& calibrations) {
      return ours.empty() ? calibrations : ours;
    };
    const CalibratedMetrics metrics{trials(),
                                    values,
                                    calibration_,
                                    options_.cross_validate,
                                    options_.bootstrap,
                                    options_.threads,
                                    or_else(options_.population, calibration_.population),
                                    or_else(options_.propositions, calibration_.propositions),
                                    options_.program_version};
    write_file_atomically(folder_ / "metrics.json", calibrated_metrics_json(metrics));
    if (!options_.plots) return;
    draw(reported, labelled_cuts(values));
  }

  // The folds of a cross-validation have bounds of their own, so no line stands for them.
  void draw(const SortedScores& reported, const CutCounts& cuts) const {
    // All score files have one name: the folder tells them apart.
    const fs::path whole = fs::absolute(trials().file).lexically_normal();
    std::string title = trials().scorer.empty() ? "" : trials().scorer + ", ";
    title += (whole.parent_path().filename() / whole.filename()).string() + ", calibrated";
    PlotData data{reported, title, true, calibration_.bounds, cuts.below, cuts.above};
    if (options_.cross_validate) {
      data.bounds = {};
      data.title += " by cross-validation";
      if (calibration_.elub)
        data.title += " (" + std::to_string(cuts.below + cuts.above) + " cut by the folds' bounds)";
    }
    write_plots(folder_, data);
  }

  // Of the trials that the pictures show.
  CutCounts labelled_cuts(std::vector<CalibratedValue> values) const {
    for (std::size_t i = 0; i < values.size(); ++i)
      if (trials().trials[i].label < 0) values[i] = {};
    return count_cuts(values);
  }

  void report(const std::vector<CalibratedValue>& values) const {
    if (training_)
      spdlog::info(
          "log-LR = {:.6g} * score + {:.6g}, from {} same-speaker and {} different-speaker trials",
          calibration_.calibration.slope, calibration_.calibration.offset, calibration_.targets,
          calibration_.non_targets);
    const CutCounts cuts = count_cuts(values);
    if (calibration_.elub)
      spdlog::info("bounds of log10 LR: {:.4g} to {:.4g}", calibration_.bounds.lower / std::log(10),
                   calibration_.bounds.upper / std::log(10));
    if (!values.empty())
      spdlog::info("{} trials, of which {} were cut at the lower and {} at the upper bound",
                   values.size() - static_cast<std::size_t>(trials().without_score), cuts.below,
                   cuts.above);
    spdlog::info("results are in {}", folder_.string());
  }

  const CalibrateOptions& options_;
  CalibrationFile calibration_;
  std::optional<ScoredTrials> training_, test_;
  fs::path folder_;
};

}  // namespace

ExitCode calibrate_scores(const CalibrateOptions& options) { return Calibrate(options).run(); }

}  // namespace balr
