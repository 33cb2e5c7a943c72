#pragma once
#include <cstdint>

// The weights' side of Winograd's transformations F(4 x 4, 3 x 3) and F(4 x 5, 3 x 3); the other
// two are in winograd_forms-inl.hpp.
namespace balr::detail {

constexpr int kWinogradRows = 4;  // of a tile's outputs
constexpr int kWinogradRowsIn = kWinogradRows + 2;

// Tiles of five columns where weights are large: ten mel bins are two of them, but three of four.
constexpr std::int64_t kWideTilesFrom = 256;  // input channels
constexpr bool wide_tiles(std::int64_t in_channels) { return in_channels >= kWideTilesFrom; }
constexpr int winograd_points(std::int64_t in_channels) {
  return kWinogradRowsIn * (wide_tiles(in_channels) ? 7 : 6);
}
constexpr int kMostWinogradPoints = kWinogradRowsIn * 7;

// out [kWinogradRowsIn][6, or 7 if wide] from a kernel [3][3], in float64.
void transform_weights(const double* kernel, bool wide, double* out);

}  // namespace balr::detail
