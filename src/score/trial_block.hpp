#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "score/test_set.hpp"
#include "score/trial.hpp"
#include "score/trial_layout.hpp"

namespace balr {

// How scores.csv is written.
struct ScoreForm {
  std::optional<int> decimals;  // set: the columns of TRIALS and `scores` alone, so rounded, as the
                                // Python balr writes them; else all columns, all digits
};

// A scored trial whose truth is known.
struct TrialValue {
  double score = 0;
  std::uint32_t enrollment_speaker = 0, test_speaker = 0;
  std::uint32_t label = 0;  // 1: same speaker
  std::uint32_t padding = 0;
};

// What a block of trials gives.
struct BlockResult {
  std::string text;                // its lines of scores.csv
  std::vector<TrialValue> values;  // of the trials with a score and a label
  std::int64_t trials = 0;
  std::int64_t unlabelled = 0;   // scored, but nobody says whether the speaker is the same
  std::int64_t with_itself = 0;  // one recording compared with itself
  std::array<std::int64_t, kTrialCauses> causes{};
  std::string first_status;     // of the first trial without a score
  std::int64_t first_line = 0;  // its line of TRIALS
};

// The header of scores.csv.
std::string scores_header(const TrialLayout& layout, const TestSet& set, const ScoreForm& form);

// Scores the trials. Where a table has labels and the data set speakers, they must agree. Throws
// DataError with file and line: fewer columns than the header, quotes, a label that is none or that
// contradicts the speakers, several recordings a side where the scorer takes one.
BlockResult score_block(const LineBlock& lines, const TrialLayout& layout, const TestSet& set,
                        const ScoreForm& form, const std::string& file);

// For messages between ranks of one run.
std::string to_bytes(const BlockResult& result);
BlockResult block_from_bytes(std::string_view bytes);

}  // namespace balr
