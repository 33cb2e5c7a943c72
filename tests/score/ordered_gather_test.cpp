// On several ranks: blocks arrive in order, errors of the first block win, nothing is left over.
#include "score/ordered_gather.hpp"

#include <gtest/gtest.h>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"

namespace balr {
namespace {

// Blocks rank, rank + size, ... below `count`, a few at a time; `failing` throws.
std::function<std::vector<std::string>()> blocks_of(const World& world, int count, int batch,
                                                    int failing) {
  auto next = std::make_shared<int>(world.rank());
  const int size = world.size();
  return [=] {
    std::vector<std::string> results;
    for (; *next < count && static_cast<int>(results.size()) < batch; *next += size) {
      if (*next >= failing) throw DataError("block " + std::to_string(*next));
      results.push_back(std::to_string(*next) +
                        std::string(static_cast<std::size_t>(*next % 7), 'x'));
    }
    return results;
  };
}

TEST(OrderedGather, ArrivesInOrder) {
  const auto world = World::start(nullptr, nullptr);
  for (const int count : {0, 1, 2, 3, 10, 2000})
    for (const int batch : {1, 2, 5}) {
      int expected = 0;
      gather_in_order(*world, blocks_of(*world, count, batch, count), [&](const std::string& text) {
        EXPECT_EQ(text, std::to_string(expected) +
                            std::string(static_cast<std::size_t>(expected % 7), 'x'));
        ++expected;
      });
      EXPECT_EQ(expected, world->rank() == 0 ? count : 0);
    }
}

TEST(OrderedGather, TheErrorOfTheFirstBlockIsThrownEverywhere) {
  const auto world = World::start(nullptr, nullptr);
  for (const int failing : {0, 1, 2, 57, 300}) {
    int consumed = 0;
    try {
      gather_in_order(*world, blocks_of(*world, 400, 1, failing),
                      [&](const std::string&) { ++consumed; });
      ADD_FAILURE() << "no error";
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("block " + std::to_string(failing)), std::string::npos)
          << e.what();
      EXPECT_EQ(e.code(), ExitCode::kData);
    }
    EXPECT_EQ(consumed, world->rank() == 0 ? failing : 0);
  }
}

TEST(OrderedGather, AConsumerThatFails) {
  const auto world = World::start(nullptr, nullptr);
  for (const int failing : {0, 1, 90}) {
    int consumed = 0;
    EXPECT_THROW(gather_in_order(*world, blocks_of(*world, 1000, 3, 1000),
                                 [&](const std::string&) {
                                   if (consumed++ == failing) throw IoError("disk full");
                                 }),
                 Error);
  }
  world->barrier("no message is left over");
}

}  // namespace
}  // namespace balr
