#include "dist/launcher.hpp"

#include <cstdlib>

namespace balr {
namespace {

long number(const char* text) { return text ? std::strtol(text, nullptr, 10) : 0; }

}  // namespace

std::optional<std::string> singleton_mismatch(const Environment& environment) {
  // mpirun's own variable decides where it is set: below mpirun, SLURM_STEP_NUM_TASKS counts mpirun's daemons.
  const char* const by_mpirun = environment("OMPI_COMM_WORLD_SIZE");
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    const long launched = number(environment(name));
    if (launched > 1)
      return "the launcher started " + std::to_string(launched) + " processes (" + name +
             "), but MPI sees each of them alone: start with `srun --mpi=pmix` (`srun --mpi=list` shows what this cluster "
             "has), or with the mpirun of the MPI library that balr was built with";
    if (by_mpirun) break;
  }
  return std::nullopt;
}

std::optional<std::string> missing_wire_up(const Environment& environment) {
  const long launched = number(environment("SLURM_STEP_NUM_TASKS"));
  if (launched <= 1) return std::nullopt;
  for (const char* name : {"PMIX_RANK", "PMIX_NAMESPACE", "PMI_RANK", "PMI_FD", "PMI_JOBID", "PMI_CONTROL_PORT", "PMI_SHARED_SECRET",
                           "PALS_RANKID", "OMPI_COMM_WORLD_SIZE"})
    if (environment(name)) return std::nullopt;
  return "srun started " + std::to_string(launched) +
         " processes (SLURM_STEP_NUM_TASKS) without a way for MPI to connect them: start with `srun --mpi=pmix` (`srun --mpi=list` shows what this "
         "cluster has)";
}

}  // namespace balr
