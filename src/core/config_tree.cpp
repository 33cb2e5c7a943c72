#include "core/config_tree.hpp"

#include <algorithm>

#include "balr/core/error.hpp"

namespace balr {
namespace {

using Kind = OverrideValue::Kind;

std::string names_of(const GroupInfo& group) {
  std::string text;
  for (const auto& option : group.options) text += (text.empty() ? "" : ", ") + option.name;
  return text;
}

SettingValue default_of(const KeyInfo& key) {
  return convert(key, *parse_override("default=" + key.default_value).value);
}

std::string shown(const OverrideValue& value) {
  if (value.kind == Kind::kList) return "a list";
  if (value.kind == Kind::kDict) return "a set of keys";
  if (value.kind == Kind::kNull) return "null";
  if (value.kind == Kind::kBool) return value.text == "True" ? "true" : "false";
  return "'" + value.text + "'";
}

}  // namespace

ConfigTree::ConfigTree() {
  for (const KeyInfo& key : Config::schema()) settings_.push_back({.value = default_of(key)});
  for (const GroupInfo& group : config_groups()) selections_[group.name].options = group.defaults;
}

const std::vector<std::string>& ConfigTree::selected(const GroupInfo& group) const {
  return selections_.find(group.name)->second.options;
}

const std::string& ConfigTree::group_origin(const GroupInfo& group) const {
  return selections_.find(group.name)->second.origin;
}

bool ConfigTree::is_present(std::size_t index) const {
  const KeyInfo& key = Config::schema()[index];
  const GroupInfo* group = group_of(key.name);
  if (group == nullptr) return true;
  const std::vector<std::string>& options = selected(*group);
  if (key.options.empty()) return !options.empty();
  return std::ranges::find_first_of(key.options, options) != key.options.end();
}

void ConfigTree::set(std::size_t index, SettingValue value, const std::string& origin) {
  settings_[index] = {.value = std::move(value), .origin = origin};
}

void ConfigTree::select(const GroupInfo& group, const std::vector<std::string>& options,
                        const std::string& origin, const std::string& where) {
  for (const std::string& name : options)
    if (find_option(group, name) == nullptr)
      throw ConfigError(where + ": " + group.name + " has no option '" + name + "'; choose from " +
                        names_of(group));
  std::vector<std::string> ordered;  // the group's order, without duplicates
  for (const auto& option : group.options)
    if (std::ranges::count(options, option.name) != 0) ordered.push_back(option.name);
  if (!group.many && ordered.size() > 1)
    throw ConfigError(where + ": " + group.name + " takes one option only; choose from " +
                      names_of(group));
  Selection& selection = selections_.find(group.name)->second;
  const bool changed = selection.options != ordered;
  selection = {.options = ordered, .origin = origin};
  const auto keys = Config::schema();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (group_of(keys[i].name) != &group || keys[i].options.empty()) continue;
    if (!is_present(i) || (changed && !group.many)) settings_[i] = {.value = default_of(keys[i])};
  }
}

void ConfigTree::assign(const std::string& key, const OverrideValue& value,
                        const std::string& origin, const std::string& where) {
  if (const auto index = find_key(key)) return assign_key(*index, value, origin, where);
  if (is_node(key)) return assign_node(key, value, origin, where);
  throw ConfigError(where + ": unknown key " + key + suggestion(key));
}

void ConfigTree::assign_key(std::size_t index, const OverrideValue& value,
                            const std::string& origin, const std::string& where) {
  const KeyInfo& key = Config::schema()[index];
  if (!is_present(index)) refuse_absent(index, where);
  try {
    SettingValue converted = convert(key, value);
    // A file that repeats what holds already (the config.yaml of an earlier run holds every
    // default) sets nothing.
    if (origin.starts_with(kFileOrigin) && settings_[index].value == converted) return;
    set(index, std::move(converted), origin);
  } catch (const ValueMismatch& mismatch) {
    throw ConfigError(where + ": " + key.name + " must be " + mismatch.expected + ", not " +
                      shown(value));
  }
}

void ConfigTree::assign_node(const std::string& node, const OverrideValue& value,
                             const std::string& origin, const std::string& where) {
  const GroupInfo* group = group_of(node);
  const std::string option = group != nullptr ? node.substr(group->name.size() + 1) : "";
  const bool is_option = group != nullptr && group->many && find_option(*group, option) != nullptr;
  if (is_option && value.kind == Kind::kNull) {
    std::vector<std::string> rest = selected(*group);
    std::erase(rest, option);
    return select(*group, rest, origin, where);
  }
  if (value.kind != Kind::kDict)
    throw ConfigError(where + ": " + node + " holds keys and cannot be " + shown(value) +
                      "; set one of its keys");
  if (is_option && std::ranges::count(selected(*group), option) == 0)
    throw ConfigError(where + ": select " + option + " first, e.g. " + group->name + "=[" + option +
                      "]");
  for (const auto& [name, entry] : value.entries) assign(node + "." + name, entry, origin, where);
}

void ConfigTree::refuse_absent(std::size_t index, const std::string& where) const {
  const KeyInfo& key = Config::schema()[index];
  const GroupInfo& group = *group_of(key.name);
  const std::string option = key.options.empty() ? group.options.front().name : key.options.front();
  const std::string example =
      group.many ? group.name + "=[" + option + "]" : group.name + "=" + option;
  throw ConfigError(where + ": " + key.name + " is there only with " + option +
                    "; select it first, e.g. " + example);
}

std::vector<std::string> option_names(const GroupInfo& group, const OverrideValue& value,
                                      const std::string& where) {
  std::vector<std::string> names;
  const auto add = [&](const OverrideValue& item) {
    if (item.kind != Kind::kText)
      throw ConfigError(where + ": " + group.name +
                        " takes the name of an option or a list of them (" + names_of(group) +
                        "), not " + shown(item));
    names.push_back(item.text);
  };
  if (value.kind == Kind::kList) {
    for (const OverrideValue& item : value.items) add(item);
  } else {
    add(value);
  }
  return names;
}

}  // namespace balr
