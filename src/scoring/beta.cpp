#include <cmath>
#include <limits>

#include "scoring/additive_scorer.hpp"
#include "scoring/buffers.hpp"

namespace balr {
namespace {

// Counts up to this many recordings are looked up.
constexpr std::int64_t kTabled = 64;

// ln x (x + 1) ... (x + count - 1) = lgamma(x + count) - lgamma(x), without the digits that the
// difference of two large numbers loses.
class LogRising {
 public:
  explicit LogRising(double x) : x_(x), sums_(kTabled + 1) {
    for (std::size_t j = 0; j < kTabled; ++j)
      sums_[j + 1] = sums_[j] + std::log(x + static_cast<double>(j));
  }
  double operator()(std::int64_t count) const {
    if (count <= kTabled) return sums_[static_cast<std::size_t>(count)];
    double sum = sums_.back();
    for (std::int64_t j = kTabled; j < count; ++j) sum += std::log(x_ + static_cast<double>(j));
    return sum;
  }

 private:
  double x_;
  std::vector<double> sums_;
};

// Dirichlet-multinomial: each speaker draws the probability of an attribute from Beta(alpha), then
// each of his recordings shows it with that probability.
class BetaScorer final : public AdditiveScorer {
 public:
  explicit BetaScorer(const ScorerBuffer& alpha)
      : AdditiveScorer(ScorerKind::kBeta, alpha.shape.at(0)) {
    for (std::size_t a = 0; a < alpha.values.size(); a += 2) {
      active_.emplace_back(alpha.values[a]);
      inactive_.emplace_back(alpha.values[a + 1]);
      all_.emplace_back(alpha.values[a] + alpha.values[a + 1]);
    }
    make_pair_table();
  }

  void contributions(const TrialSide& enrollment, const TrialSide& test,
                     std::span<double> out) const override {
    check_sides(enrollment, test);
    for (std::size_t a = 0; a < out.size(); ++a) {
      const std::int64_t e = enrollment.active[a], t = test.active[a];
      out[a] = marginal(a, e + t, std::int64_t{enrollment.recordings} + test.recordings) -
               marginal(a, e, enrollment.recordings) - marginal(a, t, test.recordings);
    }
  }

 private:
  // ln of the probability of one sequence of `count` recordings of a speaker, `active` of them with
  // the attribute.
  double marginal(std::size_t a, std::int64_t active, std::int64_t count) const {
    return active_[a](active) + inactive_[a](count - active) - all_[a](count);
  }

  std::vector<LogRising> active_, inactive_, all_;
};

}  // namespace

std::unique_ptr<Scorer> make_beta_scorer(std::span<const ScorerBuffer> buffers) {
  const ScorerBuffer& alpha = find_buffer(buffers, "alpha");
  const std::int64_t n = alpha.shape.empty() ? 0 : alpha.shape[0];
  check_buffer(alpha, {n, 2}, std::numeric_limits<double>::min(), 1e30);
  return std::make_unique<BetaScorer>(alpha);
}

}  // namespace balr
