// How evenly the claims divide the work: the real ClaimClient in a simulation with exact clocks, no timing.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <numeric>
#include <queue>
#include <vector>

#include "balr/run/parts.hpp"
#include "simulated_world.hpp"

namespace balr {
namespace {

using test::Network;
using test::SimulatedWorld;

// Milliseconds that each row takes a thread of a rank of speed 1.
using Costs = std::vector<double>;

struct Outcome {
  double total = 0;                // when the last row is done
  std::vector<double> busy_until;  // by rank
  std::vector<double> work;        // row costs done, by rank
};

// One rank: `threads` threads that take rows from a queue, which is kept filled by claims, as compute_parts does.
struct SimulatedRank {
  std::unique_ptr<SimulatedWorld> world;
  std::unique_ptr<ClaimClient> claims;
  double slowness = 1;
  std::vector<double> thread_free;  // when each thread is free again
  struct Open {
    Range rows;
    std::int64_t left;
  };
  std::vector<Open> open;
  std::queue<std::int64_t> queue;
  std::multimap<double, std::int64_t> in_work;  // by the end
  bool left = false;
};

// Rows in work or queued that keep `threads` threads busy: as the CPU engine wants it.
std::int64_t appetite(std::size_t threads) {
  return static_cast<std::int64_t>(threads + std::max<std::size_t>(1, threads / 4));
}

// The ranks act every `poll` ms; messages take up to 5 ms.
Outcome simulate(const Costs& costs, const std::vector<double>& slowness, std::size_t threads) {
  Network network(1);
  const std::int64_t rows = static_cast<std::int64_t>(costs.size());
  std::vector<SimulatedRank> ranks(slowness.size());
  Outcome out;
  out.busy_until.resize(ranks.size());
  out.work.resize(ranks.size());
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    ranks[r].world = std::make_unique<SimulatedWorld>(network, static_cast<int>(r), static_cast<int>(ranks.size()));
    ranks[r].claims = std::make_unique<ClaimClient>(*ranks[r].world, r == 0 ? std::vector<Range>{{0, rows}} : std::vector<Range>{},
                                                    part_rows(rows));
    ranks[r].slowness = slowness[r];
    ranks[r].thread_free.assign(threads, 0);
  }
  for (network.now = 0; network.now < 100'000'000; ++network.now) {
    const double now = network.now;
    bool all_left = true;
    for (std::size_t r = 0; r < ranks.size(); ++r) {
      SimulatedRank& rank = ranks[r];
      if (rank.left) continue;
      all_left = false;
      rank.claims->stopped();  // rank 0 answers the others
      while (!rank.in_work.empty() && rank.in_work.begin()->first <= now) {
        const std::int64_t row = rank.in_work.begin()->second;
        rank.in_work.erase(rank.in_work.begin());
        for (auto& open : rank.open)
          if (row >= open.rows.begin && row < open.rows.end && --open.left == 0) rank.claims->done(open.rows);
      }
      for (double& thread : rank.thread_free) {
        if (thread > now || rank.queue.empty()) continue;
        const std::int64_t row = rank.queue.front();
        rank.queue.pop();
        const double cost = costs[static_cast<std::size_t>(row)];
        thread = now + cost * rank.slowness;
        rank.in_work.emplace(thread, row);
        out.work[r] += cost;
        out.busy_until[r] = std::max(out.busy_until[r], thread);
      }
      const auto outstanding = static_cast<std::int64_t>(rank.queue.size() + rank.in_work.size());
      if (outstanding < appetite(threads))
        if (const auto claim = rank.claims->next(appetite(threads) - outstanding)) {
          rank.open.push_back({*claim, claim->size()});
          for (std::int64_t row = claim->begin; row < claim->end; ++row) rank.queue.push(row);
        }
      if (rank.queue.empty() && rank.in_work.empty() && rank.claims->finished()) rank.left = true;
    }
    if (all_left) break;
  }
  for (const double end : out.busy_until) out.total = std::max(out.total, end);
  return out;
}

double sum(const Costs& costs) { return std::accumulate(costs.begin(), costs.end(), 0.0); }

TEST(Balance, OneRankThatIsFourTimesSlowerCostsLittle) {
  for (const std::size_t threads : {1, 2, 8}) {
    const Costs costs(2000, 60);  // an utterance in 60 ms
    for (std::size_t slow = 0; slow < 4; ++slow) {
      std::vector<double> slowness(4, 1);
      slowness[slow] = 4;
      const double ideal = sum(costs) / (3.25 * static_cast<double>(threads));
      const Outcome outcome = simulate(costs, slowness, threads);
      EXPECT_LE(outcome.total, 1.15 * ideal) << threads << " threads, rank " << slow << " is slow";
      if (slow == 0) std::printf("one of 4 ranks four times slower, %zu threads: %.3f of the ideal time\n", threads, outcome.total / ideal);
      EXPECT_NEAR(std::accumulate(outcome.work.begin(), outcome.work.end(), 0.0), sum(costs), 1e-6);
    }
  }
}

// Lengths as in VoxCeleb: 4 s to 145 s, mean 8.2 s, most of them short. An exact quantile function of a Pareto-like tail, the
// rows in an order where long ones come in runs, as utterances of one video do.
Costs voxceleb_like(std::int64_t rows) {
  Costs costs;
  std::mt19937 random(7);
  while (static_cast<std::int64_t>(costs.size()) < rows) {
    const double u = (static_cast<double>(random()) + 0.5) / 4294967296.0;
    const double seconds = std::min(145.0, 4 * std::pow(u, -0.5));
    const auto run = 1 + random() % 3;
    for (unsigned i = 0; i < run && static_cast<std::int64_t>(costs.size()) < rows; ++i) costs.push_back(7.5 * seconds);
  }
  return costs;
}

TEST(Balance, SkewedLengthsLeaveNoRankBehind) {
  for (const std::int64_t rows : {2000, 20000}) {
    const Costs costs = voxceleb_like(rows);
    for (const std::size_t threads : {1, 2}) {
      const Outcome outcome = simulate(costs, std::vector<double>(4, 1), threads);
      const double mean = std::accumulate(outcome.busy_until.begin(), outcome.busy_until.end(), 0.0) / 4;
      for (const double end : outcome.busy_until) EXPECT_LE(end, 1.15 * mean) << rows << " rows, " << threads << " threads";
      std::printf("%lld rows as long as VoxCeleb's, %zu threads: the last of 4 ranks ends at %.3f of the mean\n", static_cast<long long>(rows),
                  threads, outcome.total / mean);
      // Nobody waits in between either: all of the time up to the end is work.
      EXPECT_LE(outcome.total, 1.15 * sum(costs) / (4 * static_cast<double>(threads)));
    }
  }
}

// The worst order: the longest files last.
TEST(Balance, LongFilesAtTheEndAreThePriceOfOneFile) {
  Costs costs = voxceleb_like(2000);
  std::sort(costs.begin(), costs.end());
  const Outcome outcome = simulate(costs, std::vector<double>(4, 1), 1);
  EXPECT_LE(outcome.total, sum(costs) / 4 + 2 * costs.back());
}

TEST(Balance, ManyThreadsOnManyRanks) {
  const Costs costs(40000, 60);
  std::vector<double> slowness(16, 1);
  slowness[5] = 4;
  const Outcome outcome = simulate(costs, slowness, 16);
  EXPECT_LE(outcome.total, 1.15 * sum(costs) / (15.25 * 16));
}

}  // namespace
}  // namespace balr
