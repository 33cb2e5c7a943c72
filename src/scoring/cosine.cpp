#include <algorithm>
#include <bit>
#include <cmath>

#include "balr/core/error.hpp"
#include "balr/scoring/scorer.hpp"

namespace balr {
namespace {

class CosineScorer final : public Scorer {
 public:
  CosineScorer(std::int64_t attributes, double eps)
      : Scorer(ScorerKind::kCosine, attributes), eps_(eps) {}

  // A product of two cosines: half of it goes by the terms of the first, half by those of the
  // second.
  void contributions(const TrialSide& enrollment, const TrialSide& test,
                     std::span<double> out) const override {
    const Sums sums = add_up(enrollment, test);
    const double on = similarity(sums.on), off = similarity(sums.off);
    for (std::size_t a = 0; a < out.size(); ++a) {
      const double e = enrollment.active[a], t = test.active[a];
      const double e0 = enrollment.recordings - e, t0 = test.recordings - t;
      out[a] = (e * t / lengths(sums.on) * off + on * (e0 * t0 / lengths(sums.off))) / 2;
    }
  }

  double score(const TrialSide& enrollment, const TrialSide& test) const override {
    const Sums sums = add_up(enrollment, test);
    return similarity(sums.on) * similarity(sums.off);
  }

  double score_bits(std::span<const std::uint64_t> enrollment,
                    std::span<const std::uint64_t> test) const override {
    std::int64_t e = 0, t = 0, both = 0;
    for (std::size_t word = 0; word < enrollment.size(); ++word) {
      e += std::popcount(enrollment[word]);
      t += std::popcount(test[word]);
      both += std::popcount(enrollment[word] & test[word]);
    }
    const std::int64_t n = attributes();
    return similarity({both, e, t}) * similarity({n - e - t + both, n - e, n - t});
  }

 private:
  struct Products {
    std::int64_t both = 0, enrollment = 0, test = 0;  // x . y, x . x, y . y
  };
  struct Sums {
    Products on, off;
  };

  Sums add_up(const TrialSide& enrollment, const TrialSide& test) const {
    check_sides(enrollment, test);
    Sums sums;
    const auto add = [](Products& p, std::int64_t x, std::int64_t y) {
      p.both += x * y;
      p.enrollment += x * x;
      p.test += y * y;
    };
    for (std::size_t a = 0; a < enrollment.active.size(); ++a) {
      add(sums.on, enrollment.active[a], test.active[a]);
      add(sums.off, enrollment.recordings - enrollment.active[a], test.recordings - test.active[a]);
    }
    return sums;
  }

  double lengths(const Products& p) const {
    return std::max(std::sqrt(static_cast<double>(p.enrollment)), eps_) *
           std::max(std::sqrt(static_cast<double>(p.test)), eps_);
  }
  double similarity(const Products& p) const { return static_cast<double>(p.both) / lengths(p); }

  double eps_;
};

}  // namespace

std::unique_ptr<Scorer> make_cosine_scorer(std::int64_t attributes, double eps) {
  BALR_CHECK(attributes >= 1 && eps > 0);
  return std::make_unique<CosineScorer>(attributes, eps);
}

}  // namespace balr
