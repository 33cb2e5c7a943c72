#pragma once
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/golden.hpp"

// Reference tensors: whole, or, large ones, as every 16th row with the sums of all rows and
// columns.
namespace balr::test {

inline at::Tensor read_tensor(const std::filesystem::path& file, const std::string& name) {
  const Array<double> array = read_double(file, name);
  const std::vector<std::int64_t> shape(array.shape.begin(), array.shape.end());
  return at::tensor(array.values, at::kDouble).reshape(shape);
}
inline at::Tensor read_floats(const std::filesystem::path& file, const std::string& name) {
  return read_tensor(file, name).to(at::kFloat);
}

// |actual - reference| of the elements (of those stored), sorted. Sums of rows and columns, where
// stored, are checked against `sum_tolerance`.
inline std::vector<double> differences(const std::filesystem::path& file, const std::string& name,
                                       const at::Tensor& actual, double sum_tolerance) {
  const at::Tensor wide = actual.to(at::kDouble);
  at::Tensor seen = wide;
  std::string dataset = name;
  if (has(file, name + "/rows16")) {
    dataset = name + "/rows16";
    seen = wide.slice(0, 0, wide.size(0), 16);
    for (const int dim : {0, 1}) {
      const at::Tensor sums = read_tensor(file, name + (dim == 1 ? "/row_sum" : "/col_sum"));
      EXPECT_LT((wide.sum(dim) - sums).abs().max().item<double>(), sum_tolerance)
          << name << " sums over " << dim;
    }
  }
  const at::Tensor reference = read_tensor(file, dataset);
  EXPECT_EQ(seen.sizes(), reference.sizes()) << name;
  const at::Tensor sorted = std::get<0>((seen - reference).abs().flatten().contiguous().sort());
  return {sorted.data_ptr<double>(), sorted.data_ptr<double>() + sorted.numel()};
}

inline double largest_magnitude(const at::Tensor& t) { return t.abs().max().item<double>(); }

}  // namespace balr::test
