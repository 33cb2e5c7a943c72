#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "balr/core/config.hpp"
#include "core/config_schema.hpp"
#include "core/config_value.hpp"

namespace balr {

inline constexpr const char* kFileOrigin =
    "file ";  // start of the origin of values from a YAML file

struct Setting {
  SettingValue value;
  std::string origin = "default";
};

// The values and selections behind a Config, and the rules for changing them. Errors are
// ConfigErrors that start with `where`, which names the file or argument.
class ConfigTree {
 public:
  ConfigTree();

  const Setting& setting(std::size_t index) const { return settings_[index]; }
  bool is_present(std::size_t index) const;  // false while its group's option is not selected
  const std::vector<std::string>& selected(const GroupInfo& group) const;
  const std::string& group_origin(const GroupInfo& group) const;

  void set(std::size_t index, SettingValue value, const std::string& origin);
  // Replaces the selection of a group. Values of options that are no longer selected return to
  // their defaults.
  void select(const GroupInfo& group, const std::vector<std::string>& options,
              const std::string& origin, const std::string& where);
  // Sets a key, merges a dict into a node, or deselects an option of a group with many (by null).
  void assign(const std::string& key, const OverrideValue& value, const std::string& origin,
              const std::string& where);

 private:
  struct Selection {
    std::vector<std::string> options;
    std::string origin = "default";
  };
  void assign_key(std::size_t index, const OverrideValue& value, const std::string& origin,
                  const std::string& where);
  void assign_node(const std::string& node, const OverrideValue& value, const std::string& origin,
                   const std::string& where);
  [[noreturn]] void refuse_absent(std::size_t index, const std::string& where) const;

  std::vector<Setting> settings_;  // one per key of the schema
  std::map<std::string, Selection, std::less<>> selections_;
};

// The options that a group's value names: a text or a list of texts.
std::vector<std::string> option_names(const GroupInfo& group, const OverrideValue& value,
                                      const std::string& where);

void apply_override_list(ConfigTree& tree, std::span<const std::string> overrides);
void apply_yaml_file(ConfigTree& tree, const std::filesystem::path& file);

}  // namespace balr
