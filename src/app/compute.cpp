// balr-compute: what `balr` hands over to for everything that needs LibTorch, MPI or a device.
#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string_view>

#include "app/run_commands.hpp"
#include "balr/app/command_line.hpp"
#include "balr/core/error.hpp"
#include "balr/core/log.hpp"
#include "balr/dist/world.hpp"
#include "balr/run/job.hpp"
#include "balr/run/stop_flag.hpp"

namespace balr {
namespace {

// Slurm's end of the job minus this many minutes is a stop request too.
void set_time_limit(StopFlag& stop, const CommandLine& command) {
  const auto end = job_from_environment().end;
  if (!command.stop_before_end_minutes || !end) return;
  stop.stop_at(*end - std::chrono::duration_cast<std::chrono::system_clock::duration>(
                          std::chrono::duration<double, std::ratio<60>>(*command.stop_before_end_minutes)));
}

int run(const CommandLine& command, World& world, const StopFlag& stop) {
  init_log({command.log_level, world.rank(), world.size(), command.log_dir});
  world.set_watchdog({command.config.real("watchdog_seconds")});
  if (command.command == "extract") return static_cast<int>(run_extract(command, world, stop));
  if (command.command == "train") return static_cast<int>(run_train(command, world, stop));
  return static_cast<int>(run_model_init(command, world));
}

}  // namespace

int compute_main(int argc, char** argv) {
  int exit_code = 0;
  const auto command = parse_command_line(argc, argv, exit_code);
  if (!command) return exit_code;

  StopFlag stop = StopFlag::install();
  std::unique_ptr<World> world;
  try {
    world = World::start(&argc, &argv);
  } catch (const Error& e) {
    // Without MPI the launcher's number says who speaks for all.
    const char* rank = std::getenv("SLURM_PROCID");
    if (rank == nullptr || std::string_view(rank) == "0") std::fprintf(stderr, "error: %s\n", e.what());
    return static_cast<int>(e.code());
  }
  stop = StopFlag::install();  // MPI may have taken the signals
  set_time_limit(stop, *command);
  try {
    return run(*command, *world, stop);
  } catch (const Error& e) {
    // Agreed: every rank knows and ends in order; one of them says so and gives the exit code.
    if (!e.agreed() && world->size() > 1) world->abort(static_cast<int>(e.code()), e.what());
    if (world->rank() != 0) return 0;
    std::fprintf(stderr, "error: %s\n", e.what());
    return static_cast<int>(e.code());
  } catch (const std::exception& e) {
    world->abort(static_cast<int>(ExitCode::kInternal), std::string("internal error: ") + e.what());
  }
  return static_cast<int>(ExitCode::kInternal);  // abort() never returns
}

}  // namespace balr

int main(int argc, char** argv) { return balr::compute_main(argc, argv); }
