#pragma once
#include <string>

#include "app/command_table.hpp"

namespace balr {

std::string help_text();  // balr --help
// Of the command that these words name; help of all if there are none. Throws ConfigError.
std::string help_of(const std::vector<std::string>& words);
std::string help_text(const CommandEntry& entry);       // balr train --help
std::string group_help_text(const std::string& first);  // balr score --help
std::string usage(const CommandEntry& entry);           // balr train TRAIN VAL [OVERRIDES...]

}  // namespace balr
