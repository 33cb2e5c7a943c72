#include "app/option_list.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "balr/app/command.hpp"

namespace balr {
namespace fs = std::filesystem;
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

[[noreturn]] void refuse(const std::string& name, const std::string& text,
                         const std::string& wanted) {
  throw ConfigError("Invalid value for '" + name + "': '" + text + "' is not " + wanted);
}

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

// The choice that is meant, spelt as declared; any text where there are no choices.
std::string chosen(const std::string& name, const ValueInfo& info, const std::string& text) {
  if (info.choices.empty()) return text;
  for (const std::string& choice : info.choices)
    if (lower(choice) == lower(text)) return choice;
  refuse(name, text, "one of " + joined(info.choices, ", "));
}

template <class Number>
Number number(const std::string& name, const std::string& text, const std::string& wanted) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || rest != end || text.empty()) refuse(name, text, wanted);
  return value;
}

}  // namespace

void check_path(const std::string& what, const fs::path& path, PathCheck check) {
  if (check == PathCheck::kAny) return;
  std::error_code ignored;
  const bool file_only = check == PathCheck::kExistingFile;
  const std::string start = "Invalid value for '" + what +
                            "': " + (file_only ? "File '" : "Path '") + path.string() + "' ";
  if (!fs::exists(path, ignored)) throw PathError(start + "does not exist.");
  if (file_only && fs::is_directory(path, ignored)) throw PathError(start + "is a directory.");
  if (::access(path.c_str(), R_OK) != 0) throw PathError(start + "is not readable.");
}

void OptionList::argument(std::string name, fs::path& target, PathCheck check, std::string help) {
  const auto set = [name, &target, check](const std::string& text) {
    check_path(name, text, check);
    target = text;
  };
  arguments_.push_back(
      {std::move(name), {"", std::move(help), {}, Completes::kFiles}, true, false, set});
}

void OptionList::add_text(std::string name, std::string& target, ValueInfo info, bool required) {
  const auto set = [name, info, &target](const std::string& text) {
    target = chosen(name, info, text);
  };
  arguments_.push_back({std::move(name), std::move(info), required, false, set});
}

void OptionList::argument(std::string name, std::string& target, ValueInfo info) {
  add_text(std::move(name), target, std::move(info), true);
}

void OptionList::optional_argument(std::string name, std::string& target, ValueInfo info) {
  add_text(std::move(name), target, std::move(info), false);
}

void OptionList::rest(std::string name, std::vector<std::string>& target, ValueInfo info) {
  arguments_.push_back({std::move(name), std::move(info), false, true,
                        [&target](const std::string& text) { target.push_back(text); }});
}

Option& OptionList::add(std::string name, ValueInfo info, std::string default_value) {
  Option option;
  option.name = std::move(name);
  option.value = std::move(info);
  option.default_value = std::move(default_value);
  option.section = section_;
  BALR_CHECK(find(option.name) == nullptr);
  options_.push_back(std::move(option));
  return options_.back();
}

void OptionList::value(std::string name, std::string& target, ValueInfo info) {
  Option& option = add(name, info, target);
  option.set = [name, info, &target](const std::string& text) {
    target = chosen(name, info, text);
  };
}

void OptionList::value(std::string name, fs::path& target, ValueInfo info) {
  Option& option = add(name, info, target.string());
  option.set = [name, &target](const std::string& text) {
    if (text.empty()) refuse(name, text, "a path");
    target = text;
  };
}

void OptionList::value(std::string name, std::uint64_t& target, ValueInfo info) {
  Option& option = add(name, info, std::to_string(target));
  option.set = [name, &target](const std::string& text) {
    target = number<std::uint64_t>(name, text, "a whole number from 0 on");
  };
}

void OptionList::value(std::string name, std::optional<std::string>& target, ValueInfo info) {
  Option& option = add(name, info, target.value_or(""));
  option.set = [name, info, &target](const std::string& text) {
    target = chosen(name, info, text);
  };
}

void OptionList::value(std::string name, std::optional<fs::path>& target, ValueInfo info) {
  Option& option = add(name, info, target.value_or("").string());
  option.set = [name, &target](const std::string& text) {
    if (text.empty()) refuse(name, text, "a path");
    target = text;
  };
}

void OptionList::value(std::string name, std::optional<double>& target, ValueInfo info) {
  Option& option = add(name, info, "");
  option.set = [name, &target](const std::string& text) {
    const auto value = number<double>(name, text, "a number from 0 on");
    if (!std::isfinite(value) || value < 0) refuse(name, text, "a number from 0 on");
    target = value;
  };
}

void OptionList::repeated(std::string name, std::vector<std::string>& target, ValueInfo info) {
  Option& option = add(name, info, joined(target, " "));
  option.repeatable = true;
  option.set = [name, info, &target, first = true](const std::string& text) mutable {
    if (first) target.clear();
    first = false;
    target.push_back(chosen(name, info, text));
  };
}

void OptionList::flag(std::string name, bool& target, std::string help) {
  Option& option = add(std::move(name), {"", std::move(help)}, "");
  option.takes_value = false;
  option.set = [&target](const std::string&) { target = true; };
}

void OptionList::flag_pair(std::string name, bool& target, std::string help) {
  Option& option = add(name, {"", std::move(help)}, target ? name : "--no-" + name.substr(2));
  option.takes_value = false;
  option.off_name = "--no-" + name.substr(2);
  option.set = [&target](const std::string& text) { target = text == "on"; };
}

void OptionList::flag_pair(std::string name, std::optional<bool>& target, std::string default_value,
                           std::string help) {
  Option& option = add(name, {"", std::move(help)}, std::move(default_value));
  option.takes_value = false;
  option.off_name = "--no-" + name.substr(2);
  option.set = [&target](const std::string& text) { target = text == "on"; };
}

const Option* OptionList::find(const std::string& name) const {
  for (const Option& option : options_)
    if (option.name == name || (!option.off_name.empty() && option.off_name == name))
      return &option;
  return nullptr;
}

void declare_log(OptionList& list, LogChoice& log) {
  list.value(
      "--log-level", log.level,
      {"LEVEL", "smallest message shown", {"trace", "debug", "info", "warn", "error", "off"}});
  list.value("--log-dir", log.folder,
             {"PATH", "folder of one log file per rank", {}, Completes::kFolders});
}

}  // namespace balr
