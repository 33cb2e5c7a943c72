#include <ATen/ATen.h>

#include "bae/losses/accumulate.hpp"
#include "balr/bae/loss.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

constexpr double kScale = 64.0;
constexpr Angle kAngle = {0.4991641660703783, 0.8779829754279805, 0.4786918579406068};  // 28.6 degrees

class ArcFaceLoss : public Loss {
 public:
  explicit ArcFaceLoss(const ArcFaceSettings& s)
      : Loss(s.weight), range_(mined(s.type, s.margin)), classes_(s.classes) {
    BALR_CHECK(classes_ >= 1);
  }

  std::string name() const override { return "ArcFace"; }
  bool needs_labels() const override { return true; }
  bool needs_pairs() const override { return true; }
  std::int64_t head_rows() const override { return classes_; }

  void compute(const LossInput& in, StepOps& ops, const at::Tensor& partials,
               LossGradients* gradients) const override {
    const Range own = in.plan.rows;
    const auto mine = [&](const at::Tensor& of_batch) {
      return of_batch.narrow(0, own.begin, own.size());
    };
    const at::Tensor counts = ops.triplet_counts(*in.pairs, *in.labels, in.plan, range_);
    const at::Tensor shares = ops.triplet_shares(counts, *in.labels);
    const at::Tensor products = at::empty({own.size(), classes_}, in.codes.options());
    ops.product(in.codes, in.head.t(), {}, products);
    const ArcFaceRows rows{.products = products,
                           .code_inverse_norms = mine(in.pairs->inverse_norms),
                           .class_inverse_norms = ops.inverse_row_norms(in.head),
                           .classes = mine(in.labels->classes),
                           .row_weights = mine(shares),
                           .scale = kScale,
                           .margin = kAngle};
    const double mean = 1.0 / static_cast<double>(in.plan.batch);
    const bool backward = gradients && weight() != 0.0;
    ops.arcface(rows, backward ? weight() * mean : 0.0, in.plan, partials);
    if (backward) add_gradients(in, ops, rows, *gradients);
  }

  at::Tensor value(const at::Tensor& totals, std::int64_t batch, std::int64_t) const override {
    return totals.select(0, 0) / static_cast<double>(batch);
  }

 private:
  // Both from the gradient of the cosines, divided by the length of each class vector; that length
  // comes back in where the gradient of the vectors at length 1 becomes that of the vectors.
  void add_gradients(const LossInput& in, StepOps& ops, const ArcFaceRows& rows,
                     LossGradients& gradients) const {
    add_product(ops, rows.products, in.head, gradients.unit_codes);
    ops.scale_rows(rows.products, rows.code_inverse_norms);
    const at::Tensor all = ops.gather(rows.products, in.plan, "gradients by class");
    const Range classes = ops.features(classes_, ops.rank());
    const auto own = [&](const at::Tensor& t) {
      return t.narrow(0, classes.begin, classes.size());
    };
    ops.product(all.narrow(1, classes.begin, classes.size()).t(),
                ops.gathers() ? in.pairs->codes : in.codes, {}, own(gradients.head));
    ops.normalize_rows_backward(own(gradients.head), own(in.head),
                                own(rows.class_inverse_norms), /*divide=*/false);
  }

  TripletRange range_;
  std::int64_t classes_;
};

}  // namespace

std::shared_ptr<const Loss> make_arcface_loss(const ArcFaceSettings& settings) {
  return std::make_shared<ArcFaceLoss>(settings);
}

at::Tensor draw_arcface_head(std::int64_t classes, std::int64_t internal_dim,
                             at::Generator& generator) {
  // The Python balr holds one class in each column.
  return at::empty({internal_dim, classes}, at::kFloat)
      .normal_(0.0, 1.0, generator)
      .t()
      .contiguous();
}

}  // namespace balr
