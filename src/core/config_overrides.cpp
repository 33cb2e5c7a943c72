#include <algorithm>

#include "balr/core/error.hpp"
#include "core/config_tree.hpp"
#include "core/override_parser.hpp"

namespace balr {
namespace {

constexpr const char* kOrigin = "override";

std::string where(const Override& item) { return "override '" + item.argument + "'"; }

void refuse_option_keys(const Override& item) {
  const std::string top = item.key.substr(0, item.key.find('.'));
  const std::string option = option_instead_of(item.key);
  if (!option.empty())
    throw ConfigError(where(item) + ": " + item.key + " is not set by an override; use " + option);
  if (top == "hydra") throw ConfigError(where(item) + ": balr has no keys of hydra; leave it out");
}

void remove_selection(ConfigTree& tree, const GroupInfo& group, const Override& item) {
  if (!group.removable)
    throw ConfigError(where(item) + ": " + group.name +
                      " cannot be removed; select what you want, e.g. " + group.name + "=[" +
                      group.options.front().name + "]");
  if (item.value && option_names(group, *item.value, where(item)) != tree.selected(group))
    throw ConfigError(where(item) + ": that option of " + group.name + " is not selected; write ~" +
                      group.name);
  tree.select(group, {}, kOrigin, where(item));
}

void apply_selection(ConfigTree& tree, const GroupInfo& group, const Override& item) {
  if (item.mode == OverrideMode::kRemove) return remove_selection(tree, group, item);
  const bool add = item.mode == OverrideMode::kAdd;
  if (item.mode == OverrideMode::kForce || (add && !group.many))
    throw ConfigError(where(item) + ": write " + group.name + "=OPTION, without +");
  std::vector<std::string> names = option_names(group, *item.value, where(item));
  if (!group.many && names.empty())
    throw ConfigError(where(item) + ": " + group.name + " needs an option; ~" + group.name +
                      " removes it");
  if (add) names.insert(names.begin(), tree.selected(group).begin(), tree.selected(group).end());
  tree.select(group, names, kOrigin, where(item));
}

void apply_value(ConfigTree& tree, const Override& item) {
  const auto index = find_key(item.key);
  if (!index && !is_node(item.key))
    throw ConfigError(where(item) + ": unknown key " + item.key + suggestion(item.key));
  if (item.mode == OverrideMode::kRemove)
    throw ConfigError(where(item) + ": keys cannot be removed; set " + item.key +
                      " to the value you want");
  // In the Python balr this key is not there until it is added; both ways are welcome here.
  const bool may_be_added = item.key == "embeddings.model.model_dir";
  if (item.mode == OverrideMode::kAdd && !may_be_added)
    throw ConfigError(where(item) + ": " + item.key + " is there already; write it without +");
  tree.assign(item.key, *item.value, kOrigin, where(item));
}

}  // namespace

void apply_override_list(ConfigTree& tree, std::span<const std::string> overrides) {
  std::vector<Override> parsed;
  for (const std::string& argument : overrides) {
    parsed.push_back(parse_override(argument));
    refuse_option_keys(parsed.back());
  }
  // Selections first, so that `scorer.f=0.1 scorer=maxllr` works in any order.
  for (const Override& item : parsed)
    if (const GroupInfo* group = find_group(item.key)) apply_selection(tree, *group, item);
  for (const Override& item : parsed)
    if (find_group(item.key) == nullptr) apply_value(tree, item);
}

}  // namespace balr
