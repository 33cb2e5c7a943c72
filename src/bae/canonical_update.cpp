// The optimizer's part of the canonical operations: each rank updates the weights of its own output
// features.
#include <ATen/ATen.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <vector>

#include "bae/canonical_ops.hpp"
#include "bae/element_wise.hpp"
#include "bae/rows.hpp"
#include "balr/dist/collective.hpp"
#include "balr/kernels/vector_math.hpp"

namespace balr {
namespace {

// Far beyond any useful gradient, and its square does not overflow in Adam's second moment.
constexpr float kLargestGradient = 1e18f;

std::int64_t total_size(std::span<const Range> ranges) {
  std::int64_t size = 0;
  for (const Range& range : ranges) size += range.size();
  return size;
}

}  // namespace

at::Tensor CanonicalOps::square_sums(const at::Tensor& x) {
  const at::Tensor sums = at::empty({x.size(0)}, at::kDouble);
  for_rows(x.size(0), [v = rows_of(x), o = doubles_of(sums)](std::int64_t i) {
    o[i] = element_wise::dot(v[i], v[i], v.cols);
  });
  return sums;
}

// Gathered by rank, each rank's parts one after the other; added in the order of parts and features.
at::Tensor CanonicalOps::root_of_features(std::span<const at::Tensor> parts,
                                         std::span<const std::int64_t> outputs, const char* what) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(size_));
  for (int rank = 0; rank < size_; ++rank)
    for (const std::int64_t n : outputs)
      counts[static_cast<std::size_t>(rank)] += features(n, rank).size();
  const at::Tensor mine = at::cat(std::vector<at::Tensor>(parts.begin(), parts.end()));
  const at::Tensor all = size_ > 1 ? collective_->all_gather(mine, counts, what) : mine;
  std::vector<double> ordered;
  for (std::size_t part = 0; part < outputs.size(); ++part) {
    const double* from = doubles_of(all);
    for (int rank = 0; rank < size_; ++rank)
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        const std::int64_t n = features(outputs[i], rank).size();
        if (i == part) ordered.insert(ordered.end(), from, from + n);
        from += n;
      }
  }
  tree_sum(ordered.data(), static_cast<std::int64_t>(ordered.size()), 1);
  return at::scalar_tensor(std::sqrt(ordered.at(0)), at::kDouble);
}

at::Tensor CanonicalOps::update_allowed(const at::Tensor& flat, std::span<const Range> owned,
                                        const at::Tensor& loss) {
  const float* g = floats_of(flat);
  std::atomic<bool> good = std::isfinite(loss.item<double>());
  for (const Range& range : owned) {
    constexpr std::int64_t kPiece = 1 << 14;
    for_blocks(range.size(), kPiece, [&](auto, auto begin, auto end) {
      if (!element_wise::within(g + range.begin + begin, kLargestGradient, end - begin))
        good = false;
    });
  }
  at::Tensor bad = at::full({1}, good ? 0.0 : 1.0, at::kDouble);
  if (size_ > 1) collective_->all_reduce_sum(bad, "finite gradients");
  return at::scalar_tensor(bad.item<double>() == 0.0, at::kBool);
}

void CanonicalOps::adam(std::span<const AdamPart> parts, const at::Tensor& step,
                        const at::Tensor& learning_rate, const at::Tensor& allowed) {
  if (!allowed.item<bool>()) return;
  double* number = doubles_of(step);
  *number += 1.0;
  const double rate = learning_rate.item<double>();
  for (const AdamPart& part : parts) {
    float *p = floats_of(part.parameters), *m = floats_of(part.exp_avg),
          *v = floats_of(part.exp_avg_sq);
    const float* g = floats_of(part.gradients);
    for (const Range& range : part.owned)
      adam_step(p + range.begin, g + range.begin, m + range.begin, v + range.begin, range.size(),
                {.lr = rate}, static_cast<std::int64_t>(*number), threads_);
  }
}

void CanonicalOps::share(std::span<const at::Tensor> flats,
                         std::span<const std::vector<Range>> owned, const char* what) {
  if (size_ == 1) return;
  std::vector<std::int64_t> sizes;
  for (const auto& ranges : owned)
    sizes.push_back(total_size(ranges) * static_cast<std::int64_t>(flats.size()));
  at::Tensor mine = at::empty({sizes[static_cast<std::size_t>(rank_)]}, at::kFloat);
  float* to = floats_of(mine);
  for (const at::Tensor& flat : flats)
    for (const Range& range : owned[static_cast<std::size_t>(rank_)])
      to = std::copy(floats_of(flat) + range.begin, floats_of(flat) + range.end, to);
  const at::Tensor all = collective_->all_gather(mine, sizes, what);
  const float* from = floats_of(all);
  for (const auto& ranges : owned)
    for (const at::Tensor& flat : flats)
      for (const Range& range : ranges) {
        std::copy(from, from + range.size(), floats_of(flat) + range.begin);
        from += range.size();
      }
}

}  // namespace balr
