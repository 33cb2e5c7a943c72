#include "core/config_tree.hpp"

#include <algorithm>

#include "balr/core/error.hpp"
#include "core/override_key.hpp"
#include "core/override_parser.hpp"

namespace balr {
namespace {

using Kind = OverrideValue::Kind;

constexpr std::string_view kTargetName = "_target_";

std::string names_of(const GroupInfo& group) {
  std::string text;
  for (const auto& option : group.options) text += (text.empty() ? "" : ", ") + option.name;
  return text;
}

SettingValue default_of(const KeyInfo& key) {
  return convert(key, *parse_override("default=" + key.default_value).value);
}

const std::vector<Setting>& default_settings() {
  static const std::vector<Setting> settings = [] {
    std::vector<Setting> all;
    for (const KeyInfo& key : Config::schema()) all.push_back({.value = default_of(key)});
    return all;
  }();
  return settings;
}

// Interpolations inside an added value must be well formed.
void check_values(const OverrideValue& value, const std::string& key, const Source& source) {
  try {
    if (value.kind == Kind::kInterpolation) check_interpolation(value.text);
  } catch (const InterpolationError& error) {
    throw ConfigError(source.where + ": " + shown_text(key) + ": " + error.reason);
  }
  for (const OverrideValue& item : value.items) check_values(item, key, source);
  for (const auto& entry : value.entries) check_values(entry.second, key, source);
}

}  // namespace

ConfigTree::ConfigTree() : settings_(default_settings()) {
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

std::string ConfigTree::target(std::string_view node) const {
  if (node == "trainer") return kTrainerTarget;
  if (const GroupInfo* group = find_group(node)) {
    if (group->many || selected(*group).empty()) return {};
    return find_option(*group, selected(*group).front())->target;
  }
  const GroupInfo* group = group_of(node);
  if (group == nullptr || !group->many) return {};
  const std::string_view option = node.substr(group->name.size() + 1);
  return std::ranges::count(selected(*group), option) == 0 ? ""
                                                           : find_option(*group, option)->target;
}

void ConfigTree::select(const GroupInfo& group, const std::vector<std::string>& options,
                        const Source& source) {
  for (const std::string& name : options)
    if (find_option(group, name) == nullptr)
      throw ConfigError(source.where + ": " + group.name + " has no option '" + shown_text(name) +
                        "'; choose from " + names_of(group));
  std::vector<std::string> ordered;  // the group's order, without duplicates
  for (const auto& option : group.options)
    if (std::ranges::count(options, option.name) != 0) ordered.push_back(option.name);
  if (!group.many && ordered.size() > 1)
    throw ConfigError(source.where + ": " + group.name + " takes one option only; choose from " +
                      names_of(group));
  Selection& selection = selections_.find(group.name)->second;
  const bool changed = selection.options != ordered;
  // A file that repeats what holds already sets nothing.
  if (changed || !source.origin.starts_with(kFileOrigin)) selection.origin = source.origin;
  selection.options = ordered;
  if (changed && !group.many) extras_.erase_below(group.name);
  for (const auto& option : group.options)
    if (group.many && std::ranges::count(ordered, option.name) == 0)
      extras_.erase_below(group.name + "." + option.name);
  const auto keys = Config::schema();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (group_of(keys[i].name) != &group) continue;
    const bool shared = keys[i].options.empty();  // by all options of the group
    if (!is_present(i) || (changed && !group.many && !shared)) settings_[i] = default_settings()[i];
  }
}

void ConfigTree::reset_trainer(const Source& source) {
  const auto keys = Config::schema();
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (keys[i].name.starts_with("trainer.")) settings_[i] = default_settings()[i];
  select(*find_group("trainer.losses"), {}, source);
}

void ConfigTree::assign(const std::string& key, const OverrideValue& value, const Source& source) {
  if (const auto index = find_key(key)) return assign_key(*index, value, source);
  if (is_node(key)) return assign_node(key, value, source);
  if (extras_.find(split_dotted(key)) != nullptr) return assign_extra(key, value, source);
  if (key.ends_with("." + std::string(kTargetName))) return assign_target(key, value, source);
  throw ConfigError(source.where + ": unknown key " + shown_text(key) + suggestion(key));
}

void ConfigTree::assign_key(std::size_t index, const OverrideValue& value, const Source& source) {
  const KeyInfo& key = Config::schema()[index];
  if (!is_present(index)) refuse_absent(index, source);
  try {
    SettingValue converted = convert(key, value);
    // A file that repeats what holds already (the config.yaml of an earlier run holds every
    // default) sets nothing.
    if (source.origin.starts_with(kFileOrigin) && settings_[index].value == converted) return;
    settings_[index] = {
        .value = std::move(converted), .origin = source.origin, .where = source.where};
  } catch (const ValueMismatch& mismatch) {
    throw ConfigError(source.where + ": " + key.name + " must be " + mismatch.expected + ", not " +
                      shown(value));
  } catch (const InterpolationError& error) {
    throw ConfigError(source.where + ": " + key.name + ": " + error.reason);
  }
}

void ConfigTree::assign_node(const std::string& node, const OverrideValue& value,
                             const Source& source) {
  const GroupInfo* group = group_of(node);
  const std::string option = group != nullptr ? node.substr(group->name.size() + 1) : "";
  const bool is_option = group != nullptr && group->many && find_option(*group, option) != nullptr;
  if (is_option && value.kind == Kind::kNull) {
    std::vector<std::string> rest = selected(*group);
    std::erase(rest, option);
    return select(*group, rest, source);
  }
  if (value.kind != Kind::kDict)
    throw ConfigError(source.where + ": " + node + " holds keys and cannot be " + shown(value) +
                      "; set one of its keys");
  if (is_option && !value.entries.empty() && std::ranges::count(selected(*group), option) == 0)
    throw ConfigError(source.where + ": select " + option + " first, e.g. " + group->name + "=[" +
                      option + "]");
  for (const auto& [name, entry] : value.entries) assign(node + "." + name, entry, source);
}

// The classes of the Python balr name what is selected; they cannot be chosen by themselves.
void ConfigTree::assign_target(const std::string& key, const OverrideValue& value,
                               const Source& source) const {
  const std::string node = key.substr(0, key.size() - kTargetName.size() - 1);
  const std::string known = target(node);
  if (known.empty())
    throw ConfigError(source.where + ": unknown key " + shown_text(key) + suggestion(key));
  if (value.kind != Kind::kText || value.text != known)
    throw ConfigError(source.where + ": " + key + " is " + known +
                      " and cannot be changed; select by name, e.g. scorer=dna");
}

void ConfigTree::assign_extra(const std::string& key, const OverrideValue& value,
                              const Source& source) {
  const NodePath path = split_dotted(key);
  for (std::size_t length = 1; length < path.size(); ++length) {
    const std::string outer =
        join_dotted(NodePath(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(length)));
    const GroupInfo* group = group_of(outer);
    if (find_key(outer))
      throw ConfigError(source.where + ": " + outer + " is a value and holds no keys");
    const bool option = group != nullptr && group->many &&
                        find_option(*group, outer.substr(group->name.size() + 1)) != nullptr;
    const GroupInfo* own = find_group(outer);
    if ((option && target(outer).empty()) ||
        (own != nullptr && !own->many && selected(*own).empty()))
      throw ConfigError(source.where + ": " + outer + " is not selected; select it first");
  }
  check_values(value, key, source);
  if (!extras_.set(path, value, source))
    throw ConfigError(source.where + ": the list has no such place as " + shown_text(key));
}

void ConfigTree::remove_extra(const std::string& key) { extras_.erase(split_dotted(key)); }

void ConfigTree::refuse_absent(std::size_t index, const Source& source) const {
  const KeyInfo& key = Config::schema()[index];
  const GroupInfo& group = *group_of(key.name);
  const std::string option = key.options.empty() ? group.options.front().name : key.options.front();
  const std::string example =
      group.many ? group.name + "=[" + option + "]" : group.name + "=" + option;
  throw ConfigError(source.where + ": " + key.name + " is there only with " + option +
                    "; select it first, e.g. " + example);
}

std::vector<std::string> option_names(const GroupInfo& group, const OverrideValue& value,
                                      const Source& source) {
  std::vector<std::string> names;
  const auto add = [&](const OverrideValue& item) {
    if (item.kind != Kind::kText)
      throw ConfigError(source.where + ": " + group.name +
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
