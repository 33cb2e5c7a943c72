#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "score/test_set.hpp"

namespace balr {

// Why a trial has no score. Names as in metrics.json.
enum class TrialCause { kNone, kNoId, kUnknownId, kFailedRecording, kSeveralSpeakers };
constexpr std::size_t kTrialCauses = 5;
std::string cause_name(TrialCause cause);

// One side of a trial, looked up.
struct FoundSide {
  std::vector<std::int64_t> rows;
  std::string speaker;  // empty: not known
  std::uint32_t speaker_number = 0;
  TrialCause cause = TrialCause::kNone;
  std::string status;  // with a cause: what is wrong, in a few words
};

// Looks up the ids of a cell. `side` is enrollment or test, for the status.
void find_side(std::string_view cell, const TestSet& set, std::string_view side, FoundSide& out);

}  // namespace balr
