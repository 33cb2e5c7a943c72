#pragma once
#include <span>
#include <vector>

#include "kernels/packed_convolution.hpp"

// The weights' side of Winograd's transformation; the other two are in winograd_forms-inl.hpp.
namespace balr::detail {

// For F(outputs, 3): one row of 3 numbers for each of the outputs + 2 points, in the order of the forms.
std::vector<double> winograd_weight_rows(int outputs);

// out [points of the rows][points of the columns] = rows x kernel (3 x 3) x cols^T, in float64.
void transform_weights(std::span<const double> rows, std::span<const double> cols, const double* kernel, double* out);

// The tile for pictures of this width.
WinogradTile choose_tile(std::int64_t cols);

}  // namespace balr::detail
