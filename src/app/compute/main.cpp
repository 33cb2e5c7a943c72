// balr-compute: what `balr` hands over to for everything that needs LibTorch, MPI or a device.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <vector>

#include <spdlog/spdlog.h>

#include "app/compute/runs.hpp"
#include "app/runner.hpp"
#include "balr/core/log.hpp"
#include "balr/dist/world.hpp"
#include "balr/run/job.hpp"

namespace balr {
namespace {

using RankRunner = Runner<World&, const StopFlag&>;

// Program::kRanks
std::span<const RankRunner> rank_runners() {
  static const std::vector<RankRunner> table = {
      runner(run_binarize),
      runner(run_doctor),
      runner(run_explain),
      runner(run_extract),
      runner(run_score_test),
      runner(run_score_train),
      runner(run_train),
  };
  return table;
}

// Program::kCompute
std::span<const Runner<>> single_runners() {
  static const std::vector<Runner<>> table = {
      runner(run_model_info),
      runner(run_model_init),
  };
  return table;
}

// Slurm's end of the job minus this many minutes is a stop request too.
void set_time_limit(StopFlag& stop, const RunCommand& command) {
  const auto end = job_from_environment().end;
  if (!command.stop_before_end_minutes || !end) return;
  stop.stop_at(
      *end - std::chrono::duration_cast<std::chrono::system_clock::duration>(
                 std::chrono::duration<double, std::ratio<60>>(*command.stop_before_end_minutes)));
}

int run(const CommandLine& line, World& world, const StopFlag& stop) {
  const auto& command = dynamic_cast<const RunCommand&>(*line.command);
  init_log({command.log.level, world.rank(), world.size(), command.log.folder});
  world.set_watchdog({command.config.real("watchdog_seconds")});
  if (world.rank() == 0)
    for (const std::string& note : command.config.notes()) spdlog::warn("{}", note);
  const RankRunner* found = find_runner(rank_runners(), line.info->name);
  BALR_CHECK(found != nullptr);
  return static_cast<int>(found->run(command, world, stop));
}

}  // namespace

int compute_main(int argc, char** argv) {
  int exit_code = 0;
  const auto line = parse_command_line(argc, argv, exit_code);
  if (!line) return exit_code;
  if (line->info->program == Program::kCompute) return run_single(*line, single_runners());

  StopFlag stop = StopFlag::install();
  std::unique_ptr<World> world;
  try {
    world = World::start(&argc, &argv);
  } catch (const Error& e) {
    // Without MPI the launcher's number says who speaks for all.
    const char* rank = std::getenv("SLURM_PROCID");
    if (rank == nullptr || std::string_view(rank) == "0")
      std::fprintf(stderr, "error: %s\n", e.what());
    return static_cast<int>(e.code());
  }
  stop = StopFlag::install();  // MPI may have taken the signals
  set_time_limit(stop, dynamic_cast<const RunCommand&>(*line->command));
  try {
    return run(*line, *world, stop);
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
