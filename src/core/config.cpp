#include "balr/core/config.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "balr/core/error.hpp"
#include "core/config_tree.hpp"

namespace balr {

struct Config::Tree : ConfigTree {};

namespace {

using Json = nlohmann::ordered_json;

// The value of a key that is there, as T.
template <class T>
const T& value_of(const ConfigTree& tree, std::string_view key) {
  const auto index = find_key(key);
  const T* value =
      index && tree.is_present(*index) ? std::get_if<T>(&tree.setting(*index).value) : nullptr;
  if (value == nullptr)
    throw InternalError("internal error: the configuration has no key " + std::string(key) +
                        " of this type; please report it");
  return *value;
}

Json json_value(const SettingValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  // JSON has no infinity and no NaN.
  if (const double* real = std::get_if<double>(&value))
    return std::isfinite(*real) ? Json(*real) : Json(python_float(*real));
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) return *list;
  return nullptr;
}

// Writes nested maps from dotted names that come in the order of the schema.
class YamlWriter {
 public:
  explicit YamlWriter(bool with_origins) : with_origins_(with_origins) {}

  void write(const std::string& key, const std::string& value, const std::string& origin) {
    std::vector<std::string> path = split(key);
    std::size_t common = 0;
    while (common < open_.size() && common + 1 < path.size() && open_[common] == path[common])
      ++common;
    for (std::size_t depth = common; depth + 1 < path.size(); ++depth)
      text_ += std::string(2 * depth, ' ') + path[depth] + ":\n";
    text_ += std::string(2 * (path.size() - 1), ' ') + path.back() + ": " + value;
    if (with_origins_) text_ += "  # " + origin;
    text_ += '\n';
    path.pop_back();
    open_ = std::move(path);
  }
  std::string text() && { return std::move(text_); }

 private:
  static std::vector<std::string> split(const std::string& key) {
    std::vector<std::string> path(1);
    for (const char c : key) {
      if (c == '.')
        path.emplace_back();
      else
        path.back() += c;
    }
    return path;
  }

  bool with_origins_;
  std::string text_;
  std::vector<std::string> open_;
};

// Calls visit(key, value, origin) for everything in the tree, in the order of the schema: values,
// what is not selected (null), and the class that names a scorer.
template <class Visit>
void for_each(const ConfigTree& tree, Visit visit) {
  const auto keys = Config::schema();
  std::string announced;  // group or option already written
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Setting& setting = tree.setting(i);
    const GroupInfo* group = group_of(keys[i].name);
    if (group == nullptr) {
      visit(keys[i].name, setting.value, setting.origin);
      continue;
    }
    const std::string node =
        group->many ? group->name + "." + keys[i].options.front() : group->name;
    const std::vector<std::string>& selected = tree.selected(*group);
    if (!group->many && announced != node) {
      if (selected.empty())
        visit(node, SettingValue(), tree.group_origin(*group));
      else
        visit(node + "._target_", SettingValue(find_option(*group, selected.front())->target),
              tree.group_origin(*group));
    }
    if (tree.is_present(i))
      visit(keys[i].name, setting.value, setting.origin);
    else if (group->many && announced != node)
      visit(node, SettingValue(), tree.group_origin(*group));
    announced = node;
  }
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
  return value_of<std::int64_t>(*tree_, key);
}
double Config::real(std::string_view key) const { return value_of<double>(*tree_, key); }
bool Config::flag(std::string_view key) const { return value_of<bool>(*tree_, key); }
std::string Config::text(std::string_view key) const { return value_of<std::string>(*tree_, key); }

std::optional<std::string> Config::optional_text(std::string_view key) const {
  const auto index = find_key(key);
  const bool is_null = index && tree_->is_present(*index) &&
                       schema()[*index].type == KeyType::kOptionalText &&
                       std::holds_alternative<std::monostate>(tree_->setting(*index).value);
  if (is_null) return std::nullopt;
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

std::string Config::to_yaml(bool with_origins) const {
  YamlWriter writer(with_origins);
  for_each(*tree_,
           [&](const std::string& key, const SettingValue& value, const std::string& origin) {
             writer.write(key, yaml_scalar(value), origin);
           });
  return std::move(writer).text();
}

std::string Config::to_json() const {
  Json object = Json::object();
  for_each(*tree_, [&](const std::string& key, const SettingValue& value, const std::string&) {
    object[key] = json_value(value);
  });
  return object.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string Config::identity(KeyRole role) const {
  std::string text;
  for_each(*tree_, [&](const std::string& name, const SettingValue& value, const std::string&) {
    const auto index = find_key(name);
    const bool counts = index ? std::ranges::count(schema()[*index].roles, role) != 0
                              : role == KeyRole::kScoreIdentity && name.starts_with("scorer");
    if (counts) text += name + "=" + yaml_scalar(value) + "\n";
  });
  return text;
}

}  // namespace balr
