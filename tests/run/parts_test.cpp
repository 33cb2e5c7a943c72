#include "balr/run/parts.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <random>

#include "simulated_world.hpp"

namespace balr {
namespace {

using test::Network;
using test::SimulatedWorld;

TEST(PartNames, GoThereAndBack) {
  EXPECT_EQ(part_file_name(12), "part-000012.h5");
  EXPECT_EQ(part_file_name(1234567), "part-1234567.h5");
  EXPECT_EQ(fragment_file_name(3, {24, 30}), "fragment-000003-24-30.h5");
  for (const std::int64_t part : {0, 7, 999999, 1234567}) {
    const auto whole = parse_part_file(part_file_name(part));
    ASSERT_TRUE(whole);
    EXPECT_TRUE(whole->complete);
    EXPECT_EQ(whole->part, part);
    const auto piece = parse_part_file(fragment_file_name(part, {part * 8, part * 8 + 5}));
    ASSERT_TRUE(piece);
    EXPECT_FALSE(piece->complete);
    EXPECT_EQ(piece->part, part);
    EXPECT_EQ(piece->rows, (Range{part * 8, part * 8 + 5}));
  }
}

TEST(PartNames, OthersAreNone) {
  for (const char* name : {"", "part-12.h5", "part-000012.h5.tmp", ".part-000012.h5", "part-000012.h5x", "part--00001.h5",
                           "fragment-000001-3.h5", "fragment-000001-3-4", "journal-a-1-2.txt", "part-0000012.h5", "part-+00012.h5"})
    EXPECT_FALSE(parse_part_file(name)) << name;
}

// One run: ranks act in random order; each works on its pieces for a random time.
struct Simulation {
  struct Worker {
    std::unique_ptr<SimulatedWorld> world;
    std::unique_ptr<ClaimClient> claims;
    std::deque<std::pair<Range, int>> work;  // rows, steps left
    bool left = false, was_stopped = false;
    int speed = 1;
  };
  static constexpr std::int64_t kPart = 8;

  Simulation(unsigned seed, int ranks, const std::vector<Range>& open) : network(seed) {
    for (int r = 0; r < ranks; ++r) {
      Worker worker;
      worker.world = std::make_unique<SimulatedWorld>(network, r, ranks);
      worker.claims = std::make_unique<ClaimClient>(*worker.world, r == 0 ? open : std::vector<Range>{}, kPart);
      worker.speed = 1 + static_cast<int>(network.random() % 20);
      workers.push_back(std::move(worker));
    }
  }

  // As compute_parts does.
  void act(Worker& w) {
    if (w.left) return;
    if (w.claims->stopped()) {
      w.was_stopped = w.left = true;
      w.work.clear();
      return;
    }
    if (w.work.size() < 2)
      if (const auto rows = w.claims->next(2)) {
        pieces.push_back(*rows);
        for (std::int64_t row = rows->begin; row < rows->end; ++row) ++given[row];
        w.work.emplace_back(*rows, w.speed * static_cast<int>(rows->size()));
      }
    if (!w.work.empty() && --w.work.front().second <= 0) {
      const Range rows = w.work.front().first;
      w.claims->done(rows);
      for (std::int64_t row = rows.begin; row < rows.end; ++row) ++published[row];
      w.work.pop_front();
    }
    if (w.work.empty() && w.claims->finished()) w.left = true;
  }

  // False if some rank is still there after `steps`.
  bool run(int steps, int stop_at = -1, int stopper = 0) {
    for (int step = 0; step < steps; ++step) {
      ++network.now;
      if (step == stop_at && !workers[static_cast<std::size_t>(stopper)].left) {
        workers[static_cast<std::size_t>(stopper)].claims->request_stop();
        asked_to_stop = true;
      }
      for (std::size_t i = 0; i < workers.size(); ++i) act(workers[network.random() % workers.size()]);
      bool all_left = true;
      for (const Worker& w : workers) all_left = all_left && w.left;
      if (all_left) return true;
    }
    return false;
  }

  Network network;
  std::vector<Worker> workers;
  std::vector<Range> pieces;
  std::map<std::int64_t, int> given, published;  // how often, by row
  bool asked_to_stop = false;
};

// Ranges of [0, rows) that are open; the share of the others differs by seed.
std::vector<Range> some_open(unsigned seed, std::int64_t rows) {
  std::mt19937 random(seed + 1000);
  const unsigned done = random() % 5;  // 0: none, 4: most
  std::vector<Range> out;
  for (std::int64_t row = 0; row < rows; ++row) {
    if (random() % 5 < done) continue;
    if (!out.empty() && out.back().end == row) {
      ++out.back().end;
    } else {
      out.push_back({row, row + 1});
    }
  }
  return out;
}

TEST(Claims, EveryOpenRowIsGivenAndPublishedExactlyOnce) {
  for (unsigned seed = 0; seed < 400; ++seed) {
    const int ranks = 1 + static_cast<int>(seed % 7);
    const std::vector<Range> open = some_open(seed, seed % 300);
    Simulation simulation(seed, ranks, open);
    ASSERT_TRUE(simulation.run(100000)) << seed;
    std::map<std::int64_t, int> expected;
    for (const Range& range : open)
      for (std::int64_t row = range.begin; row < range.end; ++row) expected[row] = 1;
    ASSERT_EQ(simulation.given, expected) << seed;
    ASSERT_EQ(simulation.published, expected) << seed;
    for (auto& w : simulation.workers) ASSERT_FALSE(w.was_stopped);
    ASSERT_EQ(simulation.workers[0].claims->rows_done(), static_cast<std::int64_t>(expected.size()));
    for (const Range& piece : simulation.pieces) {
      ASSERT_GT(piece.size(), 0);
      ASSERT_EQ(piece.begin / Simulation::kPart, (piece.end - 1) / Simulation::kPart) << "a piece lies within a part";
    }
  }
}

TEST(Claims, OneRankTakesWholeParts) {
  Simulation simulation(1, 1, {{0, 20}});
  ASSERT_TRUE(simulation.run(100000));
  EXPECT_EQ(simulation.pieces, (std::vector<Range>{{0, 8}, {8, 16}, {16, 20}}));
}

TEST(Claims, PiecesShrinkTowardsTheEnd) {
  EXPECT_EQ(claim_rows(1'000'000, 64, 1, 1024), 1024);
  EXPECT_EQ(claim_rows(100'000, 64, 1, 1024), 391);  // ceil(100000 / 256)
  EXPECT_EQ(claim_rows(256, 64, 1, 1024), 1);
  EXPECT_EQ(claim_rows(256, 64, 32, 1024), 32);  // what a device can begin at once
  EXPECT_EQ(claim_rows(1, 64, 5000, 1024), 1024);
  EXPECT_EQ(claim_rows(10, 4, 0, 8), 1);
}

TEST(Claims, NobodyLeavesBeforeTheLastRowIsPublished) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    Simulation simulation(seed, 3, {{0, 16}});
    simulation.workers[0].speed = 3000;  // holds its piece for long
    simulation.run(1000);
    if (simulation.published.size() == 16) continue;  // the others were faster
    for (const auto& w : simulation.workers) ASSERT_FALSE(w.left) << seed;
  }
}

TEST(Claims, AStopOnAnyRankReachesAllAtAnyTime) {
  for (unsigned seed = 0; seed < 400; ++seed) {
    const int ranks = 1 + static_cast<int>(seed % 5);
    Simulation simulation(seed, ranks, {{0, 320}});
    for (auto& w : simulation.workers) w.speed += 20;
    const bool ended = simulation.run(2000, static_cast<int>(seed % 150), static_cast<int>(seed / 5) % ranks);
    ASSERT_TRUE(ended) << seed;
    for (const auto& [row, count] : simulation.given) ASSERT_EQ(count, 1);
    if (!simulation.asked_to_stop) continue;
    for (const auto& w : simulation.workers) ASSERT_TRUE(w.was_stopped) << seed;
  }
}

TEST(Claims, AStopReachesRanksThatAreAtTheirLastPiece) {
  for (int stopper = 0; stopper < 3; ++stopper) {
    Simulation simulation(7, 3, {{0, 3}});  // everything is claimed at once
    for (auto& w : simulation.workers) w.speed = 1000000;
    ASSERT_TRUE(simulation.run(1000, 200, stopper));
    for (const auto& w : simulation.workers) EXPECT_TRUE(w.was_stopped);
    EXPECT_TRUE(simulation.published.empty());
  }
}

TEST(Claims, APieceThatCrossesAStopIsNotTaken) {
  Network network(1);
  network.slowness = 1;
  SimulatedWorld zero(network, 0, 2), one(network, 1, 2);
  ClaimClient server(zero, {{0, 24}}, 8), worker(one, {}, 8);
  EXPECT_FALSE(worker.next(1));
  EXPECT_FALSE(server.finished());  // answers
  worker.request_stop();
  EXPECT_TRUE(worker.finished());
  EXPECT_FALSE(worker.next(1));
  EXPECT_TRUE(server.stopped());
  EXPECT_FALSE(server.next(1));
}

}  // namespace
}  // namespace balr
