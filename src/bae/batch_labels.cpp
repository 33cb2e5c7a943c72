#include "bae/batch_labels.hpp"

#include <ATen/ATen.h>

#include <algorithm>

namespace balr {

BatchLabels sort_labels(std::span<const std::int64_t> labels) {
  BatchLabels out;
  const auto n = static_cast<std::int64_t>(labels.size());
  out.classes = at::empty({n}, at::kLong);
  std::copy(labels.begin(), labels.end(), out.classes.data_ptr<std::int64_t>());
  out.order = at::arange(n, at::kLong);
  std::int64_t* order = out.order.data_ptr<std::int64_t>();
  const auto label = [&](std::int64_t row) { return labels[static_cast<std::size_t>(row)]; };
  std::stable_sort(order, order + n, [&](auto a, auto b) { return label(a) < label(b); });
  for (std::int64_t begin = 0, end = 0; begin < n; begin = end) {
    while (end < n && label(order[end]) == label(order[begin])) ++end;
    out.largest = std::max(out.largest, end - begin);
  }
  return out;
}

BatchLabels sort_labels(const at::Tensor& classes, std::int64_t largest) {
  return {classes, classes.argsort(/*stable=*/true, /*dim=*/0, /*descending=*/false), largest};
}

}  // namespace balr
