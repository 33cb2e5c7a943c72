#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "balr/kernels/path.hpp"

// Convolutions of one picture whose bytes depend neither on the processor nor on how the rows are
// cut.
namespace balr {

namespace detail {
struct PackedConvolution;
}

// Channels-last float32 pictures: channel c of pixel (row, col) is row(row)[col * pitch + c]. With
// `ring` only the last `ring` rows are kept: row r lies where row r + ring will.
template <class T>
struct ImageOf {
  T* data = nullptr;
  std::int64_t rows = 0, cols = 0, channels = 0;
  std::int64_t pitch = 0;  // floats from a pixel to the next
  std::int64_t ring = 0;   // 0: all rows

  T* row(std::int64_t r) const { return data + (ring > 0 ? r % ring : r) * cols * pitch; }
  operator ImageOf<const T>() const { return {data, rows, cols, channels, pitch, ring}; }
};
using Image = ImageOf<float>;
using ConstImage = ImageOf<const float>;

// Channels rounded up to whole vectors of any processor: the smallest pitch of an output.
constexpr std::int64_t image_pitch(std::int64_t channels) { return (channels + 15) / 16 * 16; }

// Square kernels of 3 (padding 1) or 1 (padding 0), with one stride for both axes.
struct ConvolutionShape {
  std::int64_t in_channels = 0, out_channels = 0;
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
};

// Length of an axis behind `stride`, for either kernel.
constexpr std::int64_t strided(std::int64_t length, std::int64_t stride) {
  return (length + stride - 1) / stride;
}

// kDirect: an output is ONE chain of fused multiply-adds from 0 over kernel rows, kernel columns
// and input channels, all ascending; what lies outside the picture is 0 and takes part. kWinograd:
// for 3 x 3 and stride 1; tiles of 4 x 4 outputs (4 rows x 5 columns from 256 input channels on),
// with a chain over the input channels for each of a tile's products.
enum class ConvolutionMethod { kDirect, kWinograd };

// What happens to each finished sum: + bias, + `added` (if it has data), then max(0, .) if `relu`;
// NaN stays.
struct ConvolutionEnd {
  ConstImage added = {};  // as large as the output, and with its pitch
  bool relu = false;
};

// A convolution with its weights packed for one path. Immutable, so threads share one.
class Convolution {
 public:
  // weights: [out_channels][in_channels][kernel rows][kernel columns]; bias: [out_channels]. Both
  // are rounded to float32 behind the transformation. Throws std::invalid_argument for shapes that
  // are not possible, and for a path that the processor does not have.
  Convolution(const ConvolutionShape& shape, std::span<const double> weights,
              std::span<const double> bias, ConvolutionMethod method, Path path = active_path());
  ~Convolution();
  Convolution(Convolution&&) noexcept;
  Convolution& operator=(Convolution&&) noexcept;

  const ConvolutionShape& shape() const;
  ConvolutionMethod method() const;
  // rows() begins at multiples of this.
  std::int64_t row_unit() const;

  // Output rows [first, last) of the picture; the other rows of `out` are left alone. `last` is a
  // multiple of row_unit() or out.rows. Needs the input rows that the kernel covers. Channels
  // between out_channels and the pitch become 0 where `added` is. With kWinograd the input's pitch
  // is image_pitch(in_channels) at least, and what lies between is finite. Throws
  // std::invalid_argument if the pictures do not fit.
  void rows(const ConstImage& in, const Image& out, const ConvolutionEnd& end, std::int64_t first,
            std::int64_t last) const;
  void run(const ConstImage& in, const Image& out, const ConvolutionEnd& end) const {
    rows(in, out, end, 0, out.rows);
  }

 private:
  std::unique_ptr<const detail::PackedConvolution> packed_;
};

}  // namespace balr
