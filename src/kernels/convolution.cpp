#include "balr/kernels/convolution.hpp"

#include <algorithm>
#include <stdexcept>

#include "kernels/convolution_plain.hpp"
#include "kernels/packed_convolution.hpp"
#include "kernels/simd_kernels.hpp"
#include "kernels/winograd_weights.hpp"

namespace balr {
namespace {

using detail::ConvolutionCall;
using detail::PackedConvolution;

constexpr std::int64_t kPlainPanel = 16;

void require(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(std::string("convolution: ") + what);
}

// direct: weights[panel][k][j] = weights[output j][channel c][tap], k = tap * channels + c.
void pack_direct(PackedConvolution& packed, const double* weights) {
  const std::int64_t taps = packed.shape.kernel * packed.shape.kernel,
                     channels = packed.shape.in_channels;
  for (std::int64_t out = 0; out < packed.shape.out_channels; ++out) {
    float* column =
        packed.weights + out / packed.panel * packed.depth * packed.panel + out % packed.panel;
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t tap = 0; tap < taps; ++tap)
        column[(tap * channels + c) * packed.panel] =
            static_cast<float>(weights[(out * channels + c) * taps + tap]);
  }
}

void pack_winograd(PackedConvolution& packed, const double* weights) {
  const std::int64_t channels = packed.shape.in_channels, plane = packed.depth * packed.panel;
  double transformed[detail::kMostWinogradPoints];
  for (std::int64_t out = 0; out < packed.shape.out_channels; ++out)
    for (std::int64_t c = 0; c < channels; ++c) {
      detail::transform_weights(weights + (out * channels + c) * 9, detail::wide_tiles(channels),
                                transformed);
      float* to = packed.weights + out / packed.panel * packed.points * plane + c * packed.panel +
                  out % packed.panel;
      for (std::int64_t point = 0; point < packed.points; ++point)
        to[point * plane] = static_cast<float>(transformed[point]);
    }
}

void reserve(PackedConvolution& packed) {
  packed.panels = (packed.shape.out_channels + packed.panel - 1) / packed.panel;
  const std::int64_t weights = packed.panels * packed.points * packed.depth * packed.panel;
  const std::int64_t biases = packed.panels * packed.panel,
                     zeros = image_pitch(packed.shape.in_channels);
  packed.weights = packed.memory.floats(static_cast<std::size_t>(weights + biases + zeros));
  std::fill_n(packed.weights, weights + biases + zeros, 0.0f);
  packed.bias = packed.weights + weights;
  packed.zeros = packed.bias + biases;
}

}  // namespace

Convolution::Convolution(const ConvolutionShape& shape, std::span<const double> weights,
                         std::span<const double> bias, ConvolutionMethod method, Path path) {
  const std::int64_t taps = shape.kernel * shape.kernel;
  require(shape.in_channels > 0 && shape.out_channels > 0 &&
              (shape.kernel == 1 || shape.kernel == 3) && shape.stride > 0,
          "channels and stride must be positive and the kernel 1 or 3");
  require(
      static_cast<std::int64_t>(weights.size()) == shape.out_channels * shape.in_channels * taps &&
          static_cast<std::int64_t>(bias.size()) == shape.out_channels,
      "the weights do not fit the shape");
  const bool winograd = method == ConvolutionMethod::kWinograd;
  require(!winograd || (shape.kernel == 3 && shape.stride == 1),
          "Winograd wants a kernel of 3 and a stride of 1");
  auto packed = std::make_unique<PackedConvolution>();
  packed->shape = shape;
  packed->method = method;
  packed->simd =
      path == Path::kPlain ? nullptr : &detail::require(detail::simd_kernels(path), path);
  packed->panel = packed->simd ? packed->simd->convolution_panel : kPlainPanel;
  packed->points = winograd ? detail::winograd_points(shape.in_channels) : 1;
  packed->depth = winograd ? shape.in_channels : taps * shape.in_channels;
  reserve(*packed);
  winograd ? pack_winograd(*packed, weights.data()) : pack_direct(*packed, weights.data());
  for (std::size_t i = 0; i < bias.size(); ++i) packed->bias[i] = static_cast<float>(bias[i]);
  packed_ = std::move(packed);
}

Convolution::~Convolution() = default;
Convolution::Convolution(Convolution&&) noexcept = default;
Convolution& Convolution::operator=(Convolution&&) noexcept = default;

const ConvolutionShape& Convolution::shape() const { return packed_->shape; }
ConvolutionMethod Convolution::method() const { return packed_->method; }
std::int64_t Convolution::row_unit() const {
  return packed_->method == ConvolutionMethod::kWinograd ? detail::kWinogradRows : 1;
}

void Convolution::rows(const ConstImage& in, const Image& out, const ConvolutionEnd& end,
                       std::int64_t first, std::int64_t last) const {
  const ConvolutionShape& shape = packed_->shape;
  require(in.channels == shape.in_channels && out.channels == shape.out_channels &&
              out.rows == strided(in.rows, shape.stride) &&
              out.cols == strided(in.cols, shape.stride),
          "the pictures do not fit");
  require(in.pitch >= (method() == ConvolutionMethod::kWinograd ? image_pitch(in.channels)
                                                                : in.channels) &&
              out.pitch == image_pitch(out.channels),
          "a picture's pitch does not fit");
  const ConstImage& added = end.added;
  require(
      !added.data || (added.rows == out.rows && added.cols == out.cols && added.pitch == out.pitch),
      "what is added does not fit");
  require(first % row_unit() == 0 && first >= 0 && last <= out.rows &&
              (last == out.rows || last % row_unit() == 0),
          "the rows do not fit");
  if (first >= last || out.cols == 0) return;
  const ConvolutionCall call = {*packed_, in, out, end, first, last};
  const bool winograd = method() == ConvolutionMethod::kWinograd;
  if (!packed_->simd) return winograd ? detail::plain_winograd(call) : detail::plain_direct(call);
  winograd ? packed_->simd->winograd(call) : packed_->simd->direct(call);
}

}  // namespace balr
