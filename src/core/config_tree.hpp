#pragma once
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "balr/core/config.hpp"
#include "core/config_extras.hpp"
#include "core/config_schema.hpp"
#include "core/config_value.hpp"

namespace balr {

inline constexpr const char* kFileOrigin =
    "file ";  // start of the origin of values from a YAML file

struct Setting {
  SettingValue value;
  std::string origin = "default";
  std::string where = {};  // file and line, or argument: for errors found later
};

// The values and selections behind a Config, and the rules for changing them. Errors are
// ConfigErrors.
class ConfigTree {
 public:
  ConfigTree();

  const Setting& setting(std::size_t index) const { return settings_[index]; }
  bool is_present(std::size_t index) const;  // false while its group's option is not selected
  const std::vector<std::string>& selected(const GroupInfo& group) const;
  const std::string& group_origin(const GroupInfo& group) const;
  // The class that the Python balr makes of this node; empty if of none.
  std::string target(std::string_view node) const;
  const ExtraKeys& extras() const { return extras_; }
  const std::vector<std::string>& notes() const { return notes_; }

  // The value with its interpolations resolved; throws ConfigError.
  SettingValue resolved(std::size_t index) const;
  // An added value, likewise.
  OverrideValue resolved_extra(const NodePath& path) const;
  void check_interpolations() const;  // throws as resolved() for the first that fails

  void set(std::size_t index, SettingValue value, const std::string& origin);
  // Replaces the selection of a group. Values of options that are no longer selected return to
  // their defaults.
  void select(const GroupInfo& group, const std::vector<std::string>& options,
              const Source& source);
  // Sets a key, merges a dict into a node, or deselects an option of a group with many (by null).
  void assign(const std::string& key, const OverrideValue& value, const Source& source);
  // Adds a key that is not known, sets or removes one that was added.
  void assign_extra(const std::string& key, const OverrideValue& value, const Source& source);
  void remove_extra(const std::string& key);
  // trainer=batrainer: the defaults of that node, without any loss.
  void reset_trainer(const Source& source);
  void add_note(const std::string& note) { notes_.push_back(note); }

 private:
  struct Selection {
    std::vector<std::string> options;
    std::string origin = "default";
  };
  void assign_key(std::size_t index, const OverrideValue& value, const Source& source);
  void assign_node(const std::string& node, const OverrideValue& value, const Source& source);
  void assign_target(const std::string& key, const OverrideValue& value,
                     const Source& source) const;
  [[noreturn]] void refuse_absent(std::size_t index, const Source& source) const;

  std::vector<Setting> settings_;  // one per key of the schema
  std::map<std::string, Selection, std::less<>> selections_;
  ExtraKeys extras_;
  std::vector<std::string> notes_;
};

// The options that a group's value names: a text or a list of texts.
std::vector<std::string> option_names(const GroupInfo& group, const OverrideValue& value,
                                      const Source& source);

void apply_override_list(ConfigTree& tree, std::span<const std::string> overrides);
void apply_yaml_file(ConfigTree& tree, const std::filesystem::path& file);
// The same from the content of a file; `name` is shown in errors, its last part in origins.
void apply_yaml_text(ConfigTree& tree, const std::string& content,
                     const std::filesystem::path& name);

// What Config::to_yaml and to_json give.
std::string tree_to_yaml(const ConfigTree& tree, bool with_origins);
std::string tree_to_json(const ConfigTree& tree);

}  // namespace balr
