#pragma once
#include <string>

namespace balr {

// What the environment says about this process before (or without) MPI.
bool is_launched();               // by mpirun, srun or their like, as one of any number
bool is_first_process();          // number 0 of all; without a launcher too
bool is_first_process_of_node();  // also if the launcher does not tell
std::string host_name();

}  // namespace balr
