#pragma once
#include "balr/bae/step_ops.hpp"

namespace balr {

// ATen on any device. Each rank sums weight gradients over its own rows; one flat buffer of them is
// added over the ranks, and every rank updates all weights. Nothing here waits for the device.
class DeviceOps : public StepOps {
 public:
  explicit DeviceOps(Collective* collective);

  BatchPlan plan(std::int64_t batch) const override;
  BatchPlan plan(std::int64_t rows, std::int64_t block_rows) const override;
  Range features(std::int64_t outputs, int) const override { return {0, outputs}; }
  void product(const at::Tensor& a, const at::Tensor& b, const at::Tensor& bias,
               const at::Tensor& out) override;
  void relu(const at::Tensor& x) override;
  void tanh(const at::Tensor& x) override;
  void codes(const at::Tensor& z, const at::Tensor& out) override;
  void tanh_backward(const at::Tensor& grad, const at::Tensor& y) override;
  void straight_through(const at::Tensor& grad_codes, const at::Tensor& grad_z, const at::Tensor& z,
                        const at::Tensor& out) override;
  void difference(const at::Tensor& a, const at::Tensor& b, double factor,
                  const at::Tensor& out) override;
  void moments(const at::Tensor& x, const BatchPlan& plan, const at::Tensor& partials) override;
  BatchStatistics statistics(const at::Tensor& totals, std::int64_t batch) override;
  at::Tensor inverse_deviation(const at::Tensor& variance) override;
  void normalize(const at::Tensor& x, const BatchStatistics& of, const at::Tensor& gamma,
                 const at::Tensor& beta, const at::Tensor& out) override;
  void normalize_sums(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& mean,
                      const BatchPlan& plan, const at::Tensor& partials) override;
  void normalize_backward(const at::Tensor& grad, const at::Tensor& x, const BatchStatistics& of,
                          const at::Tensor& gamma, const at::Tensor& totals, std::int64_t batch,
                          const at::Tensor& out) override;
  void normalize_parameter_grads(const at::Tensor& totals, const BatchStatistics& of,
                                 const at::Tensor& grad_gamma,
                                 const at::Tensor& grad_beta) override;
  void update_running(const BatchStatistics& of, std::int64_t batch, const at::Tensor& allowed,
                      const at::Tensor& running_mean, const at::Tensor& running_var,
                      const at::Tensor& batches_tracked) override;
  void square_difference(const at::Tensor& a, const at::Tensor& b, const BatchPlan& plan,
                         const at::Tensor& partials) override;
  at::Tensor total(const at::Tensor& partials, const BatchPlan& plan, const char* what) override;
  at::Tensor gather(const at::Tensor& rows, const BatchPlan&, const char*) override { return rows; }
  bool gathers() const override { return false; }
  void pack_codes(const at::Tensor& codes, const at::Tensor& out) override;
  void unpack_codes(const at::Tensor& bits, const at::Tensor& out) override;
  void column_sums(const at::Tensor& x, const BatchPlan& plan, const at::Tensor& out) override;
  bool holds_all_gradients() const override { return true; }
  at::Tensor square_sums(const at::Tensor& x) override;
  at::Tensor root_of_features(std::span<const at::Tensor> parts,
                             std::span<const std::int64_t> outputs, const char* what) override;
  void reduce_gradients(const at::Tensor& flat) override;
  at::Tensor update_allowed(const at::Tensor& flat, std::span<const Range> owned,
                            const at::Tensor& loss) override;
  void adam(std::span<const AdamPart> parts, const at::Tensor& step,
            const at::Tensor& learning_rate, const at::Tensor& allowed) override;
  void finish(const char* what) override;
  void share(std::span<const at::Tensor>, std::span<const std::vector<Range>>,
             const char*) override {}
  at::Tensor everywhere(const at::Tensor& rows, const BatchPlan& plan, const char* what) override;
  CodePairs code_pairs(const at::Tensor& codes, const BatchPlan& plan) override;
  at::Tensor triplet_counts(const CodePairs& pairs, const BatchLabels& labels,
                            const BatchPlan& plan, const TripletRange& range) override;
  void triplet_sums(const CodePairs& pairs, const at::Tensor& counts, const BatchLabels& labels,
                    double margin, const BatchPlan& plan, const at::Tensor& partials) override;
  void triplet_pull(const CodePairs& pairs, const at::Tensor& counts, const BatchLabels& labels,
                    double factor, const BatchPlan& plan, const at::Tensor& out) override;
  at::Tensor triplet_shares(const at::Tensor& counts, const BatchLabels& labels) override;
  at::Tensor inverse_row_norms(const at::Tensor& x) override;
  void scale_rows(const at::Tensor& x, const at::Tensor& factors) override;
  void add(const at::Tensor& x, const at::Tensor& to) override;
  void normalize_rows_backward(const at::Tensor& grad, const at::Tensor& x,
                               const at::Tensor& inverse_norms, bool divide) override;
  void arcface(const ArcFaceRows& rows, double factor, const BatchPlan& plan,
               const at::Tensor& partials) override;
  void group_excess(const at::Tensor& z, const BatchLabels& labels, std::int64_t group_rows,
                    const at::Tensor& targets, double factor, const BatchPlan& plan,
                    const at::Tensor& partials, const at::Tensor& grad) override;
  int rank() const override { return rank_; }
  int size() const override { return size_; }

 protected:
  static void sum_blocks(const at::Tensor& values, const BatchPlan& plan, const at::Tensor& out);

  Collective* collective_;
  int rank_, size_;
};

// The same bytes on any number of ranks with GPUs of one type: ATen's kernels depend on shapes, so
// all work on rows is done in blocks of kBlockRows, whoever owns them; what ranks found is gathered
// and added by all in one shape; every rank computes all weight gradients, from all rows.
class CanonicalDeviceOps : public DeviceOps {
 public:
  static constexpr std::int64_t kBlockRows = 64;
  using DeviceOps::DeviceOps;

  BatchPlan plan(std::int64_t batch) const override { return plan(batch, kBlockRows); }
  BatchPlan plan(std::int64_t rows, std::int64_t block_rows) const override;
  void product(const at::Tensor& a, const at::Tensor& b, const at::Tensor& bias,
               const at::Tensor& out) override;
  at::Tensor total(const at::Tensor& partials, const BatchPlan& plan, const char* what) override;
  at::Tensor gather(const at::Tensor& rows, const BatchPlan& plan, const char* what) override;
  bool gathers() const override { return true; }  // one rank too: the same shapes and strides
  void pack_codes(const at::Tensor& codes, const at::Tensor& out) override;
  void unpack_codes(const at::Tensor& bits, const at::Tensor& out) override;
  void reduce_gradients(const at::Tensor&) override {}
  void normalize_rows_backward(const at::Tensor& grad, const at::Tensor& x,
                               const at::Tensor& inverse_norms, bool divide) override;
};

std::unique_ptr<StepOps> make_canonical_device_ops(Collective* collective);

}  // namespace balr
