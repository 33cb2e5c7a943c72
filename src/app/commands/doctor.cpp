#include "app/commands/doctor.hpp"

namespace balr {

CommandInfo DoctorCommand::info() {
  return {
      .name = "doctor",
      .group = Group::kHelp,
      .program = Program::kRanks,
      .summary = "Examine the nodes, the way between them and the output folder",
      .description =
          "Start it as a run would be started. Prints one line a check: where each rank runs, its\n"
          "GPU and cores, library versions, an all-reduce of known values and its speed, the\n"
          "network that NCCL chose, the output folder, the model cache and Slurm's settings.\n"
          "Exit code 70 if anything is wrong; the line says what to do.",
      .examples =
          "balr doctor --save-dir out\n"
          "srun -N2 --ntasks-per-node=4 --mpi=pmix balr doctor --device cuda --save-dir $SCRATCH/out",
      .overrides = true,
  };
}

void DoctorCommand::declare(OptionList& list) { declare_run_options(list, "none: no folder is examined"); }

}  // namespace balr
