#pragma once
#include <string>

#include "app/command_table.hpp"

namespace balr {

std::string help_text();                                // balr --help
std::string help_text(const CommandEntry& entry);       // balr train --help
std::string group_help_text(const std::string& first);  // balr score --help
std::string usage(const CommandEntry& entry);           // balr train TRAIN VAL [OVERRIDES...]

}  // namespace balr
