#include "balr/core/config.hpp"

#include <algorithm>

#include "balr/core/error.hpp"
#include "core/config_tree.hpp"
#include "core/yaml_text.hpp"

namespace balr {

struct Config::Tree : ConfigTree {};

namespace {

// The value of a key that is there, as T.
template <class T>
T value_of(const ConfigTree& tree, std::string_view key) {
  const auto index = find_key(key);
  if (index && tree.is_present(*index)) {
    const SettingValue value = tree.resolved(*index);
    if (const T* found = std::get_if<T>(&value)) return *found;
  }
  throw InternalError("internal error: the configuration has no key " + std::string(key) +
                      " of this type; please report it");
}

}  // namespace

Config::Config() : tree_(std::make_unique<Tree>()) {}
Config::~Config() = default;
Config::Config(const Config& other) : tree_(std::make_unique<Tree>(*other.tree_)) {}
Config::Config(Config&&) noexcept = default;
Config& Config::operator=(const Config& other) {
  if (this != &other) tree_ = std::make_unique<Tree>(*other.tree_);
  return *this;
}
Config& Config::operator=(Config&&) noexcept = default;

void Config::load_yaml(const std::filesystem::path& file) {
  auto changed = std::make_unique<Tree>(*tree_);
  apply_yaml_file(*changed, file);
  tree_ = std::move(changed);
}

void Config::apply_overrides(std::span<const std::string> overrides) {
  auto changed = std::make_unique<Tree>(*tree_);
  apply_override_list(*changed, overrides);
  tree_ = std::move(changed);
}

void Config::set_from_option(std::string_view key, std::string_view value,
                             std::string_view origin) {
  const auto index = find_key(key);
  BALR_CHECK(index.has_value());
  try {
    tree_->set(*index, convert_text(schema()[*index], std::string(value)), std::string(origin));
  } catch (const ValueMismatch& mismatch) {
    throw ConfigError(std::string(origin) + " must be " + mismatch.expected + ", not '" +
                      std::string(value) + "'");
  }
}

bool Config::has(std::string_view key) const {
  if (const auto index = find_key(key)) return tree_->is_present(*index);
  if (const GroupInfo* group = find_group(key)) return !tree_->selected(*group).empty();
  const GroupInfo* group = group_of(key);
  return group != nullptr &&
         std::ranges::count(tree_->selected(*group), key.substr(group->name.size() + 1)) != 0;
}

std::int64_t Config::integer(std::string_view key) const {
  const auto index = find_key(key);
  if (index && tree_->is_present(*index)) {
    const SettingValue value = tree_->resolved(*index);
    if (const auto* big = std::get_if<BigInteger>(&value))
      throw ConfigError(std::string(key) + " is " + shown_text(big->digits) +
                        "; an integer of at most 64 bits is needed here");
  }
  return value_of<std::int64_t>(*tree_, key);
}
double Config::real(std::string_view key) const { return value_of<double>(*tree_, key); }
bool Config::flag(std::string_view key) const { return value_of<bool>(*tree_, key); }
std::string Config::text(std::string_view key) const { return value_of<std::string>(*tree_, key); }

std::optional<std::string> Config::optional_text(std::string_view key) const {
  const auto index = find_key(key);
  const bool optional = index && tree_->is_present(*index) &&
                        (schema()[*index].type == KeyType::kOptionalText ||
                         schema()[*index].type == KeyType::kOptionalPath);
  if (optional && std::holds_alternative<std::monostate>(tree_->resolved(*index)))
    return std::nullopt;
  return value_of<std::string>(*tree_, key);
}

std::vector<std::string> Config::list(std::string_view key) const {
  return value_of<std::vector<std::string>>(*tree_, key);
}

bool Config::was_set(std::string_view key) const { return origin(key) != "default"; }

std::string Config::origin(std::string_view key) const {
  if (const GroupInfo* group = find_group(key)) return tree_->group_origin(*group);
  const auto index = find_key(key);
  BALR_CHECK(index.has_value());
  return tree_->setting(*index).origin;
}

std::vector<std::string> Config::notes() const { return tree_->notes(); }

std::string Config::to_yaml(bool with_origins) const { return tree_to_yaml(*tree_, with_origins); }

std::string Config::to_json() const { return tree_to_json(*tree_); }

std::string Config::identity(KeyRole role) const {
  std::string text;
  const auto keys = schema();
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (tree_->is_present(i) && std::ranges::count(keys[i].roles, role) != 0)
      text += keys[i].name + "=" + yaml_value(to_override_value(tree_->resolved(i))) + "\n";
  if (role == KeyRole::kScoreIdentity) text += "scorer=" + tree_->target("scorer") + "\n";
  return text;
}

}  // namespace balr
