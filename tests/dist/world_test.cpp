#include "balr/dist/world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <numeric>
#include <thread>

#include "balr/core/error.hpp"

namespace balr {
namespace {

// Byte i of the data of rank r.
std::byte pattern(int rank, std::size_t i) { return static_cast<std::byte>((i * 131 + i / 256 + 17 * static_cast<std::size_t>(rank)) & 255); }

std::vector<std::byte> block(int rank, std::size_t size) {
  std::vector<std::byte> out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = pattern(rank, i);
  return out;
}

void expect_gathered(World& world, const std::vector<std::size_t>& sizes) {
  const auto mine = block(world.rank(), sizes[static_cast<std::size_t>(world.rank())]);
  std::vector<std::byte> expected, out(std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}));
  for (int r = 0; r < world.size(); ++r) {
    const auto theirs = block(r, sizes[static_cast<std::size_t>(r)]);
    expected.insert(expected.end(), theirs.begin(), theirs.end());
  }
  world.all_gather_bytes(mine, out, sizes, "gather");
  EXPECT_TRUE(out == expected);
}

TEST(World, KnowsItsPlace) {
  const auto world = World::start(nullptr, nullptr);
  const char* launched = std::getenv("OMPI_COMM_WORLD_SIZE");
  if (!launched) launched = std::getenv("PMI_SIZE");  // of MPICH's launcher
  EXPECT_EQ(world->size(), launched ? std::atoi(launched) : 1);
  EXPECT_GE(world->local_rank(), 0);
  EXPECT_LT(world->local_rank(), world->local_size());
  EXPECT_FALSE(world->host().empty());
  const auto ranks = world->all_gather(std::to_string(world->rank()), "ranks");
  for (int r = 0; r < world->size(); ++r) EXPECT_EQ(ranks[static_cast<std::size_t>(r)], std::to_string(r));
}

TEST(World, GathersTextsOfAnyLength) {
  const auto world = World::start(nullptr, nullptr);
  std::string mine(static_cast<std::size_t>(world->rank()) * 1000, static_cast<char>('a' + world->rank()));
  const auto all = world->all_gather(mine, "texts");  // rank 0's is empty
  ASSERT_EQ(all.size(), static_cast<std::size_t>(world->size()));
  for (int r = 0; r < world->size(); ++r)
    EXPECT_EQ(all[static_cast<std::size_t>(r)], std::string(static_cast<std::size_t>(r) * 1000, static_cast<char>('a' + r)));
  for (const std::string& text : world->all_gather("", "nothing")) EXPECT_EQ(text, "");
}

TEST(World, GathersBytesOfUnequalSizes) {
  const auto world = World::start(nullptr, nullptr);
  const auto ranks = static_cast<std::size_t>(world->size());
  std::vector<std::size_t> sizes(ranks, 12345);
  expect_gathered(*world, sizes);
  for (std::size_t r = 0; r < ranks; ++r) sizes[r] = (r % 2) * 70001 + r;  // rank 0 has none
  expect_gathered(*world, sizes);
  expect_gathered(*world, std::vector<std::size_t>(ranks, 0));
}

TEST(World, BroadcastsFromEveryRank) {
  const auto world = World::start(nullptr, nullptr);
  for (int root = 0; root < world->size(); ++root) {
    const std::string text = world->rank() == root ? "from " + std::to_string(root) : "something else that is longer";
    EXPECT_EQ(world->broadcast(text, root, "text"), "from " + std::to_string(root));
    auto bytes = block(world->rank(), 100003);
    world->broadcast_bytes(bytes, root, "bytes");
    EXPECT_TRUE(bytes == block(root, 100003));
  }
  EXPECT_EQ(world->broadcast(world->rank() == 0 ? "" : "x", 0, "empty"), "");
}

TEST(World, SplitsWhatIsLargerThanAMessage) {
  const auto world = World::start(nullptr, nullptr);
  world->set_watchdog({.watchdog_seconds = 600, .max_message_bytes = 1000});
  const auto ranks = static_cast<std::size_t>(world->size());
  expect_gathered(*world, std::vector<std::size_t>(ranks, 1000));
  std::vector<std::size_t> sizes;
  for (std::size_t r = 0; r < ranks; ++r) sizes.push_back(r * 2500);
  expect_gathered(*world, sizes);
  auto bytes = block(world->rank(), 5001);
  world->broadcast_bytes(bytes, world->size() - 1, "bytes");
  EXPECT_TRUE(bytes == block(world->size() - 1, 5001));
  const std::string text(4999, 'y');
  EXPECT_EQ(world->broadcast(world->rank() == 0 ? text : "", 0, "text"), text);
}

std::vector<World::Message> receive(World& world, int tag, std::size_t count) {
  std::vector<World::Message> out;
  while (out.size() < count) {
    if (auto message = world.receive(tag)) {
      out.push_back(std::move(*message));
    } else {
      std::this_thread::yield();
    }
  }
  return out;
}

TEST(World, MessagesArriveWholeAndInOrder) {
  const auto world = World::start(nullptr, nullptr);
  const int next = (world->rank() + 1) % world->size(), previous = (world->rank() + world->size() - 1) % world->size();
  for (const std::size_t piece : {std::size_t{1} << 30, std::size_t{777}}) {
    world->set_watchdog({.watchdog_seconds = 600, .max_message_bytes = piece});
    world->barrier("same limit");
    const std::size_t lengths[] = {0, 1, 777, 778, 3'000'000};
    for (const std::size_t length : lengths) world->send(next, 5, std::string(length, static_cast<char>('0' + world->rank())));
    world->send(next, 6, "another tag");
    const auto messages = receive(*world, 5, std::size(lengths));
    for (std::size_t i = 0; i < std::size(lengths); ++i) {
      EXPECT_EQ(messages[i].source, previous);
      EXPECT_TRUE(messages[i].bytes == std::string(lengths[i], static_cast<char>('0' + previous))) << i;
    }
    EXPECT_EQ(receive(*world, 6, 1)[0].bytes, "another tag");
    EXPECT_FALSE(world->receive(5));
    world->barrier("all received");
  }
}

TEST(World, MessagesFromAllRanksToOneDoNotMix) {
  const auto world = World::start(nullptr, nullptr);
  world->set_watchdog({.watchdog_seconds = 600, .max_message_bytes = 1000});
  world->send(0, 1, std::string(5500, static_cast<char>('a' + world->rank())));
  if (world->rank() == 0) {
    std::vector<bool> seen(static_cast<std::size_t>(world->size()));
    for (const auto& message : receive(*world, 1, seen.size())) {
      EXPECT_TRUE(message.bytes == std::string(5500, static_cast<char>('a' + message.source)));
      seen[static_cast<std::size_t>(message.source)] = true;
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), true), world->size());
  }
  world->barrier("received");
}

TEST(World, AgreesWhenAllIsWell) {
  const auto world = World::start(nullptr, nullptr);
  bool done = false;
  all_agree(*world, "fine", [&] { done = true; });
  EXPECT_TRUE(done);
}

TEST(World, OneFailureIsEverybodysFailure) {
  const auto world = World::start(nullptr, nullptr);
  for (int failing = 0; failing < world->size(); ++failing) {
    try {
      all_agree(*world, "open", [&] {
        if (world->rank() == failing) throw DataError("row 7 is bad");
      });
      ADD_FAILURE() << "nothing was thrown";
    } catch (const DataError& error) {
      EXPECT_EQ(error.code(), ExitCode::kData);
      EXPECT_EQ(std::string(error.what()).find("row 7 is bad"), 0u);
      const bool named = std::string(error.what()).find("rank " + std::to_string(failing)) != std::string::npos;
      EXPECT_EQ(named, world->size() > 1);
    }
  }
  world->barrier("still together");
}

TEST(World, TheLowestFailingRankSpeaks) {
  const auto world = World::start(nullptr, nullptr);
  try {
    all_agree(*world, "all", [&] { throw std::runtime_error("reason " + std::to_string(world->rank())); });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const InternalError& error) {
    EXPECT_STREQ(error.what(), "reason 0");
  }
}

TEST(World, LongWorkThatIsSaidToBeLongIsNoFault) {
  const auto world = World::start(nullptr, nullptr);
  world->set_watchdog({.watchdog_seconds = 1.5});
  for (const int slow : {0, world->size() - 1}) {
    if (world->rank() == slow) {
      const Busy busy(*world, "long work");
      std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    }
    world->barrier("after long work");
  }
}

TEST(World, TickingRanksMayTakeTheirTime) {
  const auto world = World::start(nullptr, nullptr);
  world->set_watchdog({.watchdog_seconds = 1.5});
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  while (std::chrono::steady_clock::now() < end) {
    world->tick();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  world->barrier("end");
}

TEST(World, ManyShortOperationsDoNotCollide) {
  const auto world = World::start(nullptr, nullptr);
  const auto ranks = static_cast<std::size_t>(world->size());
  for (int i = 0; i < 300; ++i) {
    std::vector<std::int64_t> out(ranks);
    const std::int64_t mine = 1000 * i + world->rank();
    world->all_gather_bytes(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(out)),
                            std::vector<std::size_t>(ranks, sizeof mine), "number");
    for (std::size_t r = 0; r < ranks; ++r) ASSERT_EQ(out[r], 1000 * i + static_cast<std::int64_t>(r));
  }
}

}  // namespace
}  // namespace balr
