// The optimizer's part of the canonical operations: each rank updates the weights of its own output
// features.
#include <ATen/ATen.h>

#include <atomic>
#include <cmath>
#include <cstring>

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

void CanonicalOps::adam(const at::Tensor& parameters, const at::Tensor& gradients,
                        const AdamMoments& moments, std::span<const Range> owned,
                        double learning_rate, const at::Tensor& allowed) {
  if (!allowed.item<bool>()) return;
  double* step = doubles_of(moments.step);
  *step += 1.0;
  float *p = floats_of(parameters), *m = floats_of(moments.exp_avg),
        *v = floats_of(moments.exp_avg_sq);
  const float* g = floats_of(gradients);
  for (const Range& range : owned)
    adam_step(p + range.begin, g + range.begin, m + range.begin, v + range.begin, range.size(),
              {.lr = learning_rate}, static_cast<std::int64_t>(*step), threads_);
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
