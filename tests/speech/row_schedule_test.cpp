#include "speech/row_schedule.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace balr {
namespace {

// A stem, a block with the identity as shortcut, and a block that halves: pictures 0 to 6.
std::vector<RowNode> small_network(std::int64_t rows_at_once) {
  return {{0, 1, -1, 3, 1, rows_at_once}, {1, 2, -1, 3, 1, rows_at_once},
          {2, 3, 1, 3, 1, rows_at_once},  {3, 4, -1, 1, 2, rows_at_once},
          {3, 5, -1, 3, 2, rows_at_once}, {5, 6, 4, 3, 1, 2 * rows_at_once}};
}

std::vector<RowPicture> pictures(std::int64_t rows) {
  const std::int64_t half = (rows + 1) / 2;
  return {{rows}, {rows}, {rows}, {rows}, {half}, {half}, {half}};
}

// Goes through the order with pictures that keep only `kept` rows: each cell names the row that it
// holds.
void expect_everything_is_there(std::int64_t rows, std::int64_t rows_at_once) {
  const auto nodes = small_network(rows_at_once);
  const auto all = pictures(rows);
  const auto kept = RowSchedule::rows_kept(nodes, all);
  std::vector<std::vector<std::int64_t>> cells;
  for (const std::int64_t count : kept) cells.emplace_back(static_cast<std::size_t>(count), -1);
  for (std::int64_t row = 0; row < rows; ++row) cells[0][static_cast<std::size_t>(row)] = row;
  const auto cell = [&](std::size_t picture, std::int64_t row) -> std::int64_t& {
    return cells[picture][static_cast<std::size_t>(row % kept[picture])];
  };
  std::vector<std::int64_t> done(all.size(), 0);
  RowSchedule schedule(nodes, all);
  RowSchedule::Run run;
  while (schedule.next(run)) {
    const RowNode& node = nodes[run.node];
    ASSERT_EQ(run.first, done[node.out]);
    ASSERT_GT(run.last, run.first);
    for (std::int64_t row = run.first; row < run.last; ++row) {
      for (std::int64_t y = -(node.kernel / 2); y <= node.kernel / 2; ++y) {
        const std::int64_t from = row * node.stride + y;
        if (from >= 0 && from < all[node.in].rows) {
          ASSERT_EQ(cell(node.in, from), from) << "node " << run.node;
        }
      }
      if (node.added >= 0) {
        ASSERT_EQ(cell(static_cast<std::size_t>(node.added), row), row) << "node " << run.node;
      }
    }
    for (std::int64_t row = run.first; row < run.last; ++row) cell(node.out, row) = row;
    done[node.out] = run.last;
  }
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_EQ(done[i], all[i].rows);
}

TEST(RowScheduleTest, EveryRowIsThereWhenItIsRead) {
  for (std::int64_t rows = 1; rows < 70; ++rows)
    for (const std::int64_t at_once : {1, 3, 4, 8, 100}) expect_everything_is_there(rows, at_once);
}

TEST(RowScheduleTest, WhatIsKeptDoesNotGrowWithTheLength) {
  const auto few = RowSchedule::rows_kept(small_network(8), pictures(200));
  const auto many = RowSchedule::rows_kept(small_network(8), pictures(20000));
  for (std::size_t i = 1; i < few.size(); ++i) {
    EXPECT_EQ(few[i], many[i]);
    EXPECT_LE(few[i], 40);
  }
}

}  // namespace
}  // namespace balr
