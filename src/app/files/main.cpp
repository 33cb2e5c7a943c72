// balr-files: what `balr` hands over to for commands that need HDF5, audio or the network, but
// neither LibTorch, MPI nor a device.
#include <vector>

#include "app/files/runs.hpp"
#include "app/runner.hpp"

namespace balr {
namespace {

std::span<const Runner<>> runners() {
  static const std::vector<Runner<>> table = {runner(run_export), runner(run_import), runner(run_model_fetch),
                                              runner(run_score_calibrate),
                                              runner(run_trials), runner(run_verify)};
  return table;
}

}  // namespace
}  // namespace balr

int main(int argc, char** argv) { return balr::run_single(argc, argv, balr::runners()); }
