#include "app/help.hpp"

#include <algorithm>

#include "app/option_list.hpp"

namespace balr {
namespace {

constexpr std::size_t kWidth = 100;  // of a line; longer help goes on in the next

std::string heading(Group group) {
  switch (group) {
    case Group::kWork:
      return "Work";
    case Group::kFiles:
      return "Data and results";
    case Group::kModels:
      return "Models";
    case Group::kHelp:
      return "Help";
  }
  return "";
}

// "  term      text", the text in a column of its own, broken between words.
std::string row(const std::string& term, const std::string& text, std::size_t column) {
  std::string out = "  " + term;
  if (out.size() + 2 > column)
    out += "\n" + std::string(column, ' ');
  else
    out.resize(column, ' ');
  std::size_t used = column;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (used > column && used + 1 + word.size() > kWidth) {
      out += "\n" + std::string(column, ' ');
      used = column;
    }
    if (used > column) out += ' ', ++used;
    out += word;
    used += word.size();
    at = end + 1;
  }
  return out + "\n";
}

std::string indented(const std::string& lines) {
  std::string out = "  ";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out += lines[i];
    if (lines[i] == '\n' && i + 1 < lines.size()) out += "  ";
  }
  return out + (lines.ends_with('\n') ? "" : "\n");
}

std::string list_commands(const std::string& heading, auto&& wanted) {
  std::string out;
  for (const CommandEntry& entry : command_table())
    if (!entry.info.hidden && wanted(entry.info))
      out +=
          row(entry.info.name, entry.info.summary + (entry.info.planned ? " (not yet)" : ""), 19);
  return out.empty() ? "" : "\n" + heading + ":\n" + out;
}

std::string option_term(const Option& option) {
  std::string term = option.name;
  if (!option.off_name.empty()) term += ", " + option.off_name;
  return term + (option.takes_value ? " " + option.value.type : "");
}

std::string value_help(const ValueInfo& value) {
  std::string text = value.help;
  for (const std::string& choice : value.choices)
    text += (&choice == &value.choices.front() ? ": " : ", ") + choice;
  return text;
}

std::string option_help(const Option& option) {
  std::string text = value_help(option.value);
  if (option.repeatable) text += "; may be repeated";
  if (!option.default_value.empty())
    text += " [default: " + (option.default_value == "\t" ? "\\t" : option.default_value) + "]";
  return text;
}

}  // namespace

std::string usage(const CommandEntry& entry) {
  OptionList list;
  const auto command = entry.make();
  command->declare(list);
  std::string out = "balr " + entry.info.name + " [OPTIONS]";
  for (const Argument& argument : list.arguments())
    out += argument.required     ? " " + argument.name
           : argument.repeatable ? " [" + argument.name + "...]"
                                 : " [" + argument.name + "]";
  return out + (entry.info.overrides ? " [OVERRIDES...]" : "");
}

std::string help_text() {
  std::string out =
      "balr: speaker embeddings and binary attributes of speech, on one machine or many\n\n"
      "Usage: balr COMMAND ...                on this machine\n"
      "       mpirun -n N balr COMMAND ...    N processes, one for each GPU; srun as well\n";
  for (const Group group : {Group::kWork, Group::kFiles, Group::kModels, Group::kHelp})
    out += list_commands(heading(group), [&](const CommandInfo& i) { return i.group == group; });
  out += "\nOptions:\n" +
         row("--help", "this text; after a command: its arguments and options", 18) +
         row("--version", "the version", 18);
  return out +
         "\nStart with:\n"
         "  balr extract --save-dir embeddings/dev dev.csv\n"
         "  balr train --save-dir train/mse dev.csv test.csv 'trainer.losses=[mse]'\n";
}

std::string help_of(const std::vector<std::string>& words) {
  if (words.empty()) return help_text();
  if (words.size() == 1 && !subcommands(words[0]).empty()) return group_help_text(words[0]);
  std::vector<std::string> left = words;
  const CommandEntry& entry = take_command(left);
  if (!left.empty()) throw ConfigError("Got unexpected extra argument '" + left.front() + "'");
  return help_text(entry);
}

std::string group_help_text(const std::string& first) {
  const auto member = [&](const CommandInfo& info) { return info.name.starts_with(first + " "); };
  return "Usage: balr " + first + " COMMAND ...\n" + list_commands("Commands", member) +
         "\n`balr " + first + " COMMAND --help` shows the arguments and options of one.\n";
}

std::string help_text(const CommandEntry& entry) {
  OptionList list;
  const auto command = entry.make();
  command->declare(list);
  std::string out = "Usage: " + usage(entry) + "\n\n" + entry.info.summary + ".\n";
  if (!entry.info.description.empty()) out += entry.info.description + "\n";
  if (entry.info.planned)
    out += "Arguments are checked, but the command is not part of this version yet.\n";
  if (!list.arguments().empty() || entry.info.overrides) out += "\nArguments:\n";
  for (const Argument& argument : list.arguments())
    out += row(argument.name, value_help(argument.value), 18);
  if (entry.info.overrides)
    out += row("OVERRIDES...", "key=value pairs of the configuration; `balr config` lists all keys",
               18);
  std::string section;
  for (const Option& option : list.options()) {
    if (option.section != section) out += "\n" + option.section + ":\n";
    section = option.section;
    out += row(option_term(option), option_help(option), 34);
  }
  if (list.options().empty()) out += "\nOptions:\n";
  out += row("--help", "this text", 34);
  if (!entry.info.examples.empty()) out += "\nExamples:\n" + indented(entry.info.examples);
  return out;
}

}  // namespace balr
