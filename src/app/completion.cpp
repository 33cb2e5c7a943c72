#include "app/completion.hpp"

#include <algorithm>
#include <array>

#include "app/command_table.hpp"
#include "app/complete_override.hpp"
#include "app/config_files.hpp"
#include "app/option_list.hpp"

namespace balr {
namespace {

void offer(Completion& out, const std::string& typed, const std::string& word,
           const std::string& help, bool goes_on = false) {
  if (word.starts_with(typed)) out.candidates.push_back({word, help, goes_on});
}

// A value of an option or argument; `kept` is what the word holds before it: "--device=".
Completion complete_value(const ValueInfo& info, const std::string& kept,
                          const std::string& typed) {
  Completion out;
  std::vector<std::string> words = info.choices;
  words.insert(words.end(), info.suggests.begin(), info.suggests.end());
  if (info.completes == Completes::kPresets) words = preset_names();
  if (info.completes == Completes::kFiles) out.kind = Completion::Kind::kFiles;
  if (info.completes == Completes::kFolders) out.kind = Completion::Kind::kFolders;
  out.kept = kept;
  for (const std::string& word : words) offer(out, kept + typed, kept + word, "");
  return out;
}

Completion complete_option(const OptionList& list, const std::string& typed) {
  const std::size_t equal = typed.find('=');
  if (equal != std::string::npos) {
    const Option* option = list.find(typed.substr(0, equal));
    if (option == nullptr || !option->takes_value) return {};
    return complete_value(option->value, typed.substr(0, equal + 1), typed.substr(equal + 1));
  }
  Completion out;
  for (const Option& option : list.options()) {
    offer(out, typed, option.name, option.value.help);
    if (!option.off_name.empty()) offer(out, typed, option.off_name, "the opposite");
  }
  offer(out, typed, "--help", "arguments and options");
  return out;
}

// The names of commands, word by word, after `before`.
Completion complete_command(std::span<const std::string> before, const std::string& typed) {
  Completion out;
  if (before.size() > 1) return out;
  const std::vector<std::string> words = before.empty() ? first_words() : subcommands(before[0]);
  for (const std::string& word : words) {
    const CommandEntry* entry = find_command(before.empty() ? word : before[0] + " " + word);
    offer(out, typed, word, entry == nullptr ? "" : entry->info.summary);
  }
  return out;
}

Completion complete_words(const CommandEntry& entry, std::span<const std::string> before,
                          const std::string& typed) {
  OptionList list;
  const auto command = entry.make();
  command->declare(list);
  std::vector<std::string> positionals;
  bool options_ended = false;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const std::string& word = before[i];
    const Option* option = options_ended ? nullptr : list.find(word);
    if (option != nullptr && option->takes_value) {
      if (i + 1 == before.size()) return complete_value(option->value, "", typed);
      ++i;
    } else if (!options_ended && word == "--") {
      options_ended = true;
    } else if (options_ended || !word.starts_with("-")) {
      positionals.push_back(word);
    }
  }
  if (!options_ended && typed.starts_with("-")) return complete_option(list, typed);
  if (entry.info.name == "help") return complete_command(positionals, typed);
  const auto& arguments = list.arguments();
  if (positionals.size() < arguments.size())
    return complete_value(arguments[positionals.size()].value, "", typed);
  if (!arguments.empty() && arguments.back().repeatable)
    return complete_value(arguments.back().value, "", typed);
  return entry.info.overrides ? complete_override(typed) : Completion{};
}

}  // namespace

Completion complete(std::span<const std::string> words) {
  if (words.empty()) return {};
  const std::string& typed = words.back();
  const auto before = words.first(words.size() - 1);
  if (before.empty()) {
    if (!typed.starts_with("-")) return complete_command(before, typed);
    Completion out;
    for (const std::string& option : top_options()) offer(out, typed, option, "");
    return out;
  }
  if (const CommandEntry* entry = find_command(before[0]))
    return complete_words(*entry, before.subspan(1), typed);
  if (before.size() == 1) return complete_command(before, typed);
  const CommandEntry* entry = find_command(before[0] + " " + before[1]);
  return entry == nullptr ? Completion{} : complete_words(*entry, before.subspan(2), typed);
}

std::string to_lines(const Completion& completion) {
  constexpr std::array kKinds = {"words", "files", "folders"};
  std::string out = kKinds.at(static_cast<std::size_t>(completion.kind));
  out += "\n" + completion.kept + "\n";
  for (const auto& [word, help, goes_on] : completion.candidates)
    out += word + "\t" + (goes_on ? "+" : "") + "\t" + help + "\n";
  return out;
}

}  // namespace balr
