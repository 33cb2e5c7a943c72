#include "kernels/convolution_plain.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/winograd_weights.hpp"

namespace balr::detail {
namespace {

#define BALR_INLINE inline
using Value = float;
float add(float x, float y) { return x + y; }
float sub(float x, float y) { return x - y; }
float mul(float constant, float x) { return constant * x; }
float mul_add(float constant, float x, float y) { return std::fma(constant, x, y); }
#include "kernels/winograd_forms-inl.hpp"
#undef BALR_INLINE

float input_at(const ConvolutionCall& call, std::int64_t row, std::int64_t col,
               std::int64_t channel) {
  const bool inside = row >= 0 && row < call.in.rows && col >= 0 && col < call.in.cols;
  return inside ? call.in.row(row)[col * call.in.pitch + channel] : 0.0f;
}

float weight_at(const PackedConvolution& packed, std::int64_t point, std::int64_t k,
                std::int64_t out) {
  return packed.weights_of(out / packed.panel, point)[k * packed.panel + out % packed.panel];
}

void finish(const ConvolutionCall& call, std::int64_t row, std::int64_t col, std::int64_t channel,
            float sum) {
  const std::int64_t at = col * call.out.pitch + channel;
  sum += call.packed.bias[channel];
  if (call.end.added.data) sum += call.end.added.row(row)[at];
  if (call.end.relu && 0.0f > sum) sum = 0.0f;  // NaN stays
  call.out.row(row)[at] = sum;
}

float direct_sum(const ConvolutionCall& call, std::int64_t row, std::int64_t col,
                 std::int64_t out) {
  const ConvolutionShape& shape = call.packed.shape;
  const std::int64_t padding = shape.kernel / 2;
  float sum = 0;
  std::int64_t k = 0;
  for (std::int64_t y = 0; y < shape.kernel; ++y)
    for (std::int64_t x = 0; x < shape.kernel; ++x)
      for (std::int64_t c = 0; c < shape.in_channels; ++c, ++k)
        sum = std::fma(
            input_at(call, row * shape.stride + y - padding, col * shape.stride + x - padding, c),
            weight_at(call.packed, 0, k, out), sum);
  return sum;
}

template <class RowForm, class ColForm>
struct PlainWinograd {
  static constexpr int kRowsIn = RowForm::kIn, kColsIn = ColForm::kIn, kPoints = kRowsIn * kColsIn;
  static constexpr int kRowsOut = RowForm::kOut, kColsOut = ColForm::kOut;

  // v[point] of one channel of the tile whose first output is (row, col).
  static void transform_input(const ConvolutionCall& call, std::int64_t row, std::int64_t col,
                              std::int64_t channel, float* v) {
    float columns[kPoints];
    for (int x = 0; x < kColsIn; ++x) {
      float from[kRowsIn], to[kRowsIn];
      for (int y = 0; y < kRowsIn; ++y) from[y] = input_at(call, row + y - 1, col + x - 1, channel);
      RowForm::input(from, to);
      for (int y = 0; y < kRowsIn; ++y) columns[y * kColsIn + x] = to[y];
    }
    for (int y = 0; y < kRowsIn; ++y) ColForm::input(columns + y * kColsIn, v + y * kColsIn);
  }

  static void transform_output(const float* m, float* y) {
    float columns[kRowsOut * kColsIn];
    for (int x = 0; x < kColsIn; ++x) {
      float from[kRowsIn], to[kRowsOut];
      for (int i = 0; i < kRowsIn; ++i) from[i] = m[i * kColsIn + x];
      RowForm::output(from, to);
      for (int i = 0; i < kRowsOut; ++i) columns[i * kColsIn + x] = to[i];
    }
    for (int i = 0; i < kRowsOut; ++i) ColForm::output(columns + i * kColsIn, y + i * kColsOut);
  }

  static void tile(const ConvolutionCall& call, std::int64_t row, std::int64_t col) {
    const std::int64_t channels = call.packed.shape.in_channels;
    std::vector<float> v(static_cast<std::size_t>(channels * kPoints));
    for (std::int64_t c = 0; c < channels; ++c)
      transform_input(call, row, col, c, v.data() + c * kPoints);
    for (std::int64_t out = 0; out < call.out.pitch; ++out) {
      float m[kPoints] = {}, y[kRowsOut * kColsOut];
      for (std::int64_t point = 0; point < kPoints; ++point)
        for (std::int64_t c = 0; c < channels; ++c)
          m[point] = std::fma(v[static_cast<std::size_t>(c * kPoints + point)],
                              weight_at(call.packed, point, c, out), m[point]);
      transform_output(m, y);
      for (int i = 0; i < kRowsOut && row + i < call.last; ++i)
        for (int j = 0; j < kColsOut && col + j < call.out.cols; ++j)
          finish(call, row + i, col + j, out, y[i * kColsOut + j]);
    }
  }

  static void run(const ConvolutionCall& call) {
    for (std::int64_t row = call.first; row < call.last; row += kRowsOut)
      for (std::int64_t col = 0; col < call.out.cols; col += kColsOut) tile(call, row, col);
  }
};

}  // namespace

void plain_direct(const ConvolutionCall& call) {
  for (std::int64_t row = call.first; row < call.last; ++row)
    for (std::int64_t col = 0; col < call.out.cols; ++col)
      for (std::int64_t out = 0; out < call.out.pitch; ++out)
        finish(call, row, col, out, direct_sum(call, row, col, out));
}

void plain_winograd(const ConvolutionCall& call) {
  wide_tiles(call.packed.shape.in_channels) ? PlainWinograd<Form4, Form5>::run(call)
                                            : PlainWinograd<Form4, Form4>::run(call);
}

}  // namespace balr::detail
