#include "score/trial.hpp"

#include "score/trial_layout.hpp"

namespace balr {
namespace {

// Sets cause and status unless something else is wrong already.
void refuse(FoundSide& out, std::string_view side, TrialCause cause, const std::string& what) {
  if (out.cause != TrialCause::kNone) return;
  out.cause = cause;
  out.status = std::string(side) + ": " + what;
}

void find_id(std::string_view id, const TestSet& set, std::string_view side, FoundSide& out) {
  const auto quoted = [&] { return "'" + std::string(id.substr(0, 200)) + "'"; };
  if (id.empty()) return refuse(out, side, TrialCause::kNoId, "an id is missing");
  const auto row = set.find(id);
  if (!row) {
    const std::string reason = set.dropped_reason(id);
    if (!reason.empty())
      return refuse(out, side, TrialCause::kFailedRecording, quoted() + " failed: " + reason);
    return refuse(out, side, TrialCause::kUnknownId,
                  quoted() + " is not in the data set");
  }
  const std::string unusable = set.comparer().refuse(*row);
  if (!unusable.empty())
    return refuse(out, side, TrialCause::kFailedRecording, quoted() + ": " + unusable);
  if (out.rows.empty()) {
    out.speaker = set.speaker(*row);
    out.speaker_number = set.speaker_number(*row);
  } else if (out.speaker_number != set.speaker_number(*row)) {
    refuse(out, side, TrialCause::kSeveralSpeakers, quoted() + " is of another speaker");
  }
  out.rows.push_back(*row);
}

}  // namespace

std::string cause_name(TrialCause cause) {
  switch (cause) {
    case TrialCause::kNone:
      return "ok";
    case TrialCause::kNoId:
      return "missing_id";
    case TrialCause::kUnknownId:
      return "unknown_id";
    case TrialCause::kFailedRecording:
      return "failed_recording";
    case TrialCause::kSeveralSpeakers:
      return "several_speakers";
  }
  return "";
}

void find_side(std::string_view cell, const TestSet& set, std::string_view side, FoundSide& out) {
  out.rows.clear();
  out.speaker.clear();
  out.cause = TrialCause::kNone;
  out.status.clear();
  // An id with a comma in it goes before a list of ids.
  const bool whole = cell.find(',') == std::string_view::npos || set.knows(cell);
  if (whole) return find_id(cell, set, side, out);
  for_each_id(cell, [&](std::string_view id) { find_id(id, set, side, out); });
}

}  // namespace balr
