#include "balr/app/command_line.hpp"

#include <algorithm>
#include <iostream>

#include "app/argument_parser.hpp"
#include "app/command_table.hpp"
#include "app/help.hpp"
#include "app/launched.hpp"
#include "app/nearest.hpp"

namespace balr {
namespace {

constexpr int kUsage = static_cast<int>(ExitCode::kUsage);

bool is_help(const std::string& word) { return word == "--help" || word == "-h"; }

// The command that the words start with; removes its words. nullptr: the help of a group of
// commands was asked for.
const CommandEntry* take_command(std::vector<std::string>& words) {
  const std::string first = words.front();
  if (const CommandEntry* entry = find_command(first)) {
    words.erase(words.begin());
    return entry;
  }
  const std::vector<std::string> second = subcommands(first);
  if (second.empty()) {
    const bool option = first.starts_with("-");
    const std::vector<std::string> known =
        option ? std::vector<std::string>{"--help", "--version"} : first_words();
    const std::string hint = nearest_hint(first, known);
    throw ConfigError((option ? "No such option '" : "No such command '") + first + "'" +
                      (hint.empty() ? "; `balr --help` lists them" : hint));
  }
  if (words.size() < 2) {
    std::string list;
    for (const std::string& word : second) list += (list.empty() ? "" : ", ") + word;
    throw ConfigError("Missing command; balr " + first + " has: " + list);
  }
  if (is_help(words[1])) return nullptr;
  const CommandEntry* entry = find_command(first + " " + words[1]);
  if (entry == nullptr) {
    const std::string hint = nearest_hint(words[1], second);
    throw ConfigError("No such command '" + first + " " + words[1] + "'" +
                      (hint.empty() ? "; `balr " + first + " --help` lists them" : hint));
  }
  words.erase(words.begin(), words.begin() + 2);
  return entry;
}

// Nothing: the help was printed.
std::optional<CommandLine> parse_command(const CommandEntry& entry,
                                         const std::vector<std::string>& words) {
  CommandLine line{&entry.info, entry.make()};
  OptionList list;
  line.command->declare(list);
  const ParsedArguments parsed = parse_arguments(list, words);
  if (parsed.help) {
    if (is_first_process()) std::cout << help_text(entry);
    return std::nullopt;
  }
  const std::vector<std::string> overrides = set_arguments(list, parsed);
  if (!entry.info.overrides && !overrides.empty())
    throw ConfigError("Got unexpected extra argument '" + overrides.front() + "'; see `balr " +
                      entry.info.name + " --help`");
  line.command->finish(overrides);
  if (entry.info.planned)
    throw ConfigError("balr " + entry.info.name +
                      " is not part of this version yet; its arguments are right");
  return line;
}

std::optional<CommandLine> parse(std::vector<std::string> words, int& exit_code) {
  if (words.empty()) {
    if (is_first_process()) std::cerr << help_text();
    exit_code = kUsage;
    return std::nullopt;
  }
  if (is_help(words[0])) {
    if (is_first_process()) std::cout << help_text();
    return std::nullopt;
  }
  if (words[0] == "--version") {
    if (is_first_process()) std::cout << "balr " << program_version() << '\n';
    return std::nullopt;
  }
  const std::string first = words[0];
  if (const CommandEntry* entry = take_command(words)) return parse_command(*entry, words);
  if (is_first_process()) std::cout << group_help_text(first);
  return std::nullopt;
}

void print_error(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  std::cerr << "error: " + text + "\n";
}

}  // namespace

std::string program_version() { return BALR_VERSION; }

std::optional<CommandLine> parse_command_line(int argc, char** argv, int& exit_code) {
  exit_code = 0;
  try {
    auto line = parse({argv + std::min(argc, 1), argv + argc}, exit_code);
    if (!line && !(std::cout << std::flush))
      throw IoError("cannot write to the standard output; is it closed, or its disk full?");
    return line;
  } catch (const PathError& error) {
    // Perhaps only this node lacks it.
    if (is_first_process())
      print_error(error.what());
    else if (is_first_process_of_node())
      print_error("on " + host_name() + ": " + error.what());
    exit_code = kUsage;
  } catch (const Error& error) {
    if (is_first_process()) print_error(error.what());
    exit_code = static_cast<int>(error.code());
  }
  return std::nullopt;
}

}  // namespace balr
