// Training steps on the ranks of mpirun: canonical sums beside one plain all-reduce of the gradients.
// Prints, for rank 0, the time of a step and the bytes that a rank hands to its collectives and gets
// from them. Usage: mpirun -n N bench_train_ranks [batch] [steps] [losses, e.g. mtsa]
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "balr/bae/train_step.hpp"
#include "balr/dist/collective.hpp"
#include "balr/dist/world.hpp"

namespace balr {
namespace {

// Counts what passes.
class Counted : public Collective {
 public:
  explicit Counted(Collective& to) : to_(to) {}
  int rank() const override { return to_.rank(); }
  int size() const override { return to_.size(); }
  std::string name() const override { return to_.name(); }
  at::Tensor all_gather(const at::Tensor& mine, std::span<const std::int64_t> rows,
                        std::string_view what) override {
    at::Tensor all = to_.all_gather(mine, rows, what);
    count(mine.nbytes(), all.nbytes() - mine.nbytes());
    return all;
  }
  void all_reduce_sum(at::Tensor& tensor, std::string_view what) override {
    to_.all_reduce_sum(tensor, what);
    count(tensor.nbytes(), tensor.nbytes() * static_cast<std::size_t>(size() - 1));
  }
  void broadcast(at::Tensor& tensor, int root, std::string_view what) override {
    to_.broadcast(tensor, root, what);
  }
  std::size_t calls = 0, sent = 0, received = 0;

 private:
  void count(std::size_t mine, std::size_t others) {
    ++calls;
    sent += mine;
    received += others;
  }
  Collective& to_;
};

TrainStepOptions options_for(const std::string& losses, bool canonical) {
  TrainStepOptions options;
  options.canonical = canonical;
  for (const char loss : losses) {
    if (loss == 'm') options.losses.push_back(make_mse_loss(1.0));
    if (loss == 't') options.losses.push_back(make_triplet_loss({}));
    if (loss == 's') options.losses.push_back(make_sparsity_loss({.group_rows = 16}, 512));
    if (loss == 'a') {
      options.losses.push_back(make_arcface_loss({.classes = 1000}));
      options.heads = {at::randn({1000, 512})};
    }
  }
  return options;
}

void measure(World& world, std::int64_t batch, int steps, const std::string& losses) {
  at::set_num_threads(1);
  at::manual_seed(1);
  const auto collective = make_collective(world, at::kCPU);
  const Autoencoder model = Autoencoder::random({}, 1234);
  const at::Tensor x = at::randn({batch, 256});
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < batch; ++i) labels.push_back(i / 16);
  for (const bool canonical : {true, false}) {
    Counted counted(*collective);
    TrainStep step(model, at::kCPU, options_for(losses, canonical), &counted);
    step.run(x, labels);
    counted.calls = counted.sent = counted.received = 0;
    std::vector<double> times;
    for (int i = 0; i < steps; ++i) {
      const auto start = std::chrono::steady_clock::now();
      step.run(x, labels);
      times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() -
                                                                start)
                          .count());
    }
    std::sort(times.begin(), times.end());
    const auto each = static_cast<double>(steps);
    if (world.rank() == 0)
      std::printf("%d ranks, batch %ld, losses %-4s %-16s %8.2f ms (median %8.2f), %4.1f calls, "
                  "%8.1f KB out, %8.1f KB in\n",
                  world.size(), static_cast<long>(batch), losses.c_str(),
                  canonical ? "canonical sums" : "plain all-reduce", times.front(),
                  times[times.size() / 2], static_cast<double>(counted.calls) / each,
                  static_cast<double>(counted.sent) / each / 1024,
                  static_cast<double>(counted.received) / each / 1024);
  }
}

}  // namespace
}  // namespace balr

int main(int argc, char** argv) {
  const auto world = balr::World::start(&argc, &argv);
  balr::measure(*world, argc > 1 ? std::atoll(argv[1]) : 512, argc > 2 ? std::atoi(argv[2]) : 50,
                argc > 3 ? argv[3] : "m");
}
