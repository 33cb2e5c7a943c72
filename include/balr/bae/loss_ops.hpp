#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>

// The operations over which the losses are written, once; implemented, as those of the step
// (step_ops.hpp), for canonical sums and for devices.
namespace balr {

struct BatchPlan;

// The classes of a batch, on the device.
struct BatchLabels {
  at::Tensor classes;        // int64 [batch]
  at::Tensor order;          // int64 [batch]: rows sorted by class, in batch order within one
  std::int64_t largest = 0;  // rows of the class that has most, or more; on the host
};

// All codes of a batch, at length 1, compared with those of this rank.
struct CodePairs {
  at::Tensor codes;          // [batch, H] of all ranks, 0 or 1
  at::Tensor inverse_norms;  // [batch]: 1 / max(length, 1e-12)
  at::Tensor distances;      // [rows, batch]: Euclidean; exactly 0 between equal codes
};

// Which triplets (anchor, positive, negative): those with above < m <= most, where m =
// d(anchor, negative) - d(anchor, positive), rounded to float32.
struct TripletRange {
  float above = -std::numeric_limits<float>::infinity();
  float most = std::numeric_limits<float>::max();
};

// An angle, radians; cosine and sine as numbers, since libraries differ in the last bit.
struct Angle {
  double radians, cosine, sine;
};

// One ArcFace layer: logits scale * cos(code, class), the row's own class turned away by `margin`.
struct ArcFaceRows {
  at::Tensor products;             // [rows, C]: codes times class vectors; replaced, see arcface()
  at::Tensor code_inverse_norms;   // [rows]
  at::Tensor class_inverse_norms;  // [C]
  at::Tensor classes;              // int64 [rows]
  at::Tensor row_weights;          // [rows]
  double scale = 64;
  Angle margin = {0, 1, 0};
};

// Matrices are float32; tensors of `rows` rows hold this rank's. Partial sums as in StepOps.
class LossOps {
 public:
  virtual ~LossOps() = default;

  // The rows of all ranks, on every rank.
  virtual at::Tensor everywhere(const at::Tensor& rows, const BatchPlan& plan,
                                const char* what) = 0;

  // Collective; only bits travel.
  virtual CodePairs code_pairs(const at::Tensor& codes, const BatchPlan& plan) = 0;
  // Collective. Integers [batch, batch], row = anchor a. Column of the same class: triplets in range
  // with that positive; of another class: with that negative; own: 0. At most 32,767 rows.
  virtual at::Tensor triplet_counts(const CodePairs& pairs, const BatchLabels& labels,
                                    const BatchPlan& plan, const TripletRange& range) = 0;
  // Partial sums [blocks, 2] over this rank's anchors: of d(a, p) - d(a, n) + margin, of 1.
  virtual void triplet_sums(const CodePairs& pairs, const at::Tensor& counts,
                            const BatchLabels& labels, double margin, const BatchPlan& plan,
                            const at::Tensor& partials) = 0;
  // The weight of each code in the gradient of the mean of these triplets, times `factor`: the
  // gradient of this rank's normalised codes is `out` [rows, batch] times the codes, up to a
  // multiple of the code itself, which normalize_rows_backward takes out.
  virtual void triplet_pull(const CodePairs& pairs, const at::Tensor& counts,
                            const BatchLabels& labels, double factor, const BatchPlan& plan,
                            const at::Tensor& out) = 0;
  // [batch]: how often each row is in the counted triplets, over the largest such number; 1 if there
  // are no triplets.
  virtual at::Tensor triplet_shares(const at::Tensor& counts, const BatchLabels& labels) = 0;

  virtual at::Tensor inverse_row_norms(const at::Tensor& x) = 0;  // 1 / max(length, 1e-12)
  virtual void scale_rows(const at::Tensor& x, const at::Tensor& factors) = 0;  // in place
  virtual void add(const at::Tensor& x, const at::Tensor& to) = 0;              // to += x
  // In place: from the gradient of x / |x| to that of x, without its factor 1 / |x| where
  // `divide` is false.
  virtual void normalize_rows_backward(const at::Tensor& grad, const at::Tensor& x,
                                       const at::Tensor& inverse_norms, bool divide) = 0;

  // Partial sums [blocks, 1] of row weight * cross entropy. If `factor` is not 0, `products` becomes
  // factor * its gradient by the cosines, times the inverse norm of each class.
  virtual void arcface(const ArcFaceRows& rows, double factor, const BatchPlan& plan,
                       const at::Tensor& partials) = 0;

  // z [batch, H] of all ranks, cut by labels.order into groups of `group_rows` rows; S = sum of z
  // over a group. Partial sums [blocks, 1] of clamp(S - targets, 0, 1)^2 over all features; a group
  // counts in the block of its first row. If `grad` is defined it becomes factor * the gradient
  // [rows, H].
  virtual void group_excess(const at::Tensor& z, const BatchLabels& labels, std::int64_t group_rows,
                            const at::Tensor& targets, double factor, const BatchPlan& plan,
                            const at::Tensor& partials, const at::Tensor& grad) = 0;
};

}  // namespace balr
