#include <gtest/gtest.h>

#include <thread>

#include "balr/dist/world.hpp"
#include "balr/run/parts.hpp"

namespace balr {
namespace {

// Returns the rows this rank worked on.
std::vector<std::int64_t> work(ClaimClient& claims, int stop_after = -1) {
  std::vector<std::int64_t> mine;
  while (!claims.finished()) {
    const auto rows = claims.next(1);
    if (!rows) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      continue;
    }
    if (stop_after-- == 0) {
      claims.request_stop();
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    for (std::int64_t row = rows->begin; row < rows->end; ++row) mine.push_back(row);
    claims.done(*rows);
  }
  return mine;
}

std::vector<int> counts(World& world, const std::vector<std::int64_t>& mine, std::size_t rows) {
  std::string text(rows, '\0');
  for (const auto row : mine) ++text[static_cast<std::size_t>(row)];
  std::vector<int> out(rows);
  for (const std::string& theirs : world.all_gather(text, "rows"))
    for (std::size_t row = 0; row < rows; ++row) out[row] += theirs[row];
  return out;
}

TEST(ClaimsOverMpi, EveryRowIsWorkedOnOnce) {
  const auto world = World::start(nullptr, nullptr);
  ClaimClient claims(*world, {{0, 30}, {31, 1500}, {1501, 1600}}, 8);
  const auto count = counts(*world, work(claims), 1600);
  for (std::size_t row = 0; row < count.size(); ++row) EXPECT_EQ(count[row], row == 30 || row == 1500 ? 0 : 1) << row;
  EXPECT_EQ(claims.rows_done(), world->rank() == 0 ? 1598 : 0);
}

TEST(ClaimsOverMpi, AStopOnOneRankEndsAll) {
  for (int stopper = 0; stopper < 3; ++stopper) {
    const auto world = World::start(nullptr, nullptr);
    ClaimClient claims(*world, {{0, 800000}}, 8);
    const auto mine = work(claims, world->rank() == stopper ? 5 : -1);
    EXPECT_TRUE(claims.stopped());
    EXPECT_LT(mine.size(), 400000u);
    world->barrier("stopped");
  }
}

}  // namespace
}  // namespace balr
