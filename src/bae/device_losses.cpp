// The losses on a device: ATen, nothing waits for it.
#include <ATen/ATen.h>

#include <algorithm>

#include "bae/device_ops.hpp"
#include "balr/core/error.hpp"
#include "balr/dist/collective.hpp"

namespace balr {
namespace {

constexpr double kLargestInverseNorm = 1e12;
constexpr std::int64_t kMostTriplets = std::int64_t{1} << 24;  // looked at together

at::Tensor inverse_norms_of(const at::Tensor& square_lengths) {
  return square_lengths.sqrt().reciprocal_().clamp_max_(kLargestInverseNorm).to(at::kFloat);
}

// For each row, the rows of its class: [batch, largest] with which of them count (another row).
struct ClassTable {
  at::Tensor rows, valid;
};

ClassTable class_table(const BatchLabels& labels, const BatchPlan& plan) {
  const Range own = plan.rows;
  const at::Tensor same = labels.classes.narrow(0, own.begin, own.size())
                              .unsqueeze(1)
                              .eq(labels.classes.unsqueeze(0));
  const auto sorted = same.to(at::kChar).sort(/*stable=*/true, /*dim=*/1, /*descending=*/true);
  const at::Tensor rows = std::get<1>(sorted).narrow(1, 0, labels.largest);
  const at::Tensor self =
      at::arange(own.begin, own.end, labels.classes.options()).unsqueeze(1);
  return {rows, std::get<0>(sorted).narrow(1, 0, labels.largest).gt(0).logical_and_(rows.ne(self))};
}

at::Tensor same_class(const BatchLabels& labels) {
  return labels.classes.unsqueeze(1).eq(labels.classes.unsqueeze(0));
}

}  // namespace

at::Tensor DeviceOps::everywhere(const at::Tensor& rows, const BatchPlan& plan, const char* what) {
  return size_ > 1 ? collective_->all_gather(rows.contiguous(), plan.rows_of_rank, what) : rows;
}

CodePairs DeviceOps::code_pairs(const at::Tensor& codes, const BatchPlan& plan) {
  CodePairs pairs;
  pairs.codes = codes;
  if (size_ > 1) {  // 31 bits to a number, so that none is negative
    constexpr std::int64_t kBits = 31;
    const std::int64_t h = codes.size(1), words = (h + kBits - 1) / kBits;
    const at::Tensor powers =
        at::bitwise_left_shift(at::ones({}, codes.options().dtype(at::kInt)),
                               at::arange(kBits, codes.options().dtype(at::kInt)));
    const at::Tensor bits = (at::constant_pad_nd(codes.to(at::kInt), {0, words * kBits - h})
                                 .view({codes.size(0), words, kBits}) *
                             powers)
                                .sum(2, false, at::kInt);
    pairs.codes = everywhere(bits, plan, "codes")
                      .unsqueeze(2)
                      .bitwise_and(powers)
                      .ne(0)
                      .view({plan.batch, words * kBits})
                      .narrow(1, 0, h)
                      .to(at::kFloat);
  }
  // Exact: integers of float32.
  const at::Tensor ones = pairs.codes.sum(1, false, at::kDouble);
  pairs.inverse_norms = inverse_norms_of(ones);
  const at::Tensor inverse = at::where(ones.gt(0), ones.rsqrt(), at::zeros_like(ones)),
                   square = ones.gt(0).to(at::kDouble);
  const auto own = [&](const at::Tensor& t) {
    return t.narrow(0, plan.rows.begin, plan.rows.size()).unsqueeze(1);
  };
  const at::Tensor cosines =
      codes.mm(pairs.codes.t()).to(at::kDouble).mul_(inverse).mul_(own(inverse));
  const at::Tensor squares = (own(square) + square).sub_(cosines, 2);
  pairs.distances =
      squares.masked_fill_(squares.lt(1e-12), 0.0).to(at::kFloat).sqrt_();
  return pairs;
}

at::Tensor DeviceOps::triplet_counts(const CodePairs& pairs, const BatchLabels& labels,
                                     const BatchPlan& plan, const TripletRange& range) {
  const std::int64_t rows = plan.rows.size(), batch = plan.batch;
  const ClassTable table = class_table(labels, plan);
  const at::Tensor& d = pairs.distances;
  const at::Tensor others = labels.classes.narrow(0, plan.rows.begin, rows)
                                .unsqueeze(1)
                                .ne(labels.classes.unsqueeze(0))
                                .unsqueeze(1);
  const at::Tensor positives = d.gather(1, table.rows);
  const at::Tensor counts = at::zeros({rows, batch}, d.options().dtype(at::kInt));
  const std::int64_t together =
      std::max<std::int64_t>(1, kMostTriplets / std::max<std::int64_t>(1, rows * batch));
  for (std::int64_t p = 0; p < labels.largest; p += together) {
    const std::int64_t n = std::min(together, labels.largest - p);
    const at::Tensor m = d.unsqueeze(1) - positives.narrow(1, p, n).unsqueeze(2);
    const at::Tensor hits = m.le(range.most)
                                .logical_and_(m.gt(range.above))
                                .logical_and_(others)
                                .logical_and_(table.valid.narrow(1, p, n).unsqueeze(2));
    counts.add_(hits.sum(1, false, at::kInt));
    at::Tensor target = counts;
    target.scatter_add_(1, table.rows.narrow(1, p, n), hits.sum(2, false, at::kInt));
  }
  return everywhere(counts, plan, "triplets");
}

void DeviceOps::triplet_sums(const CodePairs& pairs, const at::Tensor& counts,
                             const BatchLabels& labels, double margin, const BatchPlan& plan,
                             const at::Tensor& partials) {
  const auto own = [&](const at::Tensor& t) {
    return t.narrow(0, plan.rows.begin, plan.rows.size());
  };
  const at::Tensor same = own(same_class(labels)), mine = own(counts).to(at::kDouble);
  const at::Tensor triplets = mine * same;
  const at::Tensor signs = same.to(at::kDouble).mul_(2).sub_(1);
  const at::Tensor sums = (mine * signs * pairs.distances).add_(triplets, margin);
  sum_blocks(sums, plan, partials.select(1, 0));
  sum_blocks(triplets, plan, partials.select(1, 1));
}

void DeviceOps::triplet_pull(const CodePairs& pairs, const at::Tensor& counts,
                             const BatchLabels& labels, double factor, const BatchPlan& plan,
                             const at::Tensor& out) {
  const auto own = [&](const at::Tensor& t) {
    return t.narrow(0, plan.rows.begin, plan.rows.size());
  };
  const at::Tensor same = same_class(labels);
  const at::Tensor number = (counts * same).sum(at::kDouble).clamp_min_(1.0);
  const at::Tensor both = own(counts + counts.t()).to(at::kFloat);
  const at::Tensor signs = own(same).to(at::kFloat).mul_(-2).add_(1);
  const at::Tensor& d = pairs.distances;
  at::Tensor to = out;
  at::mul_out(to, both * signs, pairs.inverse_norms * (number.reciprocal() * factor).to(at::kFloat));
  to.div_(d).masked_fill_(d.eq(0), 0.0);
}

at::Tensor DeviceOps::triplet_shares(const at::Tensor& counts, const BatchLabels& labels) {
  const at::Tensor times =
      (counts.sum(0) + (counts * same_class(labels)).sum(1)).to(at::kFloat);
  const at::Tensor most = times.max();
  return at::where(most.gt(0), times / most, at::ones_like(times));
}

at::Tensor DeviceOps::inverse_row_norms(const at::Tensor& x) {
  return inverse_norms_of(x.square().sum(1));
}

void DeviceOps::scale_rows(const at::Tensor& x, const at::Tensor& factors) {
  x.mul_(factors.unsqueeze(1));
}

void DeviceOps::add(const at::Tensor& x, const at::Tensor& to) { to.add_(x); }

void DeviceOps::normalize_rows_backward(const at::Tensor& grad, const at::Tensor& x,
                                        const at::Tensor& inverse_norms, bool divide) {
  const at::Tensor inverses = inverse_norms.unsqueeze(1);
  const at::Tensor unit = x * inverses;
  grad.sub_(unit * (grad * unit).sum(1, /*keepdim=*/true));
  if (divide) grad.mul_(inverses);
}

void DeviceOps::arcface(const ArcFaceRows& in, double factor, const BatchPlan& plan,
                        const at::Tensor& partials) {
  const at::Tensor rows = in.row_weights, own = in.classes.unsqueeze(1);
  const at::Tensor cosines =
      in.products * in.code_inverse_norms.unsqueeze(1) * in.class_inverse_norms;
  const at::Tensor c = cosines.gather(1, own).clamp_(-1.0, 1.0);
  const at::Tensor sine = (1.0 - c.square()).sqrt_();
  const at::Tensor turns = c.ge(-in.margin.cosine);
  const at::Tensor turned = at::where(turns, c * in.margin.cosine - sine * in.margin.sine,
                                      c - in.margin.radians * in.margin.sine);
  const at::Tensor logits = cosines.scatter(1, own, turned).mul_(in.scale);
  const at::Tensor log_probabilities = at::log_softmax(logits, 1);
  const at::Tensor entropies = log_probabilities.gather(1, own).squeeze(1).neg();
  sum_blocks(entropies * rows, plan, partials.select(1, 0));
  if (factor == 0.0) return;
  const at::Tensor slope = at::where(
      turns, c * in.margin.sine / sine.clamp_min(1e-6) + in.margin.cosine, at::ones_like(c));
  at::Tensor grad = log_probabilities.exp();
  grad.scatter_(1, own, grad.gather(1, own).sub_(1.0).mul_(slope));
  in.products.copy_(
      grad.mul_((rows * (factor * in.scale)).unsqueeze(1)).mul_(in.class_inverse_norms));
}

void DeviceOps::group_excess(const at::Tensor& z, const BatchLabels& labels,
                             std::int64_t group_rows, const at::Tensor& targets, double factor,
                             const BatchPlan& plan, const at::Tensor& partials,
                             const at::Tensor& grad) {
  const std::int64_t h = z.size(1), groups = plan.batch / group_rows;
  const at::Tensor sums = z.index_select(0, labels.order)
                              .view({groups, group_rows, h})
                              .sum(1, false, at::kDouble);
  const at::Tensor raw = sums - targets, excess = raw.clamp(0.0, 1.0);
  const at::Tensor first = labels.order.view({groups, group_rows}).select(1, 0);
  const at::Tensor squares = excess.square().sum(1);
  for (std::int64_t block = 0; block < partials.size(0); ++block) {
    const std::int64_t begin = plan.rows.begin + block * plan.block_rows;
    const std::int64_t end = std::min(begin + plan.block_rows, plan.rows.end);
    const at::Tensor mine = first.ge(begin).logical_and_(first.lt(end));
    partials.select(0, block).copy_((squares * mine).sum().unsqueeze(0));
  }
  if (!grad.defined()) return;
  const at::Tensor slope = excess.masked_fill(raw.gt(1.0), 0.0).mul_(2 * factor).to(at::kFloat);
  const at::Tensor all = at::empty_like(z);
  all.index_copy_(0, labels.order, slope.unsqueeze(1).expand({groups, group_rows, h}).reshape({plan.batch, h}));
  grad.copy_(all.narrow(0, plan.rows.begin, plan.rows.size()));
}

}  // namespace balr
