#pragma once
#include <cstdint>

#include "balr/kernels/path.hpp"
#include "balr/kernels/threads.hpp"

// Element-wise updates and sums in a fixed order: the same bytes on every processor.
namespace balr {

struct AdamSettings {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
};

// One step of torch.optim.Adam (no weight decay, not amsgrad) on n numbers, in place; step counts
// from 1. grad is only read. The operations, their order and their fused multiply-adds are those of
// torch's CPU implementation; but square roots are the nearest float, where MKL's may be off by
// one.
void adam_step(float* param, const float* grad, float* m, float* v, std::int64_t n,
               const AdamSettings& settings, std::int64_t step, const Threads& threads = {});

// The same on a chosen path, which must be supported: for tests and benchmarks.
void adam_step_on(Path path, float* param, const float* grad, float* m, float* v, std::int64_t n,
                  const AdamSettings& settings, std::int64_t step, const Threads& threads = {});

// sums[j] = x[0 * ldx + j] + x[1 * ldx + j] + ..., added in the order of the rows, from 0.
void column_sum(const float* x, std::int64_t rows, std::int64_t cols, std::int64_t ldx,
                float* sums);

// Adds `count` partial vectors of `width` numbers, stored one after the other, in one fixed tree:
// neighbours are added in pairs, then those sums in pairs, and so on; an odd last one moves up as
// it is. `partials` is overwritten; the total ends up in its first `width` numbers (0 vectors:
// nothing happens).
void tree_sum(float* partials, std::int64_t count, std::int64_t width);
void tree_sum(double* partials, std::int64_t count, std::int64_t width);

}  // namespace balr
