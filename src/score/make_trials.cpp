#include "balr/score/make_trials.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "balr/core/error.hpp"
#include "balr/core/rng.hpp"
#include "balr/data/manifest.hpp"

namespace balr {
namespace {

// Pairs of one speaker are listed up to so many (16 MB); beyond, they are drawn blindly, and one
// that is taken already or left out is rare.
constexpr std::int64_t kListedPairs = 1 << 20;
// Draws for one trial before it is given up: with a column that leaves nearly everything out there
// may be none.
constexpr std::int64_t kPatience = 200;
constexpr std::int64_t kMostPairs = 2'000'000'000;
constexpr std::uint64_t kTargets = 1, kNonTargets = 2;  // streams of random numbers

class TrialMaker {
 public:
  TrialMaker(const TrialSource& source, const TrialChoice& choice,
             const std::function<void(const TrialPair&)>& take)
      : source_(source), choice_(choice), take_(take) {
    check();
    const std::vector<std::int64_t> order = order_by_id(source.ids);
    const std::vector<std::int64_t> labels = encode_labels(source.speakers);
    speakers_.resize(static_cast<std::size_t>(1 + *std::max_element(labels.begin(), labels.end())));
    for (std::int64_t row : order)
      speakers_[static_cast<std::size_t>(labels[static_cast<std::size_t>(row)])].push_back(row);
    counts_.speakers = static_cast<std::int64_t>(speakers_.size());
    if (counts_.speakers < 2)
      throw DataError("all rows have the same speaker: non-target trials need at least two");
  }

  TrialCounts run() {
    if (choice_.all) {
      take_all();
    } else {
      for (std::size_t speaker = 0; speaker < speakers_.size(); ++speaker) draw(speaker);
    }
    if (counts_.target == 0)
      throw DataError(
          "no speaker has two recordings that may be compared: there is no target trial");
    return counts_;
  }

 private:
  void check() const {
    BALR_CHECK(source_.ids.size() == source_.speakers.size());
    BALR_CHECK(source_.group.empty() || source_.group.size() == source_.ids.size());
    for (std::size_t row = 0; row < source_.ids.size(); ++row)
      if (source_.speakers[row].empty())
        throw DataError("the row '" + source_.ids[row] +
                        "' has no speaker: trials need one of every recording");
  }

  bool allowed(std::int64_t a, std::int64_t b) const {
    if (source_.group.empty()) return true;
    const std::string& value = source_.group[static_cast<std::size_t>(a)];
    return value.empty() || value != source_.group[static_cast<std::size_t>(b)];
  }

  // Once, whatever the order of the two.
  bool is_new(std::int64_t a, std::int64_t b) {
    const auto rows = static_cast<std::uint64_t>(source_.ids.size());
    return seen_
        .insert(static_cast<std::uint64_t>(std::min(a, b)) * rows +
                static_cast<std::uint64_t>(std::max(a, b)))
        .second;
  }

  void give(std::int64_t enrollment, std::int64_t test, bool target) {
    ++(target ? counts_.target : counts_.nontarget);
    take_({enrollment, test, target});
  }

  void take_all();
  void draw(std::size_t speaker);
  std::vector<TrialPair> target_pairs(std::size_t speaker);
  std::vector<TrialPair> listed_pairs(const std::vector<std::int64_t>& rows, Philox& random) const;
  std::vector<TrialPair> blind_pairs(const std::vector<std::int64_t>& rows, Philox& random);
  void draw_nontargets(std::size_t speaker, std::int64_t wanted);

  const TrialSource& source_;
  const TrialChoice& choice_;
  const std::function<void(const TrialPair&)>& take_;
  std::vector<std::vector<std::int64_t>> speakers_;  // rows of each, by id
  std::unordered_set<std::uint64_t> seen_;
  TrialCounts counts_;
};

void TrialMaker::take_all() {
  const auto rows = static_cast<std::int64_t>(source_.ids.size());
  if (rows > (std::int64_t{1} << 31) || rows * (rows - 1) / 2 > kMostPairs)
    throw DataError(std::to_string(rows) +
                    " recordings have too many pairs for --all: give --per-speaker");
  for (std::size_t s = 0; s < speakers_.size(); ++s) {
    const std::int64_t before = counts_.target;
    for (std::size_t i = 0; i < speakers_[s].size(); ++i) {
      const std::int64_t a = speakers_[s][i];
      for (std::size_t j = i + 1; j < speakers_[s].size(); ++j)
        if (allowed(a, speakers_[s][j])) give(a, speakers_[s][j], true);
      for (std::size_t other = s + 1; other < speakers_.size(); ++other)
        for (std::int64_t b : speakers_[other])
          if (allowed(a, b)) give(a, b, false);
    }
    counts_.without_targets += counts_.target == before;
  }
}

void TrialMaker::draw(std::size_t speaker) {
  const std::vector<TrialPair> targets = target_pairs(speaker);
  for (const TrialPair& pair : targets) give(pair.enrollment, pair.test, true);
  counts_.without_targets += targets.empty();
  draw_nontargets(speaker, static_cast<std::int64_t>(targets.size()));
}

std::vector<TrialPair> TrialMaker::target_pairs(std::size_t speaker) {
  const std::vector<std::int64_t>& rows = speakers_[speaker];
  const auto count = static_cast<std::int64_t>(rows.size());
  Philox random(choice_.seed, kTargets, speaker);
  return count * (count - 1) / 2 <= kListedPairs ? listed_pairs(rows, random)
                                                 : blind_pairs(rows, random);
}

std::vector<TrialPair> TrialMaker::listed_pairs(const std::vector<std::int64_t>& rows,
                                                Philox& random) const {
  std::vector<TrialPair> pairs;
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = i + 1; j < rows.size(); ++j)
      if (allowed(rows[i], rows[j])) pairs.push_back({rows[i], rows[j], true});
  const auto count = static_cast<std::int64_t>(pairs.size());
  std::vector<TrialPair> out;
  for (std::int64_t at : random.choose(count, std::min(count, choice_.per_speaker), false))
    out.push_back(pairs[static_cast<std::size_t>(at)]);
  return out;
}

std::vector<TrialPair> TrialMaker::blind_pairs(const std::vector<std::int64_t>& rows,
                                               Philox& random) {
  std::vector<TrialPair> out;
  for (std::int64_t draws = choice_.per_speaker * kPatience;
       draws > 0 && static_cast<std::int64_t>(out.size()) < choice_.per_speaker; --draws) {
    const std::int64_t a = rows[random.below(rows.size())], b = rows[random.below(rows.size())];
    if (a != b && allowed(a, b) && is_new(a, b)) out.push_back({a, b, true});
  }
  return out;
}

void TrialMaker::draw_nontargets(std::size_t speaker, std::int64_t wanted) {
  Philox random(choice_.seed, kNonTargets, speaker);
  const std::vector<std::int64_t>& own = speakers_[speaker];
  for (std::int64_t draws = wanted * kPatience; draws > 0 && wanted > 0; --draws) {
    const std::int64_t a = own[random.below(own.size())];
    std::size_t other = random.below(speakers_.size() - 1);
    if (other >= speaker) ++other;
    const std::int64_t b = speakers_[other][random.below(speakers_[other].size())];
    if (!allowed(a, b) || !is_new(a, b)) continue;
    give(a, b, false);
    --wanted;
  }
}

}  // namespace

TrialCounts make_trials(const TrialSource& source, const TrialChoice& choice,
                        const std::function<void(const TrialPair&)>& take) {
  if (source.ids.empty()) throw DataError("there are no recordings to make trials of");
  return TrialMaker(source, choice, take).run();
}

}  // namespace balr
