#pragma once
#include "app/run_command.hpp"

namespace balr {

class DoctorCommand : public RunCommand {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
};

}  // namespace balr
