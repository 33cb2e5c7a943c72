#pragma once
#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <tuple>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"

namespace balr::test {

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

}  // namespace balr::test
