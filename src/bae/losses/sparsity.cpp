#include <ATen/ATen.h>

#include "balr/bae/loss.hpp"
#include "balr/core/error.hpp"
#include "balr/core/rng.hpp"

namespace balr {
namespace {

class SparsityLoss : public Loss {
 public:
  SparsityLoss(const SparsitySettings& s, std::int64_t internal_dim)
      : Loss(s.weight), group_rows_(s.group_rows), differentiable_(s.differentiable) {
    BALR_CHECK(group_rows_ >= 1);
    targets_ = at::tensor(legacy_numpy_randint(static_cast<std::uint32_t>(s.seed),
                                               static_cast<std::uint64_t>(group_rows_),
                                               internal_dim),
                          at::kLong)
                   .to(at::kDouble);
  }

  std::string name() const override { return "Sparsity"; }
  bool needs_labels() const override { return true; }
  at::Tensor constants() const override { return targets_; }

  void compute(const LossInput& in, StepOps& ops, const at::Tensor& partials,
               LossGradients* gradients) const override {
    const bool backward = gradients && differentiable_;
    BALR_CHECK(!backward || !gradients->z.written);  // no other loss looks at Z
    ops.group_excess(ops.everywhere(in.z, in.plan, "Z"), *in.labels, group_rows_,
                     in.constants, weight() / groups(in.plan.batch), in.plan,
                     partials, backward ? gradients->z.value : at::Tensor());
    if (backward) gradients->z.written = true;
  }

  at::Tensor value(const at::Tensor& totals, std::int64_t batch, std::int64_t) const override {
    return totals.select(0, 0) / groups(batch);
  }

  void check(const BatchLabels& labels) const override {
    const std::int64_t batch = labels.classes.size(0);
    const std::int64_t* classes = labels.classes.const_data_ptr<std::int64_t>();
    const std::int64_t* order = labels.order.const_data_ptr<std::int64_t>();
    for (std::int64_t begin = 0; begin < batch; begin += group_rows_) {
      const std::int64_t last = begin + group_rows_ - 1;
      if (last >= batch || classes[order[begin]] != classes[order[last]])
        throw DataError(
            "the sparsity loss takes the rows of each speaker in groups of "
            "data.M_samples_per_class (" +
            std::to_string(group_rows_) +
            "), but a batch has another number of some speaker's rows; use an N x M sampler");
    }
  }

 private:
  double groups(std::int64_t batch) const {
    return static_cast<double>(batch / group_rows_);
  }

  std::int64_t group_rows_;
  bool differentiable_;
  at::Tensor targets_;  // float64 [H]
};

}  // namespace

std::shared_ptr<const Loss> make_sparsity_loss(const SparsitySettings& settings,
                                               std::int64_t internal_dim) {
  return std::make_shared<SparsityLoss>(settings, internal_dim);
}

}  // namespace balr
