// What `balr config` prints: the tree as YAML, and as one flat JSON object.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/config_tree.hpp"
#include "core/override_key.hpp"
#include "core/python_scalar.hpp"
#include "core/yaml_text.hpp"

namespace balr {
namespace {

using Kind = OverrideValue::Kind;

struct Entry {
  NodePath path;
  OverrideValue value;
  std::string origin;
  bool added = false;  // by a user, with +
};

const OverrideValue& null_value() {
  static const OverrideValue value{.kind = Kind::kNull, .text = "None"};
  return value;
}

// Everything in the tree in the order of the schema: classes, values and what is not selected
// (null); then what was added.
class Collector {
 public:
  explicit Collector(const ConfigTree& tree) : tree_(tree) {}

  std::vector<Entry> collect() && {
    const auto keys = Config::schema();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      announce(keys[i].name);
      if (tree_.is_present(i))
        add(keys[i].name, to_override_value(tree_.resolved(i)), tree_.setting(i).origin);
    }
    collect_extras({}, tree_.extras().root());
    return std::move(entries_);
  }

 private:
  void add(const std::string& key, const OverrideValue& value, const std::string& origin) {
    entries_.push_back({split_dotted(key), value, origin});
  }

  // Before the first key of a node that stands for a class: the class, or null.
  void announce(const std::string& key) {
    const GroupInfo* group = group_of(key);
    std::string node = key.starts_with("trainer.") ? "trainer" : "";
    if (!node.empty() && announced_.insert(node).second) add_class(node, "default");
    if (group == nullptr) return;
    node = group->name;
    if (group->many)
      node += "." + key.substr(node.size() + 1, key.find('.', node.size() + 1) - node.size() - 1);
    if (announced_.insert(node).second) add_class(node, tree_.group_origin(*group));
  }

  void add_class(const std::string& node, const std::string& origin) {
    const std::string target = tree_.target(node);
    if (target.empty())
      add(node, null_value(), origin);
    else
      add(node + "._target_", {.text = target}, origin);
  }

  // Below known nodes; what lies below the first unknown name belongs to that name.
  void collect_extras(const NodePath& path, const OverrideValue& dict) {
    for (const auto& [name, value] : dict.entries) {
      NodePath inner = path;
      inner.push_back(name);
      const bool known = is_node(join_dotted(inner));
      if (known && value.kind == Kind::kDict)
        collect_extras(inner, value);
      else
        entries_.push_back(
            {inner, tree_.resolved_extra(inner), tree_.extras().source(inner).origin, true});
    }
  }

  const ConfigTree& tree_;
  std::vector<Entry> entries_;
  std::set<std::string> announced_;
};

struct YamlNode {
  std::string name;
  std::string value;  // with the comment; empty: the children count
  std::vector<YamlNode> children;
};

YamlNode& child(YamlNode& node, const std::string& name) {
  for (YamlNode& known : node.children)
    if (known.name == name) return known;
  node.children.push_back({name, "", {}});
  return node.children.back();
}

void write(const YamlNode& node, int depth, std::string& text) {
  for (const YamlNode& inner : node.children) {
    text += std::string(static_cast<std::size_t>(2 * depth), ' ') + inner.name + ":" +
            (inner.value.empty() ? "" : " " + inner.value) + "\n";
    write(inner, depth + 1, text);
  }
}

std::string json_text(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_value(const OverrideValue& value) {
  std::string joined;
  switch (value.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return value.text == "True" ? "true" : "false";
    case Kind::kInt:
      return value.text;
    case Kind::kFloat:  // JSON has no infinity and no NaN
      return std::isfinite(parse_real(value.text)) ? value.text : json_text(value.text);
    case Kind::kText:
    case Kind::kInterpolation:
      return json_text(value.text);
    case Kind::kList:
      for (const OverrideValue& item : value.items)
        joined += (joined.empty() ? "" : ", ") + json_value(item);
      return "[" + joined + "]";
    case Kind::kDict:
      break;
  }
  for (const auto& [name, entry] : value.entries)
    joined += (joined.empty() ? "" : ", ") + json_text(name) + ": " + json_value(entry);
  return "{" + joined + "}";
}

// Sets of keys dissolve into dotted names; lists and empty sets stay whole.
void flatten(const std::string& key, const OverrideValue& value, std::set<std::string>& names,
             std::string& text) {
  if (value.kind == Kind::kDict && !value.entries.empty()) {
    for (const auto& [name, entry] : value.entries) flatten(key + "." + name, entry, names, text);
    return;
  }
  if (!names.insert(key).second) return;
  text += (text.empty() ? "" : ",\n") + ("  " + json_text(key)) + ": " + json_value(value);
}

}  // namespace

std::string tree_to_yaml(const ConfigTree& tree, bool with_origins) {
  YamlNode root;
  for (const Entry& entry : Collector(tree).collect()) {
    YamlNode* node = &root;
    for (std::size_t i = 0; i + 1 < entry.path.size(); ++i) node = &child(*node, entry.path[i]);
    // A + in front adds the key again where the file is read.
    node = &child(*node, entry.added ? yaml_name("+" + entry.path.back()) : entry.path.back());
    node->value = yaml_value(entry.value);
    if (with_origins) node->value += "  # " + shown_text(entry.origin);
  }
  std::string text;
  write(root, 0, text);
  return text;
}

std::string tree_to_json(const ConfigTree& tree) {
  std::set<std::string> names;
  std::string text;
  for (const Entry& entry : Collector(tree).collect())
    flatten(join_dotted(entry.path), entry.value, names, text);
  return "{\n" + text + "\n}";
}

}  // namespace balr
