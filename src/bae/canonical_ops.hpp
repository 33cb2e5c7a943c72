#pragma once
#include <functional>

#include "balr/bae/step_ops.hpp"

namespace balr {

class CanonicalOps : public StepOps {
 public:
  CanonicalOps(Collective* collective, const Threads& threads);

  BatchPlan plan(std::int64_t batch) const override;
  BatchPlan plan(std::int64_t rows, std::int64_t block_rows) const override;
  Range features(std::int64_t outputs, int of_rank) const override;
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
  at::Tensor gather(const at::Tensor& rows, const BatchPlan& plan, const char* what) override;
  bool gathers() const override { return size_ > 1; }
  void pack_codes(const at::Tensor& codes, const at::Tensor& out) override;
  void unpack_codes(const at::Tensor& bits, const at::Tensor& out) override;
  void column_sums(const at::Tensor& x, const BatchPlan& plan, const at::Tensor& out) override;
  at::Tensor square_sums(const at::Tensor& x) override;
  at::Tensor root_of_features(std::span<const at::Tensor> parts,
                             std::span<const std::int64_t> outputs, const char* what) override;
  void reduce_gradients(const at::Tensor&) override {
  }  // each rank has summed its features over all rows
  at::Tensor update_allowed(const at::Tensor& flat, std::span<const Range> owned,
                            const at::Tensor& loss) override;
  void adam(std::span<const AdamPart> parts, const at::Tensor& step,
            const at::Tensor& learning_rate, const at::Tensor& allowed) override;
  void share(std::span<const at::Tensor> flats, std::span<const std::vector<Range>> owned,
             const char* what) override;
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

 private:
  void for_rows(std::int64_t rows, const std::function<void(std::int64_t)>& job) const;
  // Per block of `block_rows` of `rows`: job(block, first row, one past the last).
  void for_blocks(std::int64_t rows, std::int64_t block_rows,
                  const std::function<void(std::int64_t, std::int64_t, std::int64_t)>& job) const;

  Collective* collective_;
  Threads threads_;
  int rank_, size_;
};

}  // namespace balr
