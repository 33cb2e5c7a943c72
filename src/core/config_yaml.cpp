#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "balr/core/error.hpp"
#include "core/config_tree.hpp"

namespace balr {
namespace {

using Kind = OverrideValue::Kind;

// Applies one file. Only nodes that the schema knows are entered, so its depth bounds the
// recursion.
class YamlLoader {
 public:
  YamlLoader(ConfigTree& tree, const std::filesystem::path& file)
      : tree_(tree), where_(file.string()), origin_(kFileOrigin + file.filename().string()) {}

  void load(const YAML::Node& root) {
    if (root.IsNull()) return;  // an empty file
    if (!root.IsMap())
      throw ConfigError(where_ + ": the file must be a map of keys, as `balr config` prints");
    visit_map(root, "");
  }

 private:
  std::string at(const YAML::Node& node) const {
    const int line = node.Mark().line;
    return line < 0 ? where_ : where_ + ":" + std::to_string(line + 1);
  }

  OverrideValue scalar(const YAML::Node& node, const std::string& key) const {
    if (node.IsNull()) return {.kind = Kind::kNull, .text = "None"};
    if (!node.IsScalar()) throw ConfigError(at(node) + ": " + key + " must be one value");
    const std::string text = node.Scalar();
    if (node.Tag() == "!") return {.text = text};  // in quotes
    if (text == ".inf" || text == "-.inf" || text == ".nan") {
      std::string bare = text;
      std::erase(bare, '.');
      return classify_plain(bare);
    }
    return classify_plain(text);
  }

  OverrideValue value(const YAML::Node& node, const std::string& key) const {
    if (!node.IsSequence()) return scalar(node, key);
    OverrideValue list{.kind = Kind::kList};
    for (const YAML::Node& item : node) list.items.push_back(scalar(item, key));
    return list;
  }

  void visit_map(const YAML::Node& map, const std::string& prefix) {
    std::set<std::string> seen;
    for (const auto& entry : map) {
      if (!entry.first.IsScalar()) throw ConfigError(at(map) + ": a key must be a name");
      const std::string name = entry.first.Scalar();
      const std::string key = prefix.empty() ? name : prefix + "." + name;
      if (!seen.insert(name).second)
        throw ConfigError(at(entry.first) + ": " + key + " stands there twice");
      if (name == "_target_") continue;  // select_target has looked at it
      visit(entry.second, key, at(entry.first));
    }
  }

  void visit(const YAML::Node& node, const std::string& key, const std::string& place) {
    if (const GroupInfo* group = find_group(key)) return visit_group(node, *group, place);
    const GroupInfo* outer = group_of(key);
    const std::string option = outer != nullptr ? key.substr(outer->name.size() + 1) : "";
    if (outer != nullptr && outer->many && find_option(*outer, option) != nullptr && node.IsMap()) {
      std::vector<std::string> names = tree_.selected(*outer);
      names.push_back(option);
      tree_.select(*outer, names, origin_, place);
      check_target(node, find_option(*outer, option)->target);
      return visit_map(node, key);
    }
    if (!find_key(key) && is_node(key) && node.IsMap()) {
      check_target(node, key == "trainer"
                             ? "balr.binary_attributes.trainer.BinaryAttributeEncoderTrainer"
                             : "");
      return visit_map(node, key);
    }
    if (!find_key(key) && is_node(key) && node.IsNull() && (outer == nullptr || !outer->many))
      return;
    if (key == "input")
      throw ConfigError(place + ": input is not set by a file; give it on the command line");
    tree_.assign(key, value(node, key), origin_, place);
  }

  // A text or list selects; a map also sets keys, and its _target_ (or the options in it) selects.
  void visit_group(const YAML::Node& node, const GroupInfo& group, const std::string& place) {
    if (node.IsNull() && group.removable) return tree_.select(group, {}, origin_, place);
    if (!node.IsMap())
      return tree_.select(group, option_names(group, value(node, group.name), place), origin_,
                          place);
    if (!group.many) select_target(node, group);
    visit_map(node, group.name);
  }

  void select_target(const YAML::Node& node, const GroupInfo& group) {
    const YAML::Node target = node["_target_"];
    if (!target.IsDefined()) {
      if (tree_.selected(group).empty()) tree_.select(group, group.defaults, origin_, at(node));
      return;
    }
    for (const auto& option : group.options)
      if (target.IsScalar() && target.Scalar() == option.target)
        return tree_.select(group, {option.name}, origin_, at(target));
    throw ConfigError(at(target) + ": " + group.name +
                      "._target_ names no known class; select by name, e.g. " + group.name + ": " +
                      group.options.front().name);
  }

  void check_target(const YAML::Node& node, const std::string& expected) const {
    const YAML::Node target = node["_target_"];
    if (target.IsDefined() && !(target.IsScalar() && target.Scalar() == expected))
      throw ConfigError(at(target) + ": _target_ names no known class; leave it out");
  }

  ConfigTree& tree_;
  std::string where_;
  std::string origin_;
};

}  // namespace

void apply_yaml_file(ConfigTree& tree, const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::stringstream content;
  content << stream.rdbuf();
  if (!stream.is_open() || stream.bad() || std::filesystem::is_directory(file))
    throw ConfigError("cannot read the configuration " + file.string() +
                      "; check --config-path and --config-name");
  try {
    YamlLoader(tree, file).load(YAML::Load(content.str()));
  } catch (const YAML::Exception& error) {
    throw ConfigError(file.string() + ":" + std::to_string(error.mark.line + 1) +
                      ": not valid YAML: " + error.msg);
  }
}

}  // namespace balr
