#include "doctor/all_reduce.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "balr/dist/collective.hpp"
#include "balr/dist/world.hpp"

namespace balr {
namespace {

constexpr int kRepeats = 20;

// Rank r gives r + i at place i: the sum is known, and no two places or ranks can be exchanged unseen.
bool known_sum(Collective& collective, const c10::Device& device) {
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  const std::int64_t count = 1000;
  at::Tensor values = at::arange(count, options) + collective.rank();
  collective.all_reduce_sum(values, "known values");
  const double ranks = collective.size();
  collective.finish("known values");
  const at::Tensor expected = at::arange(count, options) * ranks + ranks * (ranks - 1) / 2;
  return at::equal(values, expected);
}

double median_seconds(Collective& collective, at::Tensor& values) {
  std::vector<double> times;
  for (int i = 0; i < kRepeats + 2; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    collective.all_reduce_sum(values, "timing");
    collective.finish("timing");
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  times.erase(times.begin(), times.begin() + 2);  // connections are made on first use
  std::ranges::nth_element(times, times.begin() + kRepeats / 2);
  return times[kRepeats / 2];
}

}  // namespace

Findings examine_all_reduce(World& world, const c10::Device& device, std::int64_t values) {
  const auto collective = make_collective(world, device);
  const std::string subject = "all-reduce (" + collective->name() + ")";
  const bool right = known_sum(*collective, device);
  const std::vector<std::string> everywhere = world.all_gather(right ? "1" : "0", "known values");
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  at::Tensor one = at::zeros({1}, options), many = at::zeros({values}, options);
  const double latency = median_seconds(*collective, one), whole = median_seconds(*collective, many);
  if (world.rank() != 0) return {};
  Findings found;
  for (std::size_t r = 0; r < everywhere.size(); ++r)
    if (everywhere[r] != "1")
      found.push_back(fault(subject, "rank " + std::to_string(r) + " got a wrong sum of known values; do not trust results of this node"));
  char text[160];
  std::snprintf(text, sizeof text, "known values are right on %d ranks; one number %.3g ms, %.1f MB of gradients %.3g ms (%.2f GB/s)",
                world.size(), latency * 1e3, static_cast<double>(values) * 4e-6, whole * 1e3,
                static_cast<double>(values) * 4e-9 / whole);
  if (found.empty()) found.push_back(ok(subject, text));
  return found;
}

}  // namespace balr
