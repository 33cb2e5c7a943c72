#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "app/option_list.hpp"

namespace balr {

// The words of a command line, sorted by what they are; nothing is set yet.
struct ParsedArguments {
  bool help = false;
  std::vector<std::pair<const Option*, std::string>> options;  // in order; of a switch: on, off
  std::vector<std::string> positionals;                        // arguments and overrides
};

// Click's rules, which the Python balr has: options and positionals in any order; `--name value`
// and `--name=value`; names are never abbreviated; what follows `--` is positional, and so is a
// lone `-`. Unlike click, another option is not taken for a missing value. Throws ConfigError that
// names the nearest option. `list` must outlive the result.
ParsedArguments parse_arguments(const OptionList& list, std::span<const std::string> words);

// Sets what was parsed. Throws ConfigError for a value that does not fit, and for missing
// arguments. Returns the positionals after the arguments.
std::vector<std::string> set_arguments(const OptionList& list, const ParsedArguments& parsed);

}  // namespace balr
