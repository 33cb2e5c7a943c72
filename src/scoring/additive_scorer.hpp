#pragma once
#include "balr/scoring/scorer.hpp"

namespace balr {

// A scorer whose attributes are independent. For one recording a side, what two neighbouring
// attributes add is looked up together.
class AdditiveScorer : public Scorer {
 public:
  double score_bits(std::span<const std::uint64_t> enrollment,
                    std::span<const std::uint64_t> test) const override;

 protected:
  using Scorer::Scorer;
  // Called once by the constructor of the scorer, whose contributions() is complete by then.
  void make_pair_table();

 private:
  // [ceil(n / 2)][16]: index 4 * (bits of the enrolment) + bits of the test, low bit first.
  std::vector<double> pair_table_;
};

// The scorers, from checked buffers.
std::unique_ptr<Scorer> make_beta_scorer(std::span<const ScorerBuffer> buffers);
std::unique_ptr<Scorer> make_table_scorer(ScorerKind kind, std::span<const ScorerBuffer> buffers);
std::unique_ptr<Scorer> make_maxllr_scorer(std::span<const ScorerBuffer> buffers);

}  // namespace balr
