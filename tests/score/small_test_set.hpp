#pragma once
#include <numeric>

#include "score/test_set.hpp"
#include "score/trial_lines.hpp"

namespace balr::test {

// The score of rows a, b, ... against c, d, ... is sum(enrollment) - 0.5 * sum(test).
class SumComparer final : public Comparer {
 public:
  explicit SumComparer(bool single = false) : single_(single) {}
  double score(std::span<const std::int64_t> e, std::span<const std::int64_t> t) const override {
    return static_cast<double>(std::accumulate(e.begin(), e.end(), std::int64_t{0})) -
           0.5 * static_cast<double>(std::accumulate(t.begin(), t.end(), std::int64_t{0}));
  }
  bool single_recording_only() const override { return single_; }
  bool is_log_lr() const override { return true; }

 private:
  bool single_;
};

// a0, a1 (speaker a), b0, b1 (speaker b), n (speaker unknown), "x,y" (speaker b); bad failed.
inline std::unique_ptr<TestSet> small_set(bool single = false, bool speakers = true) {
  std::vector<std::string> names{"a", "a", "b", "b", "", "b"};
  if (!speakers) names.clear();
  return std::make_unique<TestSet>(std::vector<std::string>{"a0", "a1", "b0", "b1", "n", "x,y"},
                                   names,
                                   std::unordered_map<std::string, std::string>{{"bad", "decode"}},
                                   std::make_unique<SumComparer>(single));
}

inline LineBlock lines_of(const std::vector<std::string>& texts, std::int64_t first = 1) {
  LineBlock block;
  for (const std::string& text : texts) {
    block.numbers.push_back(first++);
    block.text += text;
    block.ends.push_back(block.text.size());
  }
  return block;
}

}  // namespace balr::test
