#include <gtest/gtest.h>

#include <thread>

#include "balr/dist/world.hpp"
#include "balr/run/parts.hpp"

namespace balr {
namespace {

// Returns the parts this rank worked on.
std::vector<std::int64_t> work(ClaimClient& claims, int stop_after = -1) {
  std::vector<std::int64_t> mine;
  while (!claims.finished()) {
    const auto part = claims.next();
    if (!part) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      continue;
    }
    if (static_cast<int>(mine.size()) == stop_after) {
      claims.request_stop();
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    mine.push_back(*part);
    claims.done(*part);
  }
  return mine;
}

std::vector<int> counts(World& world, const std::vector<std::int64_t>& mine, std::size_t parts) {
  std::string text(parts, '\0');
  for (const auto part : mine) ++text[static_cast<std::size_t>(part)];
  std::vector<int> out(parts);
  for (const std::string& theirs : world.all_gather(text, "parts"))
    for (std::size_t p = 0; p < parts; ++p) out[p] += theirs[p];
  return out;
}

TEST(ClaimsOverMpi, EveryPartIsWorkedOnOnce) {
  const auto world = World::start(nullptr, nullptr);
  std::vector<bool> done(200);
  done[3] = done[199] = true;
  ClaimClient claims(*world, done);
  const auto count = counts(*world, work(claims), done.size());
  for (std::size_t p = 0; p < done.size(); ++p) EXPECT_EQ(count[p], done[p] ? 0 : 1) << p;
  EXPECT_EQ(claims.parts_done(), world->rank() == 0 ? 200 : 0);
}

TEST(ClaimsOverMpi, AStopOnOneRankEndsAll) {
  for (int stopper = 0; stopper < 3; ++stopper) {
    const auto world = World::start(nullptr, nullptr);
    ClaimClient claims(*world, std::vector<bool>(100000));
    const auto mine = work(claims, world->rank() == stopper ? 5 : -1);
    EXPECT_TRUE(claims.stopped());
    EXPECT_LT(mine.size(), 50000u);
    world->barrier("stopped");
  }
}

}  // namespace
}  // namespace balr
