#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "balr/app/command.hpp"

namespace balr {

struct CommandEntry {
  CommandInfo info;
  std::unique_ptr<Command> (*make)();
};

// All commands, in the order of `balr --help`.
std::span<const CommandEntry> command_table();

// The command that the words start with; takes its name off them. Throws ConfigError that names the
// nearest one.
const CommandEntry& take_command(std::vector<std::string>& words);
// True for `score --help ...`: a word that starts several commands, and then the option. Throws
// ConfigError for another option there.
bool asks_for_group(const std::vector<std::string>& words);
// nullptr if there is none.
const CommandEntry* find_command(std::string_view name);
// The second words of the commands that start with this word: score has train and test.
std::vector<std::string> subcommands(std::string_view first);
// What may be typed first: commands and the first words of those of two.
std::vector<std::string> first_words();
// The options before any command.
std::vector<std::string> top_options();

}  // namespace balr
