// nccl_faulty_rank WHAT RANK WATCHDOG: some steps of training's collectives over NCCL's double, in
// which RANK does WHAT; the driver looks at how the run ends.
#include <ATen/ATen.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"
#include "dist/collective_nccl.hpp"
#include "host_stream.hpp"
#include "nccl_double.hpp"

namespace {

using namespace balr;
using nccl_double::How;

const std::map<std::string, nccl_double::Fault> kFaults = {
    {"start_returned", {"ncclCommInitRankConfig", 1, How::kReturned, ncclSystemError}},
    {"start_later", {"ncclCommInitRankConfig", 1, How::kLater, ncclSystemError}},
    {"start_stuck", {"ncclCommInitRankConfig", 1, How::kStuck, ncclSystemError}},
    {"reduce_returned", {"ncclAllReduce", 5, How::kReturned, ncclSystemError}},
    {"reduce_later", {"ncclAllReduce", 5, How::kLater, ncclRemoteError}},
    {"reduce_stuck", {"ncclAllReduce", 5, How::kStuck, ncclSystemError}},
};

void act(World& world, const std::string& what, bool mine) {
  if (const auto fault = kFaults.find(what); mine && fault != kFaults.end())
    nccl_double::plan(fault->second);
  const auto all = make_nccl_collective(world, std::make_unique<test::HostStream>());
  nccl_double::set_late(true);  // as on a GPU: only finish() waits
  at::Tensor gradients = at::ones({1000});
  for (int step = 0; step < 10; ++step) {
    if (step == 4 && mine && what == "die") kill(getpid(), SIGKILL);
    if (step == 4 && mine && what == "absent")
      while (true) {
        world.tick();
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    all->all_reduce_sum(gradients, "gradients");
  }
  all->finish("the ring of losses");
  std::printf("rank %d is through\n", world.rank());
}

}  // namespace

int main(int argc, char** argv) {
  auto world = World::start(&argc, &argv);
  world->set_watchdog({.watchdog_seconds = std::atof(argv[3])});
  try {
    act(*world, argv[1], world->rank() == std::atoi(argv[2]));
  } catch (const std::exception& error) {
    world->abort(static_cast<int>(ExitCode::kInternal), error.what());
  }
  return 0;
}
