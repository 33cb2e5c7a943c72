#include "app/argument_parser.hpp"

#include <set>

#include "app/nearest.hpp"

namespace balr {
namespace {

[[noreturn]] void refuse_option(const OptionList& list, const std::string& name) {
  std::vector<std::string> known = {"--help"};
  for (const Option& option : list.options()) {
    known.push_back(option.name);
    if (!option.off_name.empty()) known.push_back(option.off_name);
  }
  std::string hint = list.hint(name);
  if (hint.empty()) hint = nearest_hint(name, known);
  throw ConfigError("No such option '" + name + "'" +
                    (hint.empty() ? "; see --help, or put -- before a path like that" : hint));
}

bool looks_like_option(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

}  // namespace

ParsedArguments parse_arguments(const OptionList& list, std::span<const std::string> words) {
  ParsedArguments parsed;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      parsed.positionals.insert(parsed.positionals.end(), words.begin() + i + 1, words.end());
      break;
    }
    if (!looks_like_option(word)) {
      parsed.positionals.push_back(word);
      continue;
    }
    const std::size_t equal = word.starts_with("--") ? word.find('=') : std::string::npos;
    const std::string name = word.substr(0, equal);
    const bool help = name == "--help" || name == "-h";
    const Option* option = list.find(name);
    if (!help && option == nullptr) refuse_option(list, name);
    if (help || !option->takes_value) {
      if (equal != std::string::npos)
        throw ConfigError("Option '" + name + "' does not take a value; write " + name + " alone");
      if (help) parsed.help = true;
      if (option != nullptr)
        parsed.options.emplace_back(option, name == option->name ? "on" : "off");
    } else if (equal != std::string::npos) {
      parsed.options.emplace_back(option, word.substr(equal + 1));
    } else {
      const bool there = i + 1 < words.size() && words[i + 1] != "--" &&
                         list.find(words[i + 1].substr(0, words[i + 1].find('='))) == nullptr;
      if (!there)
        throw ConfigError("Option '" + name + "' requires an argument; write " + name + "=" +
                          option->value.type);
      parsed.options.emplace_back(option, words[++i]);
    }
  }
  return parsed;
}

std::vector<std::string> set_arguments(const OptionList& list, const ParsedArguments& parsed) {
  std::size_t taken = 0;
  for (const Argument& argument : list.arguments()) {
    if (argument.required && taken == parsed.positionals.size())
      throw ConfigError("Missing argument '" + argument.name + "'; see --help");
    while (taken < parsed.positionals.size()) {
      argument.set(parsed.positionals[taken++]);
      if (!argument.repeatable) break;
    }
  }
  // Of an option given more than once the last counts, and only that is looked at.
  std::set<const Option*> done;
  for (auto given = parsed.options.rbegin(); given != parsed.options.rend(); ++given)
    if (!given->first->repeatable && done.insert(given->first).second)
      given->first->set(given->second);
  for (const auto& [option, value] : parsed.options)
    if (option->repeatable) option->set(value);
  return {parsed.positionals.begin() + static_cast<std::ptrdiff_t>(taken),
          parsed.positionals.end()};
}

}  // namespace balr
