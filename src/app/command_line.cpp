#include "balr/app/command_line.hpp"

#include <algorithm>
#include <iostream>

#include "app/argument_parser.hpp"
#include "app/command_table.hpp"
#include "app/help.hpp"
#include "app/launched.hpp"

namespace balr {
namespace {

constexpr int kUsage = static_cast<int>(ExitCode::kUsage);

bool is_help(const std::string& word) { return word == "--help" || word == "-h"; }

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

// What the Python balr calls --show-completion [SHELL] and --install-completion [SHELL].
std::vector<std::string> as_completion(std::vector<std::string> words) {
  if (words[0] == "--show-completion") {
    words[0] = "completion";
  } else if (words[0] == "--install-completion") {
    words[0] = "completion";
    words.emplace_back("--install");
  }
  return words;
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
  if (asks_for_group(words)) {
    if (is_first_process()) std::cout << group_help_text(words[0]);
    return std::nullopt;
  }
  words = as_completion(words);
  const CommandEntry& entry = take_command(words);
  return parse_command(entry, words);
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
