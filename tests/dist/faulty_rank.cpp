// dist_faulty_rank WHAT RANK [WATCHDOG]: a run of a few ranks in which RANK does WHAT; the driver looks at how it ends.
// latency: no fault; prints the microseconds of the operations that a training step uses.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"

namespace {

using namespace balr;
using Clock = std::chrono::steady_clock;

void work_with_ticks(World& world, double seconds) {
  for (const auto begin = Clock::now(); std::chrono::duration<double>(Clock::now() - begin).count() < seconds;) {
    world.tick();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void measure(World& world) {
  const auto ranks = static_cast<std::size_t>(world.size());
  const auto report = [&](const char* what, int count, auto&& operation) {
    world.barrier("before");
    const auto begin = Clock::now();
    for (int i = 0; i < count; ++i) operation();
    const double us = std::chrono::duration<double, std::micro>(Clock::now() - begin).count() / count;
    if (world.rank() == 0) std::printf("%s: %.1f us\n", what, us);
  };
  report("barrier", 2000, [&] { world.barrier("b"); });
  for (const std::size_t bytes : {std::size_t{64}, std::size_t{16384}, std::size_t{262144}, std::size_t{2097152}}) {
    std::vector<std::byte> mine(bytes), out(bytes * ranks);
    const std::vector<std::size_t> sizes(ranks, bytes);
    report(("gather of " + std::to_string(bytes) + " bytes a rank").c_str(), bytes > 100000 ? 100 : 2000,
           [&] { world.all_gather_bytes(mine, out, sizes, "g"); });
  }
}

void act(World& world, const std::string& what, bool mine) {
  if (what == "latency") return measure(world);
  if (what == "throw" && mine) throw std::runtime_error("a fault that nobody caught");
  if (what == "unwind" && mine) throw std::runtime_error("passes the World on its way");
  if (what == "absent" && mine) return work_with_ticks(world, 600);
  if (what == "silent" && mine) std::this_thread::sleep_for(std::chrono::seconds(600));
  if (what == "die" && mine) kill(getpid(), SIGKILL);
  if (what == "stop") {  // the driver stops the process
    std::printf("rank %d is pid %d\n", world.rank(), static_cast<int>(getpid()));
    std::fflush(stdout);
    for (int i = 0; i < 100000; ++i) {
      world.barrier("step");
      work_with_ticks(world, 0.02);
    }
  }
  world.barrier("the meeting");
}

int run(int argc, char** argv) {
  signal(SIGTERM, [](int) {});  // as balr's own handler: the launcher's polite request does not end a rank
  auto world = World::start(&argc, &argv);
  world->set_watchdog({.watchdog_seconds = argc > 3 ? std::atof(argv[3]) : 2});
  const std::string what = argv[1];
  const bool mine = world->rank() == std::atoi(argv[2]);
  if (what == "unwind") {
    act(*world, what, mine);  // no handler within the World's lifetime
    return 0;
  }
  try {
    act(*world, what, mine);
  } catch (const std::exception& error) {
    world->abort(static_cast<int>(ExitCode::kInternal), error.what());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(ExitCode::kInternal);
  }
}
