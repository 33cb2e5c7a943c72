#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace balr {

// What a list of trials is made from: one row a recording.
struct TrialSource {
  std::vector<std::string> ids, speakers;
  std::vector<std::string> group;  // a pair with equal, non-empty values is left out; may be empty
};

struct TrialChoice {
  std::uint64_t seed = 0;
  std::int64_t per_speaker = 10;  // target trials of a speaker, at most
  bool all = false;               // every pair instead
};

struct TrialPair {
  std::int64_t enrollment = 0, test = 0;  // rows of the source
  bool target = false;
};

struct TrialCounts {
  std::int64_t target = 0, nontarget = 0;
  std::int64_t speakers = 0;         // with at least one recording
  std::int64_t without_targets = 0;  // of these, those that have no pair of their own
};

// A function of its arguments alone (and not of the order of the rows): no pair of a recording with
// itself, none twice (not in the other order either). For each speaker `per_speaker` target trials,
// drawn without replacement (all, if there are fewer), and as many non-target ones: a recording of
// the speaker against one of another speaker, who is drawn first so that large speakers are not
// preferred. With `all`, every pair once. Calls `take` with each, speaker by speaker.
// Throws DataError: a row without speaker, fewer than two speakers, no target trial at all, more
// than 2 * 10^9 pairs with `all`.
TrialCounts make_trials(const TrialSource& source, const TrialChoice& choice,
                        const std::function<void(const TrialPair&)>& take);

struct TrialFileOptions {
  std::filesystem::path input;  // a CSV with id (or audio) and speaker, or a folder of extract
  std::filesystem::path out = {};
  TrialChoice choice = {};
  std::string exclude_same = {};  // column of the CSV; empty: none
  bool force = false;             // replace `out`
};

// Writes `out`, tab-separated, with the header `enrollment test label` (1: target, 0: non-target),
// as `score test` reads it; whole or not at all. Throws as make_trials(); DataError for an id that
// a list of trials cannot hold (comma, tab, line break, quotation mark), a column that is not
// there.
TrialCounts write_trials(const TrialFileOptions& options);

}  // namespace balr
