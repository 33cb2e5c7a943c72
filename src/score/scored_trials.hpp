#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "balr/evaluation/score_set.hpp"
#include "score/trial_line.hpp"

namespace balr {

// One trial of a scores.csv. Speakers are numbers of ScoredTrials::speakers.
struct ScoredTrial {
  static constexpr std::uint32_t kUnknown = 0xFFFFFFFF;
  double score = 0;  // NaN: the trial has none
  std::uint32_t enrollment_speaker = kUnknown, test_speaker = kUnknown;
  std::int8_t label = -1;  // 1: same speaker; 0: different ones; -1: not known

  bool has_score() const { return score == score; }
};

// Names by the hash that calibration.json and scorer.json keep of them, sorted.
struct NamedHash {
  std::string hash, name;
};

// A scores.csv (evaluation/score_columns.hpp), without its texts: 24 bytes a trial.
struct ScoredTrials {
  std::filesystem::path file;
  std::string sha256;
  std::vector<ScoredTrial> trials;  // in the file's order
  std::uint32_t speaker_count = 0;
  std::vector<NamedHash> speakers, recordings;     // of trials with a score
  std::int64_t without_score = 0, unlabelled = 0;  // unlabelled: with a score
  bool labelled_speakers_known = true;             // of every trial with score and label
  bool is_log_lr = false;                          // it has a column log10_lr
  std::string scorer, scorer_sha256;               // as in metrics.json beside it; empty: not known
};

// Columns by name in any case; enrollment and test default to the first two. The separator is found
// out from the header. Labels follow from the speakers where there is no label. Throws DataError
// with file and line: no column `scores`, a cell that is no number, NaN, labels that contradict the
// speakers; IoError.
ScoredTrials read_scored_trials(const std::filesystem::path& file);

// The columns of a header, and the separator between them.
struct ScoreHeader {
  std::vector<std::string> names;
  TrialSeparator separator;
  std::size_t enrollment = 0, test = 1, scores = 0;
  std::optional<std::size_t> enrollment_speaker, test_speaker, label, log10_lr, status;
};
// Calls f for the cells of each line after the header, with its number. Throws like the above.
ScoreHeader for_each_line(const std::filesystem::path& file,
                          const std::function<void(const ScoreHeader&)>& begin,
                          const std::function<void(const TrialCells&, std::int64_t line)>& each);

// Trials with score and label, the score passed through `value` (trial number -> log-LR) if given.
ScoreSet labelled_scores(const ScoredTrials& trials,
                         const std::function<double(std::size_t)>& value = {});

}  // namespace balr
