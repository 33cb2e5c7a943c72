#include "balr/core/error.hpp"
#include "scoring/additive_scorer.hpp"
#include "scoring/buffers.hpp"
#include "scoring/mixture.hpp"

namespace balr {
namespace {

class MaxLlrScorer final : public AdditiveScorer {
 public:
  explicit MaxLlrScorer(std::vector<Mixture> mixtures)
      : AdditiveScorer(ScorerKind::kMaxLlr, static_cast<std::int64_t>(mixtures.size())),
        mixtures_(std::move(mixtures)) {
    make_pair_table();
  }

  void contributions(const TrialSide& enrollment, const TrialSide& test,
                     std::span<double> out) const override {
    check_sides(enrollment, test);
    for (std::size_t a = 0; a < out.size(); ++a) {
      const std::int64_t e = enrollment.active[a], t = test.active[a];
      const std::int64_t e0 = enrollment.recordings - e, t0 = test.recordings - t;
      const Mixture& mixture = mixtures_[a];
      out[a] = mixture.log_likelihood(e + t, e0 + t0) - mixture.log_likelihood(e, e0) -
               mixture.log_likelihood(t, t0);
    }
  }

 private:
  std::vector<Mixture> mixtures_;
};

}  // namespace

std::unique_ptr<Scorer> make_maxllr_scorer(std::span<const ScorerBuffer> buffers) {
  const ScorerBuffer& f = find_buffer(buffers, "f");
  const ScorerBuffer& p = find_buffer(buffers, "p");
  const ScorerBuffer& q = find_buffer(buffers, "q");
  const std::int64_t n = f.shape.empty() ? 0 : f.shape[0];
  for (const ScorerBuffer* buffer : {&f, &p, &q}) check_buffer(*buffer, {n}, 0, 1);
  if (n == 0) throw DataError("'f' is empty; fit the scorer again");
  std::vector<Mixture> mixtures;
  for (std::size_t a = 0; a < f.values.size(); ++a) {
    const Mixture mixture(f.values[a], p.values[a], q.values[a]);
    // One recording, or two, may show anything: a likelihood of 0 would be evidence without limit.
    for (const std::int64_t active : {0, 1, 2})
      if (std::isinf(mixture.log_likelihood(active, 2 - active)))
        throw DataError("attribute " + std::to_string(a) +
                        " cannot differ between recordings of a speaker, or never occurs, by f, p "
                        "and q; fit the scorer again");
    mixtures.push_back(mixture);
  }
  return std::make_unique<MaxLlrScorer>(std::move(mixtures));
}

}  // namespace balr
