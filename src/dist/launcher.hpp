#pragma once
#include <functional>
#include <optional>
#include <string>

namespace balr {

// What the launcher's environment says, as text; nullptr for a variable that is not set (std::getenv).
using Environment = std::function<const char*(const char*)>;

// Why a process that MPI sees alone should not be: its launcher started several (srun without the right --mpi does that, and
// each would do the whole work). Nothing if all is well. To be read before MPI_Init, which sets some of these variables.
std::optional<std::string> singleton_mismatch(const Environment& environment);

// Why MPI_Init cannot succeed: srun started several processes and gave them no way to find each other (--mpi=none). Some MPI
// libraries then end the process with a page of text, others start singletons. Nothing if all is well.
std::optional<std::string> missing_wire_up(const Environment& environment);

}  // namespace balr
