#pragma once
#include <array>

// The weights' side of Winograd's transformation F(4 x 4, 3 x 3); the other two are in
// winograd_forms-inl.hpp.
namespace balr::detail {

constexpr int kWinogradOutputs = 4;                    // of a tile, along each axis
constexpr int kWinogradInputs = kWinogradOutputs + 2;  // and points
constexpr int kWinogradPoints = kWinogradInputs * kWinogradInputs;

// out [kWinogradInputs][kWinogradInputs] from a kernel [3][3], in float64.
void transform_weights(const double* kernel, double* out);

}  // namespace balr::detail
