#pragma once
#include <string>

#include "app/option_list.hpp"
#include "balr/app/command.hpp"

namespace balr {

class ModelInfoCommand : public Command {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;

  std::string model;  // file, folder, or repository in the cache
  std::string revision = "main", model_name, config_name;
  bool json = false;
};

}  // namespace balr
