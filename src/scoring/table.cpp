#include "balr/core/error.hpp"
#include "scoring/additive_scorer.hpp"
#include "scoring/buffers.hpp"

namespace balr {
namespace {

constexpr double kLargestLlr = 1e6;  // of one attribute; anything above is a damaged file

// dna and speech: the log-LR of each pair of states is in the file.
class TableScorer final : public AdditiveScorer {
 public:
  TableScorer(ScorerKind kind, std::vector<double> llrs)
      : AdditiveScorer(kind, static_cast<std::int64_t>(llrs.size() / 4)), llrs_(std::move(llrs)) {
    make_pair_table();
  }

  void contributions(const TrialSide& enrollment, const TrialSide& test,
                     std::span<double> out) const override {
    check_sides(enrollment, test);
    for (std::size_t a = 0; a < out.size(); ++a) {
      // Index 0 is active.
      const auto e = static_cast<std::size_t>(1 - enrollment.active[a]);
      const auto t = static_cast<std::size_t>(1 - test.active[a]);
      out[a] = llrs_[(e * out.size() + a) * 2 + t];
    }
  }

 private:
  std::vector<double> llrs_;  // [2, n, 2]
};

}  // namespace

std::unique_ptr<Scorer> make_table_scorer(ScorerKind kind, std::span<const ScorerBuffer> buffers) {
  const ScorerBuffer& typicality = find_buffer(buffers, "typicality");
  const ScorerBuffer& llrs = find_buffer(buffers, "llrs");
  const std::int64_t n = typicality.shape.empty() ? 0 : typicality.shape[0];
  check_buffer(typicality, {n}, 0, 1);
  check_buffer(find_buffer(buffers, "dropout"), {n}, 0, 1);
  check_buffer(llrs, {2, n, 2}, -kLargestLlr, kLargestLlr);
  if (n == 0) throw DataError("'typicality' is empty; fit the scorer again");
  return std::make_unique<TableScorer>(kind, llrs.values);
}

}  // namespace balr
