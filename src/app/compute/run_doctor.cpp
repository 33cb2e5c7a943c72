#include "app/compute/runs.hpp"
#include "balr/dist/world.hpp"
#include "balr/doctor/doctor.hpp"

namespace balr {

ExitCode run_doctor(const DoctorCommand& command, World& world, const StopFlag& /*stop*/) {
  DoctorOptions options;
  options.device = command.device;
  options.folder = command.save_dir.value_or("");
  options.stop_before_end_minutes = command.stop_before_end_minutes;
  return examine(world, options) == 0 ? ExitCode::kOk : ExitCode::kInternal;
}

}  // namespace balr
