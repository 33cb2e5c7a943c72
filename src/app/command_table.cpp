// The commands of balr, one line each. To add one:
//  1. commands/<name>.hpp and .cpp: a class derived from Command (from RunCommand if it takes a
//     configuration) whose members are its arguments and options, info() with the help text, and
//     declare(), which binds the members. commands/model_init.cpp is a short example. Help, shell
//     completion, checks and "did you mean" follow from that.
//  2. a line below;
//  3. what it does: `ExitCode run_<name>(const <Name>Command&)`, for Program::kRanks with
//     `(..., World&, const StopFlag&)` behind, in front/, files/ or compute/, the folder of its
//     program, and a line in that folder's main.cpp.
// Add the .cpp files to CMakeLists.txt, the command to README.md, and a test in tests/app. Files
// that the parser needs (commands/) are part of `balr` and use the core module only.
#include "app/command_table.hpp"

#include <algorithm>

#include "app/commands/binarize.hpp"
#include "app/commands/completion.hpp"
#include "app/commands/config.hpp"
#include "app/commands/doctor.hpp"
#include "app/commands/explain.hpp"
#include "app/commands/export.hpp"
#include "app/commands/extract.hpp"
#include "app/commands/help.hpp"
#include "app/commands/import.hpp"
#include "app/commands/model_fetch.hpp"
#include "app/commands/model_info.hpp"
#include "app/commands/model_init.hpp"
#include "app/commands/score_calibrate.hpp"
#include "app/commands/score_test.hpp"
#include "app/commands/score_train.hpp"
#include "app/commands/status.hpp"
#include "app/commands/train.hpp"
#include "app/commands/trials.hpp"
#include "app/commands/verify.hpp"
#include "app/nearest.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

template <class T>
CommandEntry entry() {
  return {T::info(), []() -> std::unique_ptr<Command> { return std::make_unique<T>(); }};
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// A first word that starts no command.
[[noreturn]] void refuse_word(const std::string& word) {
  const bool option = word.starts_with("-");
  const std::vector<std::string> known = option ? top_options() : first_words();
  const std::string hint = nearest_hint(word, known);
  throw ConfigError((option ? "No such option '" : "No such command '") + word + "'" +
                    (hint.empty() ? "; `balr --help` lists them" : hint));
}

}  // namespace

std::span<const CommandEntry> command_table() {
  static const std::vector<CommandEntry> table = {
      // Group::kWork
      entry<ExtractCommand>(),
      entry<TrainCommand>(),
      entry<BinarizeCommand>(),
      entry<ScoreTrainCommand>(),
      entry<ScoreTestCommand>(),
      entry<ScoreCalibrateCommand>(),
      entry<ExplainCommand>(),
      // Group::kFiles
      entry<ExportCommand>(),
      entry<ImportCommand>(),
      entry<TrialsCommand>(),
      entry<StatusCommand>(),
      entry<VerifyCommand>(),
      // Group::kModels
      entry<ModelFetchCommand>(),
      entry<ModelInfoCommand>(),
      entry<ModelInitCommand>(),
      // Group::kHelp
      entry<DoctorCommand>(),
      entry<ConfigCommand>(),
      entry<CompletionCommand>(),
      entry<HelpCommand>(),
  };
  return table;
}

const CommandEntry& take_command(std::vector<std::string>& words) {
  const std::string first = words.front();
  if (const CommandEntry* entry = find_command(first)) {
    words.erase(words.begin());
    return *entry;
  }
  const std::vector<std::string> second = subcommands(first);
  if (second.empty()) refuse_word(first);
  if (words.size() < 2)
    throw ConfigError("Missing command; balr " + first + " has: " + joined(second));
  const CommandEntry* entry = find_command(first + " " + words[1]);
  if (entry == nullptr) {
    const std::string hint = nearest_hint(words[1], second);
    throw ConfigError("No such command '" + first + " " + words[1] + "'" +
                      (hint.empty() ? "; balr " + first + " has: " + joined(second) : hint));
  }
  words.erase(words.begin(), words.begin() + 2);
  return *entry;
}

bool asks_for_group(const std::vector<std::string>& words) {
  bool help = false;
  if (subcommands(words.front()).empty()) return help;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (!words[i].starts_with("-") || words[i] == "-" || words[i] == "--") break;
    if (words[i] != "--help" && words[i] != "-h")
      throw ConfigError("No such option '" + words[i] + "' of balr " + words.front() +
                        "; options come after the command, e.g. balr " + words.front() + " " +
                        subcommands(words.front()).front() + " " + words[i]);
    help = true;
  }
  return help;
}

const CommandEntry* find_command(std::string_view name) {
  const auto table = command_table();
  const auto found =
      std::ranges::find(table, name, [](const CommandEntry& e) { return e.info.name; });
  return found == table.end() ? nullptr : &*found;
}

std::vector<std::string> subcommands(std::string_view first) {
  std::vector<std::string> words;
  for (const CommandEntry& entry : command_table())
    if (entry.info.name.starts_with(std::string(first) + " "))
      words.push_back(entry.info.name.substr(first.size() + 1));
  return words;
}

std::vector<std::string> first_words() {
  std::vector<std::string> words;
  for (const CommandEntry& entry : command_table()) {
    if (entry.info.hidden) continue;
    const std::string word = entry.info.name.substr(0, entry.info.name.find(' '));
    if (std::ranges::find(words, word) == words.end()) words.push_back(word);
  }
  return words;
}

std::vector<std::string> top_options() {
  return {"--help", "--version", "--show-completion", "--install-completion"};
}

}  // namespace balr
