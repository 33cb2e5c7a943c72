#pragma once
#include <algorithm>
#include <cstdint>

// How work is divided: pure functions of plain integers.
namespace balr {

struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end - begin; }
  friend bool operator==(const Range&, const Range&) = default;
};

// Contiguous slice `index` of `count` slices of [0, total): sizes differ by at most one, larger ones first.
constexpr Range slice(std::int64_t total, std::int64_t index, std::int64_t count) {
  const std::int64_t base = total / count, extra = total % count;
  const std::int64_t begin = index * base + std::min(index, extra);
  return {begin, begin + base + (index < extra ? 1 : 0)};
}

// Rows of one unit of extraction work: a function of the number of rows only (never of the ranks).
constexpr std::int64_t part_rows(std::int64_t rows) {
  return std::clamp<std::int64_t>((rows + 1023) / 1024, 8, 1024);
}

// Rows of one block of a canonical sum over a batch, and the number of blocks (design: sums over rows).
constexpr std::int64_t block_rows(std::int64_t batch) {
  return std::min<std::int64_t>(64, (batch + 7) / 8);
}
constexpr std::int64_t block_count(std::int64_t batch) {
  return batch == 0 ? 0 : (batch + block_rows(batch) - 1) / block_rows(batch);
}

// The rows of a batch that a rank owns: whole blocks, contiguous (empty if there are more ranks than blocks).
constexpr Range rank_rows(std::int64_t batch, int rank, int size) {
  const Range blocks = slice(block_count(batch), rank, size);
  const std::int64_t rows = block_rows(batch);
  return {std::min(blocks.begin * rows, batch), std::min(blocks.end * rows, batch)};
}

}  // namespace balr
