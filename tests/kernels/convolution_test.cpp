#include "balr/kernels/convolution.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace {

using balr::Convolution;
using balr::ConvolutionMethod;
using balr::ConvolutionShape;
using balr::Image;
using balr::Path;
using Doubles = std::vector<double>;
using Floats = std::vector<float>;

constexpr auto kDirect = ConvolutionMethod::kDirect;
constexpr auto kWinograd = ConvolutionMethod::kWinograd;

// Numbers in [-1, 1) that float32 holds exactly.
class Noise {
 public:
  explicit Noise(std::uint32_t seed) : state_(seed * 2654435761u + 12345u) {}
  double operator()() {
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<double>(static_cast<std::int32_t>(state_) >> 8) * 0x1p-23;
  }

 private:
  std::uint32_t state_;
};

Doubles noise(std::int64_t count, std::uint32_t seed) {
  Noise next(seed);
  Doubles out(static_cast<std::size_t>(count));
  for (double& value : out) value = next();
  return out;
}

// A picture with its memory; what lies between the channels and the pitch is 0.
struct Picture {
  Picture(std::int64_t rows, std::int64_t cols, std::int64_t channels, std::int64_t pitch,
          std::uint32_t seed)
      : memory(static_cast<std::size_t>(rows * cols * pitch)) {
    view = {memory.data(), rows, cols, channels, pitch, 0};
    Noise next(seed);
    for (std::size_t pixel = 0; pixel < static_cast<std::size_t>(rows * cols); ++pixel)
      for (std::int64_t c = 0; c < channels; ++c)
        memory[pixel * static_cast<std::size_t>(pitch) + static_cast<std::size_t>(c)] =
            static_cast<float>(next());
  }
  Picture(const Picture& other) : memory(other.memory), view(other.view) {
    view.data = memory.data();
  }
  Picture& operator=(const Picture&) = delete;

  double at(std::int64_t row, std::int64_t col, std::int64_t c) const {
    const bool inside = row >= 0 && col >= 0 && row < view.rows && col < view.cols;
    return inside ? view.row(row)[col * view.pitch + c] : 0.0;
  }

  Floats memory;
  Image view;
};

struct Case {
  ConvolutionShape shape;
  std::int64_t rows, cols;  // of the input
  bool added = false, relu = false;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.shape.in_channels << " -> " << c.shape.out_channels << " channels, kernel "
             << c.shape.kernel << ", stride " << c.shape.stride << ", " << c.rows << " x " << c.cols
             << (c.added ? " added" : "") << (c.relu ? " relu" : "");
}

// All that a case needs, by formula.
struct Situation {
  explicit Situation(const Case& c)
      : weights(
            noise(c.shape.out_channels * c.shape.in_channels * c.shape.kernel * c.shape.kernel, 1)),
        bias(noise(c.shape.out_channels, 2)),
        in(c.rows, c.cols, c.shape.in_channels, balr::image_pitch(c.shape.in_channels), 3),
        added(balr::strided(c.rows, c.shape.stride), balr::strided(c.cols, c.shape.stride),
              c.shape.out_channels, balr::image_pitch(c.shape.out_channels), 4),
        end{c.added ? balr::ConstImage(added.view) : balr::ConstImage{}, c.relu} {}

  Picture output() const {
    Picture out(added.view.rows, added.view.cols, added.view.channels, added.view.pitch, 5);
    for (float& value : out.memory) value = -77;
    return out;
  }
  Picture run(const Convolution& convolution) const {
    Picture out = output();
    convolution.run(in.view, out.view, end);
    return out;
  }

  Doubles weights, bias;
  Picture in, added;
  balr::ConvolutionEnd end;
};

// The definition in double. The largest difference between it and `found`, relative to the typical
// magnitude of a sum.
double error_of(const Case& c, const Situation& situation, const Picture& found) {
  const ConvolutionShape& s = c.shape;
  double largest = 0;
  for (std::int64_t row = 0; row < found.view.rows; ++row)
    for (std::int64_t col = 0; col < found.view.cols; ++col)
      for (std::int64_t out = 0; out < s.out_channels; ++out) {
        double sum = situation.bias[static_cast<std::size_t>(out)];
        for (std::int64_t y = 0; y < s.kernel; ++y)
          for (std::int64_t x = 0; x < s.kernel; ++x)
            for (std::int64_t in = 0; in < s.in_channels; ++in)
              sum += situation.in.at(row * s.stride + y - s.kernel / 2,
                                     col * s.stride + x - s.kernel / 2, in) *
                     situation.weights[static_cast<std::size_t>(
                         ((out * s.in_channels + in) * s.kernel + y) * s.kernel + x)];
        if (c.added) sum += situation.added.at(row, col, out);
        if (c.relu && sum < 0) sum = 0;
        largest = std::max(largest, std::abs(sum - found.at(row, col, out)));
      }
  return largest / std::sqrt(static_cast<double>(s.in_channels * s.kernel * s.kernel) / 9 + 1);
}

bool same_bytes(const Floats& x, const Floats& y) {
  return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
}

void expect_definition_and_same_bytes(const Case& c, ConvolutionMethod method, double tolerance) {
  SCOPED_TRACE(testing::Message() << c << (method == kWinograd ? " winograd" : " direct"));
  const Situation situation(c);
  Floats plain;
  for (const Path path : balr::supported_paths()) {
    const Picture found =
        situation.run(Convolution(c.shape, situation.weights, situation.bias, method, path));
    EXPECT_LT(error_of(c, situation, found), tolerance) << balr::path_name(path);
    if (path == Path::kPlain) plain = found.memory;
    EXPECT_TRUE(same_bytes(found.memory, plain)) << balr::path_name(path);
  }
}

// float32 rounds sums of this size by 1e-7 and less; Winograd multiplies that by a handful.
constexpr double kDirectError = 4e-6, kWinogradError = 2e-5;

TEST(Convolution, DirectIsTheDefinitionForAnyShape) {
  for (const std::int64_t kernel : {1, 3})
    for (const std::int64_t stride : {1, 2})
      for (const std::int64_t in : {1, 3, 16, 17, 40})
        for (const std::int64_t out : {1, 16, 33})
          expect_definition_and_same_bytes(
              {{in, out, kernel, stride}, 5 + in % 2, 7, in % 3 == 0, out % 2 == 0}, kDirect,
              kDirectError);
}

TEST(Convolution, DirectForAnySize) {
  for (const std::int64_t stride : {1, 2, 3})
    for (std::int64_t rows = 1; rows <= 4; ++rows)
      for (std::int64_t cols = 1; cols <= 19; cols += 1 + cols / 4)
        expect_definition_and_same_bytes({{16, 16, 3, stride}, rows, cols, true, true}, kDirect,
                                         kDirectError);
}

TEST(Convolution, WinogradIsTheDefinitionForAnyShape) {
  for (const std::int64_t in : {1, 3, 16, 17, 40})
    for (const std::int64_t out : {1, 16, 33, 64})
      expect_definition_and_same_bytes({{in, out, 3, 1}, 7, 9, in % 3 == 0, out % 2 == 0},
                                       kWinograd, kWinogradError);
}

// Every way in which a tile, and a block of tiles, can end at the border.
TEST(Convolution, WinogradForAnySize) {
  for (std::int64_t rows = 1; rows <= 13; ++rows)
    for (const std::int64_t cols : {1, 2, 3, 4, 5, 8, 10, 11, 20, 39, 40})
      expect_definition_and_same_bytes({{3, 5, 3, 1}, rows, cols, rows % 2 == 0, cols % 2 == 0},
                                       kWinograd, kWinogradError);
}

// The same for the tiles of five columns, which convolutions with many channels have.
TEST(Convolution, WideTilesForAnySize) {
  for (const std::int64_t rows : {1, 3, 4, 6, 9})
    for (const std::int64_t cols : {1, 4, 5, 6, 9, 10, 11})
      expect_definition_and_same_bytes({{256, 17, 3, 1}, rows, cols, rows % 2 == 0, cols % 2 == 0},
                                       kWinograd, kWinogradError);
}

// The network's own layers, few rows of them.
TEST(Convolution, LayersOfTheNetwork) {
  expect_definition_and_same_bytes({{1, 32, 3, 1}, 6, 80, false, true}, kDirect, kDirectError);
  expect_definition_and_same_bytes({{32, 32, 3, 1}, 9, 80, true, true}, kWinograd, kWinogradError);
  expect_definition_and_same_bytes({{32, 64, 3, 2}, 6, 80, false, true}, kDirect, kDirectError);
  expect_definition_and_same_bytes({{32, 64, 1, 2}, 6, 80, false, false}, kDirect, kDirectError);
  expect_definition_and_same_bytes({{64, 64, 3, 1}, 13, 40, true, true}, kWinograd, kWinogradError);
  expect_definition_and_same_bytes({{128, 128, 3, 1}, 11, 20, true, true}, kWinograd,
                                   kWinogradError);
  expect_definition_and_same_bytes({{256, 256, 3, 1}, 7, 10, true, true}, kWinograd,
                                   kWinogradError);
  expect_definition_and_same_bytes({{1024, 64, 1, 1}, 3, 20, false, true}, kDirect, kDirectError);
}

// Rows computed piece by piece, from a picture that keeps only the rows needed, have the bytes of
// the whole.
void expect_pieces_equal_the_whole(const ConvolutionShape& shape, ConvolutionMethod method,
                                   std::int64_t step) {
  const Case c = {shape, 61, 21, true, true};
  const Situation situation(c);
  for (const Path path : balr::supported_paths()) {
    const Convolution convolution(c.shape, situation.weights, situation.bias, method, path);
    const Picture whole = situation.run(convolution);
    const std::int64_t unit = step * convolution.row_unit(), ring = unit * shape.stride + 6;
    Picture pieces = situation.output();
    Floats kept(static_cast<std::size_t>(ring * c.cols * situation.in.view.pitch), NAN);
    const Image in = {kept.data(), c.rows, c.cols, shape.in_channels, situation.in.view.pitch,
                      ring};
    std::int64_t known = 0;
    for (std::int64_t first = 0; first < pieces.view.rows; first += unit) {
      const std::int64_t last = std::min(pieces.view.rows, first + unit);
      for (; known < std::min(c.rows, (last - 1) * shape.stride + 2); ++known)
        std::memcpy(in.row(known), situation.in.view.row(known),
                    static_cast<std::size_t>(c.cols * in.pitch) * sizeof(float));
      convolution.rows(in, pieces.view, situation.end, first, last);
    }
    EXPECT_TRUE(same_bytes(pieces.memory, whole.memory))
        << c << " on " << balr::path_name(path) << " by " << unit;
  }
}

TEST(Convolution, RowsPieceByPieceFromARing) {
  for (const std::int64_t step : {1, 2, 5, 100}) {
    expect_pieces_equal_the_whole({16, 20, 3, 1}, kWinograd, step);
    expect_pieces_equal_the_whole({256, 20, 3, 1}, kWinograd, step);
    expect_pieces_equal_the_whole({16, 20, 3, 1}, kDirect, step);
    expect_pieces_equal_the_whole({16, 20, 3, 2}, kDirect, step);
    expect_pieces_equal_the_whole({16, 20, 1, 1}, kDirect, step);
  }
}

TEST(Convolution, NotANumberStays) {
  const Case c = {{16, 16, 3, 1}, 5, 5, false, true};
  Situation situation(c);
  situation.in.memory[0] = NAN;
  for (const Path path : balr::supported_paths())
    for (const ConvolutionMethod method : {kDirect, kWinograd}) {
      const Picture out =
          situation.run(Convolution(c.shape, situation.weights, situation.bias, method, path));
      EXPECT_TRUE(std::isnan(out.at(1, 1, 3))) << balr::path_name(path);
      EXPECT_TRUE(std::isfinite(out.at(4, 4, 3))) << balr::path_name(path);
    }
}

TEST(Convolution, WhatDoesNotFitIsRefused) {
  const ConvolutionShape shape{16, 16, 3, 1};
  const Doubles weights = noise(16 * 16 * 9, 1), bias = noise(16, 2);
  EXPECT_THROW(Convolution(shape, bias, bias, kDirect), std::invalid_argument);
  EXPECT_THROW(Convolution({16, 16, 3, 2}, weights, bias, kWinograd), std::invalid_argument);
  EXPECT_THROW(Convolution({16, 16, 5, 1}, weights, bias, kDirect), std::invalid_argument);
  const Convolution good(shape, weights, bias, kWinograd);
  const Picture in(8, 5, 16, 16, 1);
  Picture out(8, 5, 16, 16, 2), narrow(8, 4, 16, 16, 2);
  EXPECT_THROW(good.run(in.view, narrow.view, {}), std::invalid_argument);
  EXPECT_THROW(good.run(in.view, out.view, {narrow.view, true}), std::invalid_argument);
  EXPECT_THROW(good.rows(in.view, out.view, {}, 1, 8), std::invalid_argument);
  EXPECT_THROW(good.rows(in.view, out.view, {}, 0, 9), std::invalid_argument);
}

}  // namespace
