#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "bae/losses/accumulate.hpp"
#include "balr/bae/loss.hpp"
#include "balr/core/error.hpp"

namespace balr {

TripletType triplet_type(std::string_view name) {
  if (name == "all") return TripletType::kAll;
  if (name == "hard") return TripletType::kHard;
  if (name == "semihard") return TripletType::kSemihard;
  if (name == "easy") return TripletType::kEasy;
  throw ConfigError("type_of_triplets=" + std::string(name) +
                    " is unknown; use all, hard, semihard or easy");
}

TripletRange mined(TripletType type, double margin) {
  const float most = static_cast<float>(margin);
  switch (type) {
    case TripletType::kAll: return {.most = most};
    case TripletType::kHard: return {.most = std::min(most, 0.0f)};
    case TripletType::kSemihard: return {.above = 0.0f, .most = most};
    case TripletType::kEasy: return {.above = most};
  }
  throw InternalError("no such type of triplets");
}

namespace {

class TripletLoss : public Loss {
 public:
  explicit TripletLoss(const TripletSettings& s)
      : Loss(s.weight), margin_(static_cast<float>(s.loss_margin)), range_(mined(s.type, s.margin)) {
    // Those whose loss is positive, m < margin: the others count in neither sum nor mean.
    range_.most = std::min(range_.most,
                           std::nextafter(margin_, -std::numeric_limits<float>::infinity()));
  }

  std::string name() const override { return "Triplet"; }
  bool needs_labels() const override { return true; }
  bool needs_pairs() const override { return true; }
  std::int64_t columns() const override { return 2; }

  void compute(const LossInput& in, StepOps& ops, const at::Tensor& partials,
               LossGradients* gradients) const override {
    const at::Tensor counts = ops.triplet_counts(*in.pairs, *in.labels, in.plan, range_);
    ops.triplet_sums(*in.pairs, counts, *in.labels, margin_, in.plan, partials);
    if (!gradients) return;
    const at::Tensor pull = at::empty({in.plan.rows.size(), in.plan.batch}, in.codes.options());
    ops.triplet_pull(*in.pairs, counts, *in.labels, weight(), in.plan, pull);
    add_product(ops, pull, in.pairs->codes, gradients->unit_codes);
  }

  at::Tensor value(const at::Tensor& totals, std::int64_t, std::int64_t) const override {
    return totals.select(0, 0) / totals.select(0, 1).clamp_min(1.0);
  }

 private:
  float margin_;
  TripletRange range_;
};

}  // namespace

std::shared_ptr<const Loss> make_triplet_loss(const TripletSettings& settings) {
  return std::make_shared<TripletLoss>(settings);
}

}  // namespace balr
