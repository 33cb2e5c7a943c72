#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "balr/core/error.hpp"
#include "core/config_tree.hpp"
#include "core/python_scalar.hpp"
#include "core/yaml_text.hpp"

namespace balr {
namespace {

using Kind = OverrideValue::Kind;

// Bounds of what a file can ask for: aliases are visited again each time they are named.
constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr int kMaxNodes = 20000;
constexpr int kMaxDepth = 32;

// Applies one document. An unknown key is an error; +key adds one, as an override does.
class YamlLoader {
 public:
  YamlLoader(ConfigTree& tree, const std::filesystem::path& file)
      : tree_(tree),
        where_(shown_text(file.string())),
        origin_(kFileOrigin + file.filename().string()) {}

  void load(const YAML::Node& root) {
    if (root.IsNull()) return;  // an empty file
    if (!root.IsMap()) fail(root, "the file must be a map of keys, as `balr config` prints");
    visit_map(root, "");
  }

 private:
  std::string at(const YAML::Node& node) const {
    const int line = node.Mark().line;
    return line < 0 ? where_ : where_ + ":" + std::to_string(line + 1);
  }
  [[noreturn]] void fail(const YAML::Node& node, const std::string& what) const {
    throw ConfigError(at(node) + ": " + what);
  }
  Source source(const YAML::Node& node) const { return {.origin = origin_, .where = at(node)}; }
  void count(const YAML::Node& node) {
    if (++nodes_ > kMaxNodes)
      fail(node, "the file has too many values; are there aliases of aliases?");
  }

  OverrideValue scalar(const YAML::Node& node) const {
    const std::string& text = node.Scalar();
    const std::string& tag = node.Tag();
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return written_text(text);  // in quotes
    if (tag.empty() || tag == "?") return classify_yaml(text);
    OverrideValue value = classify_yaml(text);
    if (tag == "tag:yaml.org,2002:float" && value.kind == Kind::kInt)
      value = {.kind = Kind::kFloat, .text = python_float(parse_real(value.text))};
    const bool right = (tag == "tag:yaml.org,2002:int" && value.kind == Kind::kInt) ||
                       (tag == "tag:yaml.org,2002:float" && value.kind == Kind::kFloat) ||
                       (tag == "tag:yaml.org,2002:bool" && value.kind == Kind::kBool);
    if (!right) fail(node, "the tag " + shown_text(tag) + " is not known; leave it out");
    return value;
  }

  OverrideValue value(const YAML::Node& node, int depth) {
    count(node);
    if (depth > kMaxDepth) fail(node, "the values are nested too deeply");
    if (node.IsScalar()) return scalar(node);
    if (node.IsNull()) return {.kind = Kind::kNull, .text = "None"};
    check_tag(node);
    OverrideValue result{.kind = node.IsSequence() ? Kind::kList : Kind::kDict};
    for (const auto& entry : node) {
      if (node.IsSequence()) {
        result.items.push_back(value(entry, depth + 1));
        continue;
      }
      std::string name = key_name(entry.first);
      if (find_entry(result, name) != nullptr) fail(entry.first, twice(name));
      result.entries.emplace_back(std::move(name), value(entry.second, depth + 1));
    }
    return result;
  }

  void check_tag(const YAML::Node& node) const {
    const std::string& tag = node.Tag();
    const bool plain = tag.empty() || tag == "?" || tag == "tag:yaml.org,2002:map" ||
                       tag == "tag:yaml.org,2002:seq";
    if (!plain) fail(node, "the tag " + shown_text(tag) + " is not known; leave it out");
  }

  static std::string twice(const std::string& key) {
    return shown_text(key) + " stands there twice; remove one";
  }

  // A name as Python prints it: 1e3 is 1000.0.
  std::string key_name(const YAML::Node& node) const {
    if (!node.IsScalar()) fail(node, "a key must be a name");
    const OverrideValue name = scalar(node);
    if (name.kind == Kind::kNull) fail(node, "a key must be a name");
    if (name.text == "<<" && node.Tag() != "!")
      fail(node, "merge keys (<<) are not known; write the keys themselves");
    return name.text;
  }

  void visit_map(const YAML::Node& map, const std::string& prefix) {
    check_tag(map);
    std::set<std::string> seen;
    for (const auto& entry : map) {
      count(entry.first);
      const std::string name = key_name(entry.first);
      const std::string key = prefix.empty() ? name : prefix + "." + name;
      if (!seen.insert(name).second) fail(entry.first, twice(key));
      if (prefix.empty() && name == "defaults")
        visit_defaults(entry.second);
      else if (name == "_target_")
        check_target(entry.second, prefix);
      else if (name.starts_with("+"))
        add(entry.second, name.substr(1), prefix, entry.first);
      else
        visit(entry.second, key, entry.first);
    }
  }

  void add(const YAML::Node& node, const std::string& name, const std::string& prefix,
           const YAML::Node& place) {
    const std::string key = prefix.empty() ? name : prefix + "." + name;
    if (name.empty() || name.find('.') != std::string::npos)
      fail(place, "+ needs one name behind it");
    if (find_key(key) || is_node(key)) fail(place, key + " is there already; write it without +");
    tree_.assign_extra(key, value(node, 0), source(place));
  }

  void visit(const YAML::Node& node, const std::string& key, const YAML::Node& place) {
    if (const GroupInfo* group = find_group(key)) return visit_group(node, *group, place);
    const GroupInfo* outer = group_of(key);
    const std::string option = outer != nullptr ? key.substr(outer->name.size() + 1) : "";
    if (outer != nullptr && outer->many && find_option(*outer, option) != nullptr && node.IsMap()) {
      std::vector<std::string> names = tree_.selected(*outer);
      names.push_back(option);
      tree_.select(*outer, names, source(place));
      return visit_map(node, key);
    }
    if (!find_key(key) && is_node(key) && node.IsMap()) return visit_map(node, key);
    if (!find_key(key) && is_node(key) && node.IsNull() && (outer == nullptr || !outer->many))
      return;
    if (key == "input") fail(place, "input is not set by a file; give it on the command line");
    tree_.assign(key, value(node, 0), source(place));
  }

  // A text or list selects; a map also sets keys, and its _target_ (or the options in it) selects.
  void visit_group(const YAML::Node& node, const GroupInfo& group, const YAML::Node& place) {
    if (node.IsNull() && group.removable) return tree_.select(group, {}, source(place));
    if (!node.IsMap())
      return tree_.select(group, option_names(group, value(node, 0), source(place)), source(place));
    if (!group.many) select_target(node, group);
    visit_map(node, group.name);
  }

  void select_target(const YAML::Node& node, const GroupInfo& group) {
    const YAML::Node target = node["_target_"];
    if (!target.IsDefined()) {
      if (tree_.selected(group).empty()) tree_.select(group, group.defaults, source(node));
      return;
    }
    for (const auto& option : group.options)
      if (target.IsScalar() && target.Scalar() == option.target)
        return tree_.select(group, {option.name}, source(target));
    fail(target, group.name + "._target_ names no known class; select by name, e.g. " + group.name +
                     ": " + group.options.front().name);
  }

  void check_target(const YAML::Node& target, const std::string& node) const {
    const std::string expected = tree_.target(node);
    if (expected.empty() || !target.IsScalar() || target.Scalar() != expected)
      fail(target, "_target_ names no known class; leave it out");
  }

  // Hydra's list of what a file builds on: `- scorer: dna` selects; `- config` and `- _self_` say
  // that the defaults come first, which is so anyway.
  void visit_defaults(const YAML::Node& list) {
    if (!list.IsSequence()) fail(list, "defaults must be a list, such as [config, _self_]");
    for (const YAML::Node& item : list) {
      count(item);
      if (item.IsScalar() &&
          (item.Scalar() == "_self_" || item.Scalar() == "config" || item.Scalar() == "/config"))
        continue;
      if (!item.IsMap() || item.size() != 1)
        fail(item, "defaults may name config, _self_ and groups (scorer: dna) only");
      const auto entry = *item.begin();
      std::string name = key_name(entry.first);
      if (name.starts_with("override ")) name.erase(0, 9);
      if (name.starts_with("/")) name.erase(0, 1);
      if (name.starts_with("hydra/")) continue;
      const GroupInfo* group = find_group(name);
      if (group == nullptr)
        fail(entry.first, "there is no group " + shown_text(name) + suggestion(name));
      visit_group(entry.second, *group, entry.first);
    }
  }

  ConfigTree& tree_;
  std::string where_;
  std::string origin_;
  int nodes_ = 0;
};

// Notes where a document begins.
class DocumentStart : public YAML::EventHandler {
 public:
  int line = 0;  // from 1
  void OnDocumentStart(const YAML::Mark& mark) override { line = std::max(mark.line, 0) + 1; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// The line of the second document, or 0. YAML::LoadAll never ends on some malformed files (",a").
int second_document(const std::string& content) {
  std::istringstream stream(content);
  YAML::Parser parser(stream);
  DocumentStart first;
  DocumentStart second;
  const bool two = parser.HandleNextDocument(first) && parser.HandleNextDocument(second);
  return two ? second.line : 0;
}

}  // namespace

void apply_yaml_text(ConfigTree& tree, const std::string& content,
                     const std::filesystem::path& name) {
  if (content.size() > kMaxBytes)
    throw ConfigError(name.string() + ": is larger than 1 MiB and no configuration");
  try {
    if (const int line = second_document(content))
      throw ConfigError(name.string() + ":" + std::to_string(line) +
                        ": a second document begins; a configuration is one, without ---");
    YamlLoader(tree, name).load(YAML::Load(content));
  } catch (const YAML::Exception& error) {
    throw ConfigError(name.string() + ":" + std::to_string(std::max(error.mark.line, 0) + 1) +
                      ": not valid YAML: " + shown_text(error.msg));
  }
}

void apply_yaml_file(ConfigTree& tree, const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::stringstream content;
  content << stream.rdbuf();
  if (!stream.is_open() || stream.bad() || std::filesystem::is_directory(file))
    throw ConfigError("cannot read the configuration " + file.string() +
                      "; check --config-path and --config-name");
  apply_yaml_text(tree, content.str(), file);
}

}  // namespace balr
