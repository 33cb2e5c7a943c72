#include "balr/kernels/vector_math.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/simd_kernels.hpp"

namespace balr {
namespace {

using detail::AdamScalars;

AdamScalars adam_scalars(const AdamSettings& s, std::int64_t step) {
  const double correction1 = 1.0 - std::pow(s.beta1, static_cast<double>(step));
  const double correction2 = 1.0 - std::pow(s.beta2, static_cast<double>(step));
  return {static_cast<float>(1.0 - s.beta1), static_cast<float>(s.beta2),
          static_cast<float>(1.0 - s.beta2), static_cast<float>(std::sqrt(correction2)),
          static_cast<float>(s.eps),         static_cast<float>(-(s.lr / correction1))};
}

// What the other paths are compared with.
void plain_adam(float* param, const float* grad, float* m, float* v, std::int64_t n,
                const AdamScalars& s) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float g = grad[i];
    m[i] = std::fma(s.lerp_weight, g - m[i], m[i]);
    v[i] = std::fma(s.square_weight * g, g, v[i] * s.beta2);
    const float denominator = std::sqrt(v[i]) / s.root_correction + s.eps;
    param[i] = param[i] + (s.step_size * m[i]) / denominator;
  }
}

template <class T>
void tree(T* partials, std::int64_t count, std::int64_t width) {
  for (std::int64_t step = 1; step < count; step *= 2)
    for (std::int64_t i = 0; i + step < count; i += 2 * step)
      for (std::int64_t j = 0; j < width; ++j)
        partials[i * width + j] += partials[(i + step) * width + j];
}

}  // namespace

void adam_step(float* param, const float* grad, float* m, float* v, std::int64_t n,
               const AdamSettings& settings, std::int64_t step, const Threads& threads) {
  adam_step_on(active_path(), param, grad, m, v, n, settings, step, threads);
}

void adam_step_on(Path path, float* param, const float* grad, float* m, float* v, std::int64_t n,
                  const AdamSettings& settings, std::int64_t step, const Threads& threads) {
  const AdamScalars scalars = adam_scalars(settings, step);
  const detail::SerialAdam run =
      path == Path::kPlain ? plain_adam : detail::require(detail::simd_kernels(path), path).adam;
  constexpr std::int64_t kWorthAThread = 1 << 15;
  const std::int64_t pieces =
      threads.run ? std::clamp<std::int64_t>(n / kWorthAThread, 1, std::max(threads.count, 1)) : 1;
  if (pieces == 1) return run(param, grad, m, v, n, scalars);
  threads.run(pieces, [&](std::int64_t p) {
    const std::int64_t begin = n * p / pieces, end = n * (p + 1) / pieces;
    run(param + begin, grad + begin, m + begin, v + begin, end - begin, scalars);
  });
}

void column_sum(const float* x, std::int64_t rows, std::int64_t cols, std::int64_t ldx,
                float* sums) {
  std::fill(sums, sums + cols, 0.0f);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < cols; ++j) sums[j] += x[i * ldx + j];
}

void tree_sum(float* partials, std::int64_t count, std::int64_t width) {
  tree(partials, count, width);
}
void tree_sum(double* partials, std::int64_t count, std::int64_t width) {
  tree(partials, count, width);
}

}  // namespace balr
