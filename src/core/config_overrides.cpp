#include <algorithm>
#include <array>

#include "balr/core/error.hpp"
#include "core/config_tree.hpp"
#include "core/override_key.hpp"
#include "core/override_parser.hpp"

namespace balr {
namespace {

using Kind = OverrideValue::Kind;

constexpr const char* kOrigin = "override";
constexpr std::string_view kTrainerGroup = "trainer";
constexpr const char* kTrainerOption = "batrainer";

Source source_of(const Override& item) {
  return {.origin = kOrigin, .where = "override '" + shown_text(item.argument) + "'"};
}

[[noreturn]] void refuse(const Override& item, const std::string& reason) {
  throw ConfigError(source_of(item).where + ": " + reason);
}

void refuse_option_keys(const Override& item) {
  const std::string option = option_instead_of(item.key);
  if (!option.empty()) refuse(item, item.key + " is not set by an override; use " + option);
}

// Hydra's own keys say where the Python program runs and logs.
bool is_hydra(const Override& item) {
  return item.key == "hydra" || item.key.starts_with("hydra.") || item.key.starts_with("hydra/");
}

void apply_hydra(ConfigTree& tree, const Override& item) {
  static constexpr std::array<std::string_view, 19> kNames = {
      "mode",        "searchpath", "run",           "sweep",     "hydra_logging",
      "job_logging", "sweeper",    "launcher",      "env",       "callbacks",
      "help",        "hydra_help", "output_subdir", "overrides", "job",
      "runtime",     "output",     "choices",       "verbose"};
  const std::string rest = item.key.substr(std::min<std::size_t>(6, item.key.size()));
  const std::string name = rest.substr(0, rest.find('.'));
  if (item.mode == OverrideMode::kRemove)
    refuse(item, "hydra's own keys cannot be removed; leave it out");
  if (item.mode == OverrideMode::kSet && std::ranges::count(kNames, name) == 0)
    refuse(item, "hydra has no key " + shown_text(item.key) + "; leave it out");
  tree.add_note("'" + shown_text(item.argument) + "' has no effect: balr runs without hydra");
}

// A dict for a group is no selection: it sets the keys below.
bool is_selection(const Override& item) {
  const bool group = find_group(item.key) != nullptr || item.key == kTrainerGroup;
  return group && (!item.value || item.value->kind != Kind::kDict);
}

void remove_selection(ConfigTree& tree, const GroupInfo& group, const Override& item) {
  if (!group.removable)
    refuse(item, group.name + " cannot be removed; select what you want, e.g. " + group.name +
                     "=[" + group.options.front().name + "]");
  const bool named = !item.value || (item.value->kind == Kind::kText &&
                                     tree.selected(group) == std::vector{item.value->text});
  if (!named)
    refuse(item, "that option of " + group.name + " is not selected; write ~" + group.name);
  tree.select(group, {}, source_of(item));
}

void apply_selection(ConfigTree& tree, const GroupInfo& group, const Override& item) {
  if (item.mode == OverrideMode::kRemove) return remove_selection(tree, group, item);
  const bool add = item.mode == OverrideMode::kAdd;
  if (item.mode == OverrideMode::kForce || (add && !group.many))
    refuse(item, "write " + group.name + "=OPTION, without +");
  std::vector<std::string> names = option_names(group, *item.value, source_of(item));
  if (add) names.insert(names.begin(), tree.selected(group).begin(), tree.selected(group).end());
  tree.select(group, names, source_of(item));
}

// trainer=batrainer is a group too, whose only option means: no loss at all.
bool names_batrainer(const Override& item) {
  const OverrideValue& value = *item.value;
  const OverrideValue& name =
      value.kind == Kind::kList && value.items.size() == 1 ? value.items[0] : value;
  return name.kind == Kind::kText && name.text == kTrainerOption;
}

void apply_trainer_group(ConfigTree& tree, const Override& item, bool& added) {
  const bool add = item.mode == OverrideMode::kAdd;
  const bool again = item.mode == OverrideMode::kSet && added;
  if (!item.value || item.mode == OverrideMode::kRemove || item.mode == OverrideMode::kForce ||
      (!add && !again))
    refuse(item, "trainer holds keys and is not selected; set one of its keys");
  if (!names_batrainer(item))
    refuse(item, "trainer has no option " + shown(*item.value) + "; set one of its keys");
  if (add && added) refuse(item, "trainer stands there twice; write it once");
  added = true;
  tree.add_note("'" + shown_text(item.argument) +
                "' takes all losses away, as in Python; leave it out to keep them");
}

void remove_value(ConfigTree& tree, const Override& item) {
  const OverrideValue* extra = tree.extras().find(split_dotted(item.key));
  if (find_key(item.key) || is_node(item.key))
    refuse(item, "keys cannot be removed; set " + item.key + " to the value you want");
  if (extra == nullptr || extra->kind == Kind::kNull)
    refuse(item, "there is no key " + shown_text(item.key) + " to remove" + suggestion(item.key));
  if (item.value && item.value->kind != Kind::kNull && *item.value != *extra)
    refuse(item, shown_text(item.key) + " is " + shown(*extra) + " and not " + shown(*item.value));
  tree.remove_extra(item.key);
}

bool is_null(const ConfigTree& tree, const std::string& key) {
  if (const auto index = find_key(key))
    return tree.is_present(*index) &&
           std::holds_alternative<std::monostate>(tree.setting(*index).value);
  const OverrideValue* extra = tree.extras().find(split_dotted(key));
  return extra != nullptr && extra->kind == Kind::kNull;
}

void add_value(ConfigTree& tree, const Override& item, bool known) {
  const bool add = item.mode == OverrideMode::kAdd;
  const bool exists = known || tree.extras().find(split_dotted(item.key)) != nullptr;
  if (add && exists && !is_null(tree, item.key) && !is_container(*item.value))
    refuse(item, shown_text(item.key) + " is there already; write it without +");
  if (known) return tree.assign(item.key, *item.value, source_of(item));
  tree.assign_extra(item.key, *item.value, source_of(item));
  tree.add_note("'" + shown_text(item.argument) + "' has no effect: nothing in balr reads " +
                shown_text(item.key) + suggestion(item.key));
}

void apply_value(ConfigTree& tree, const Override& item) {
  if (item.mode == OverrideMode::kRemove) return remove_value(tree, item);
  const bool known = find_key(item.key) || is_node(item.key) ||
                     (item.key.ends_with("._target_") &&
                      !tree.target(item.key.substr(0, item.key.size() - 9)).empty());
  if (item.mode != OverrideMode::kSet) return add_value(tree, item, known);
  // The Python balr has no such key until it is added.
  if (item.key == "embeddings.model.model_dir" && is_null(tree, item.key))
    refuse(item, item.key + " is not there by itself; add it: +" + item.key + "=DIR");
  tree.assign(item.key, *item.value, source_of(item));
}

}  // namespace

void apply_override_list(ConfigTree& tree, std::span<const std::string> overrides) {
  std::vector<Override> parsed;
  for (const std::string& argument : overrides) {
    parsed.push_back(parse_override(argument));
    refuse_option_keys(parsed.back());
  }
  // Selections first, so that `scorer.f=0.1 scorer=maxllr` works in any order.
  bool batrainer = false;
  for (const Override& item : parsed) {
    if (!is_selection(item)) continue;
    if (item.key == kTrainerGroup)
      apply_trainer_group(tree, item, batrainer);
    else
      apply_selection(tree, *find_group(item.key), item);
  }
  if (batrainer) tree.reset_trainer({.origin = kOrigin, .where = "override 'trainer'"});
  for (const Override& item : parsed) {
    if (is_hydra(item))
      apply_hydra(tree, item);
    else if (!is_selection(item))
      apply_value(tree, item);
  }
  tree.check_interpolations();
}

}  // namespace balr
