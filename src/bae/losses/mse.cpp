#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include "balr/bae/loss.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

class MseLoss : public Loss {
 public:
  using Loss::Loss;
  std::string name() const override { return "MSE"; }

  void compute(const LossInput& in, StepOps& ops, const at::Tensor& partials,
               LossGradients* gradients) const override {
    ops.square_difference(in.recon, in.x, in.plan, partials);
    if (!gradients) return;
    const double factor = 2.0 * weight() * scale(in.plan.batch, in.x.size(1));
    BALR_CHECK(!gradients->recon.written);  // no other loss looks at the reconstruction
    ops.difference(in.recon, in.x, factor, gradients->recon.value);
    gradients->recon.written = true;
  }

  at::Tensor value(const at::Tensor& totals, std::int64_t batch,
                   std::int64_t input_dim) const override {
    return totals.select(0, 0) * scale(batch, input_dim);
  }

 private:
  static double scale(std::int64_t batch, std::int64_t input_dim) {
    return 1.0 / (static_cast<double>(batch) * static_cast<double>(input_dim));
  }
};

}  // namespace

std::shared_ptr<const Loss> make_mse_loss(double weight) {
  return std::make_shared<MseLoss>(weight);
}

}  // namespace balr
