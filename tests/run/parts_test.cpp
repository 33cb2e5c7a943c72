#include "balr/run/parts.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <tuple>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"

namespace balr {
namespace {

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

// Messages between simulated ranks: those of one (source, target, tag) keep their order and take a random time.
struct Network {
  explicit Network(unsigned seed) : random(seed) {}
  struct Letter {
    int arrives;
    std::string bytes;
  };
  std::map<std::tuple<int, int, int>, std::deque<Letter>> letters;  // (target, tag, source)
  std::mt19937 random;
  int now = 0;
  int slowness = 5;
};

class SimulatedWorld final : public World {
 public:
  SimulatedWorld(Network& network, int rank, int size) : network_(network), rank_(rank), size_(size) {}
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void send(int to, int tag, std::string_view bytes) override {
    auto& queue = network_.letters[{to, tag, rank_}];
    const int soonest = queue.empty() ? 0 : queue.back().arrives;
    const int arrives = network_.now + static_cast<int>(network_.random() % static_cast<unsigned>(network_.slowness));
    queue.push_back({std::max(soonest, arrives), std::string(bytes)});
  }
  std::optional<Message> receive(int tag) override {
    for (int source = 0; source < size_; ++source) {
      auto& queue = network_.letters[{rank_, tag, source}];
      if (queue.empty() || queue.front().arrives > network_.now) continue;
      Message out{source, queue.front().bytes};
      queue.pop_front();
      return out;
    }
    return std::nullopt;
  }
  void tick() override {}

  int local_rank() const override { return rank_; }
  int local_size() const override { return size_; }
  std::string host() const override { return "simulated"; }
  void set_watchdog(const WorldOptions&) override { unused(); }
  void barrier(std::string_view) override { unused(); }
  std::string broadcast(std::string, int, std::string_view) override { unused(); }
  std::vector<std::string> all_gather(std::string_view, std::string_view) override { unused(); }
  void all_gather_bytes(std::span<const std::byte>, std::span<std::byte>, std::span<const std::size_t>, std::string_view) override {
    unused();
  }
  void broadcast_bytes(std::span<std::byte>, int, std::string_view) override { unused(); }
  void enter_busy(std::string_view) override { unused(); }
  void leave_busy() override { unused(); }
  void enter_operation(std::string_view) override { unused(); }
  void leave_operation() override { unused(); }
  [[noreturn]] void abort(int, std::string_view) override { unused(); }

 private:
  [[noreturn]] static void unused() { throw InternalError("the claims use no other operations"); }
  Network& network_;
  int rank_, size_;
};

// One run: ranks act in random order; each works on its parts for a random time.
struct Simulation {
  struct Worker {
    std::unique_ptr<SimulatedWorld> world;
    std::unique_ptr<ClaimClient> claims;
    std::deque<std::pair<std::int64_t, int>> work;  // part, steps left
    bool left = false, was_stopped = false;
    int speed = 1;
  };

  Simulation(unsigned seed, int ranks, std::vector<bool> done) : network(seed), already(done) {
    for (int r = 0; r < ranks; ++r) {
      Worker worker;
      worker.world = std::make_unique<SimulatedWorld>(network, r, ranks);
      worker.claims = std::make_unique<ClaimClient>(*worker.world, r == 0 ? done : std::vector<bool>{});
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
      if (const auto part = w.claims->next()) {
        ++given[*part];
        w.work.emplace_back(*part, w.speed);
      }
    if (!w.work.empty() && --w.work.front().second <= 0) {
      w.claims->done(w.work.front().first);
      ++published[w.work.front().first];
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
  std::vector<bool> already;
  std::vector<Worker> workers;
  std::map<std::int64_t, int> given, published;
  bool asked_to_stop = false;
};

std::vector<bool> some_done(unsigned seed, std::size_t parts) {
  std::mt19937 random(seed + 1000);
  std::vector<bool> done(parts);
  const unsigned share = random() % 5;  // 0: none, 4: most
  for (std::size_t p = 0; p < parts; ++p) done[p] = random() % 5 < share;
  return done;
}

TEST(Claims, EveryOpenPartIsGivenAndPublishedExactlyOnce) {
  for (unsigned seed = 0; seed < 400; ++seed) {
    const int ranks = 1 + static_cast<int>(seed % 7);
    const std::vector<bool> done = some_done(seed, seed % 60);
    Simulation simulation(seed, ranks, done);
    ASSERT_TRUE(simulation.run(100000)) << seed;
    for (std::size_t p = 0; p < done.size(); ++p) {
      const auto part = static_cast<std::int64_t>(p);
      ASSERT_EQ(simulation.given[part], done[p] ? 0 : 1) << seed;
      ASSERT_EQ(simulation.published[part], done[p] ? 0 : 1) << seed;
    }
    for (auto& w : simulation.workers) ASSERT_FALSE(w.was_stopped);
    ASSERT_EQ(simulation.workers[0].claims->parts_done(), static_cast<std::int64_t>(done.size()));
  }
}

TEST(Claims, NobodyLeavesBeforeTheLastPartIsPublished) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    Simulation simulation(seed, 3, std::vector<bool>(2));
    simulation.workers[0].speed = 3000;  // holds a part for long
    simulation.run(1000);
    if (simulation.published.size() == 2) continue;  // the others were faster
    for (const auto& w : simulation.workers) ASSERT_FALSE(w.left) << seed;
  }
}

TEST(Claims, AStopOnAnyRankReachesAllAtAnyTime) {
  for (unsigned seed = 0; seed < 400; ++seed) {
    const int ranks = 1 + static_cast<int>(seed % 5);
    Simulation simulation(seed, ranks, std::vector<bool>(40));
    for (auto& w : simulation.workers) w.speed += 20;
    const bool ended = simulation.run(2000, static_cast<int>(seed % 150), static_cast<int>(seed / 5) % ranks);
    ASSERT_TRUE(ended) << seed;
    for (const auto& [part, count] : simulation.given) ASSERT_EQ(count, 1);
    if (!simulation.asked_to_stop) continue;
    for (const auto& w : simulation.workers) ASSERT_TRUE(w.was_stopped) << seed;
  }
}

TEST(Claims, AStopReachesRanksThatAreAtTheirLastPart) {
  for (int stopper = 0; stopper < 3; ++stopper) {
    Simulation simulation(7, 3, std::vector<bool>(3));  // everything is claimed at once
    for (auto& w : simulation.workers) w.speed = 1000000;
    ASSERT_TRUE(simulation.run(1000, 200, stopper));
    for (const auto& w : simulation.workers) EXPECT_TRUE(w.was_stopped);
    EXPECT_TRUE(simulation.published.empty());
  }
}

TEST(Claims, APartThatCrossesAStopIsNotTaken) {
  Network network(1);
  network.slowness = 1;
  SimulatedWorld zero(network, 0, 2), one(network, 1, 2);
  ClaimClient server(zero, std::vector<bool>(3)), worker(one, {});
  EXPECT_FALSE(worker.next());
  EXPECT_FALSE(server.finished());  // answers
  worker.request_stop();
  EXPECT_TRUE(worker.finished());
  EXPECT_FALSE(worker.next());
  EXPECT_TRUE(server.stopped());
  EXPECT_FALSE(server.next());
}

TEST(Claims, AFastRankGetsMoreParts) {
  Simulation simulation(3, 2, std::vector<bool>(60));
  std::map<int, int> count;
  simulation.workers[0].speed = 50;
  simulation.workers[1].speed = 1;
  ASSERT_TRUE(simulation.run(100000));
  // The slow one needs 50 steps a part; by then the fast one has done most of the rest.
  EXPECT_LT(simulation.network.now, 50 * 30);
}

}  // namespace
}  // namespace balr
