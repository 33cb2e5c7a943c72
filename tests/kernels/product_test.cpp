#include "balr/kernels/product.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace {

using balr::ConstMatrix;
using balr::Path;
using Floats = std::vector<float>;

// Numbers of mixed magnitude and sign from a small generator: rounding differs with the order of a
// sum.
Floats noise(std::int64_t count, std::uint32_t seed) {
  Floats values(static_cast<std::size_t>(count));
  std::uint32_t state = seed * 2654435761u + 12345u;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    const float mantissa = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-31f;
    value = std::ldexp(mantissa, static_cast<int>(state >> 5 & 7) - 4);
  }
  return values;
}

// The definition: one chain of fused multiply-adds for each element.
Floats by_definition(const ConstMatrix& a, const ConstMatrix& b, const float* bias) {
  Floats c;
  for (std::int64_t i = 0; i < a.rows; ++i)
    for (std::int64_t j = 0; j < b.cols; ++j) {
      float sum = 0;
      for (std::int64_t k = 0; k < a.cols; ++k)
        sum = std::fma(a.data[i * a.row_stride + k * a.col_stride],
                       b.data[k * b.row_stride + j * b.col_stride], sum);
      c.push_back(bias ? sum + bias[j] : sum);
    }
  return c;
}

bool same_bytes(const Floats& x, const Floats& y) {
  return x.size() == y.size() &&
         (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0);
}

// Each job on a thread of its own.
balr::Threads threads(int count) {
  return {count, [](std::int64_t jobs, const std::function<void(std::int64_t)>& job) {
            std::vector<std::thread> running;
            for (std::int64_t i = 0; i < jobs; ++i) running.emplace_back(job, i);
            for (std::thread& thread : running) thread.join();
          }};
}

// One operand with its memory. layout 0: row-major, 1: column-major, 2: row-major with gaps, 3: no
// stride is 1.
struct Operand {
  Operand(std::int64_t rows, std::int64_t cols, int layout, std::uint32_t seed) {
    const std::int64_t row_strides[] = {cols, 1, cols + 3, 2 * cols + 1};
    const std::int64_t col_strides[] = {1, rows, 1, 2};
    view = {nullptr, rows, cols, row_strides[layout], col_strides[layout]};
    memory =
        noise(std::max<std::int64_t>(1, rows * view.row_stride + cols * view.col_stride), seed);
    view.data = memory.data();
  }
  Floats memory;
  ConstMatrix view;
};

void expect_definition(std::int64_t rows, std::int64_t depth, std::int64_t cols, int layout_a,
                       int layout_b, bool with_bias) {
  const Operand a(rows, depth, layout_a, 1), b(depth, cols, layout_b, 2);
  const Floats bias = noise(cols + 1, 3);
  const Floats wanted = by_definition(a.view, b.view, with_bias ? bias.data() : nullptr);
  const std::int64_t ldc = cols + 5;
  for (const Path path : balr::supported_paths()) {
    SCOPED_TRACE(testing::Message()
                 << balr::path_name(path) << " " << rows << "x" << depth << "x" << cols
                 << " layouts " << layout_a << layout_b << " bias " << with_bias);
    const float untouched = -77.0f;
    Floats c(static_cast<std::size_t>(rows * ldc), untouched), found;
    balr::product_on(path, a.view, b.view, c.data(), ldc,
                     {.bias = with_bias ? bias.data() : nullptr});
    for (std::int64_t i = 0; i < rows; ++i) {
      const auto row = c.begin() + i * ldc;
      found.insert(found.end(), row, row + cols);
      for (auto gap = row + cols; gap != row + ldc; ++gap) ASSERT_EQ(*gap, untouched);
    }
    EXPECT_TRUE(same_bytes(found, wanted));
  }
}

TEST(Product, PlainIsAlwaysThereAndTheActivePathIsSupported) {
  const std::vector<Path> paths = balr::supported_paths();
  EXPECT_EQ(paths.front(), Path::kPlain);
  EXPECT_NE(std::find(paths.begin(), paths.end(), balr::active_path()), paths.end());
#if defined(__GNUC__) && defined(__x86_64__)
  EXPECT_EQ(paths.size(),
            1u + (__builtin_cpu_supports("avx2") != 0) + (__builtin_cpu_supports("avx512bw") != 0));
#endif
}

TEST(Product, EveryRowCountAndColumnCount) {
  for (std::int64_t rows = 0; rows <= 30; ++rows)
    expect_definition(rows, 5, 33, rows % 4, 0, rows % 2 == 0);
  for (std::int64_t cols = 0; cols <= 70; ++cols)
    expect_definition(7, 6, cols, 0, static_cast<int>(cols % 4), true);
}

TEST(Product, EveryDepthAroundTheBlocks) {
  for (const std::int64_t depth : {0, 1, 2, 3, 4, 7, 255, 256, 257, 511, 512, 513, 770})
    for (const bool with_bias : {false, true})
      expect_definition(15, depth, 37, depth % 2, depth % 3 == 0, with_bias);
}

TEST(Product, EveryLayout) {
  for (int a = 0; a < 4; ++a)
    for (int b = 0; b < 4; ++b) expect_definition(29, 261, 67, a, b, true);
}

TEST(Product, BlocksOfRowsAndColumns) {
  expect_definition(240, 3, 5, 0, 0, false);  // more panels of rows than a block holds
  expect_definition(3, 2, 1030, 1, 1, true);  // more columns than are packed at once
  expect_definition(1, 300, 1, 0, 1, true);   // a dot product
}

TEST(Product, ShapesOfTheTrainingStep) {
  expect_definition(512, 256, 64, 0, 1, true);
  expect_definition(64, 512, 256, 1, 0, false);
}

TEST(Product, SpecialNumbers) {
  const float inf = INFINITY;
  const Floats a = {-0.0f, 1e-30f, inf, 3e38f}, b = {5.0f, 1e-12f, 2.0f, 2.0f};
  for (const Path path : balr::supported_paths()) {
    float c[4];
    const Floats starts = {0, 1, 2, 3};
    for (int i = 0; i < 4; ++i)
      balr::product_on(path, {a.data() + i, 1, 1, 1, 1}, {b.data() + i, 1, 1, 1, 1}, c + i, 1);
    EXPECT_EQ(c[0], 0.0f);
    EXPECT_FALSE(std::signbit(c[0])) << "0 + -0 is +0";
    EXPECT_EQ(c[1], 1e-30f * 1e-12f);
    EXPECT_GT(c[1], 0.0f) << "subnormal numbers are kept";
    EXPECT_EQ(c[2], inf);
    EXPECT_EQ(c[3], inf);
  }
}

// Any slice of rows and columns, computed alone, has the bytes it has in the whole.
TEST(Product, ASliceOfAProductIsTheProductOfTheSlice) {
  const std::int64_t rows = 61, depth = 300, cols = 83;
  const Operand a(rows, depth, 0, 5), b(depth, cols, 1, 6);
  for (const Path path : balr::supported_paths()) {
    Floats whole(static_cast<std::size_t>(rows * cols));
    balr::product_on(path, a.view, b.view, whole.data(), cols);
    for (const std::int64_t row : {0, 1, 17, 60})
      for (const std::int64_t height : {1, 2, 5, 12, 44})
        for (const std::int64_t width : {1, 16, 31, 50}) {
          const std::int64_t h = std::min(height, rows - row), col = cols - width;
          Floats part(static_cast<std::size_t>(h * width));
          balr::product_on(
              path, {a.view.data + row * a.view.row_stride, h, depth, a.view.row_stride, 1},
              {b.view.data + col * b.view.col_stride, depth, width, 1, b.view.col_stride},
              part.data(), width);
          for (std::int64_t i = 0; i < h; ++i)
            ASSERT_EQ(std::memcmp(part.data() + i * width, whole.data() + (row + i) * cols + col,
                                  static_cast<std::size_t>(width) * sizeof(float)),
                      0)
                << balr::path_name(path) << " row " << row << "+" << i << " height " << height
                << " width " << width;
        }
  }
}

TEST(Product, ThreadsChangeNoByte) {
  for (const auto& [rows, depth, cols] :
       {std::array<std::int64_t, 3>{512, 300, 70}, {40, 600, 512}, {5, 512, 999}, {999, 512, 3}}) {
    const Operand a(rows, depth, 0, 7), b(depth, cols, 0, 8);
    const Floats bias = noise(cols, 9);
    Floats one(static_cast<std::size_t>(rows * cols));
    balr::product(a.view, b.view, one.data(), cols, {.bias = bias.data()});
    for (const int count : {1, 2, 3, 8}) {
      Floats many(one.size());
      balr::product(a.view, b.view, many.data(), cols,
                    {.bias = bias.data(), .threads = threads(count)});
      EXPECT_TRUE(same_bytes(one, many))
          << rows << "x" << depth << "x" << cols << " threads " << count;
    }
  }
}

TEST(Product, ThreadsAreUsedForLargeProductsOnly) {
  int jobs = 0;
  const balr::Threads counting = {
      4, [&](std::int64_t count, const std::function<void(std::int64_t)>& job) {
        jobs += static_cast<int>(count);
        for (std::int64_t i = 0; i < count; ++i) job(i);
      }};
  const Operand a(512, 512, 0, 1), b(512, 512, 0, 2);
  Floats c(512 * 512);
  balr::product(a.view, b.view, c.data(), 512, {.threads = counting});
  EXPECT_EQ(jobs, 4);
  balr::product({a.memory.data(), 8, 8, 8, 1}, {b.memory.data(), 8, 8, 8, 1}, c.data(), 8,
                {.threads = counting});
  EXPECT_EQ(jobs, 4);
}

// A chain of 512 roundings: the error stays well below the bound 512 * 2^-24 * sum |a b|.
TEST(Product, ErrorAgainstDouble) {
  const std::int64_t rows = 20, depth = 512, cols = 40;
  const Operand a(rows, depth, 0, 11), b(depth, cols, 0, 12);
  Floats c(static_cast<std::size_t>(rows * cols));
  balr::product(a.view, b.view, c.data(), cols);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < cols; ++j) {
      double sum = 0, size = 0;
      for (std::int64_t k = 0; k < depth; ++k) {
        const double term = static_cast<double>(a.memory[static_cast<std::size_t>(i * depth + k)]) *
                            b.memory[static_cast<std::size_t>(k * cols + j)];
        sum += term;
        size += std::abs(term);
      }
      EXPECT_NEAR(c[static_cast<std::size_t>(i * cols + j)], sum, 20 * 0x1p-24 * size);
    }
}

TEST(Product, RefusesShapesThatDoNotFit) {
  const Floats x(16);
  Floats c(16);
  EXPECT_THROW(balr::product(balr::dense(x.data(), 2, 3), balr::dense(x.data(), 2, 3), c.data(), 3),
               std::invalid_argument);
  EXPECT_THROW(balr::product(balr::dense(x.data(), 2, 2), balr::dense(x.data(), 2, 3), c.data(), 2),
               std::invalid_argument);
}

}  // namespace
