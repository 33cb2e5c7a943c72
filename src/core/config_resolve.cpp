// Values that are given as those of other keys: ${trainer.epochs}.
#include <algorithm>
#include <charconv>

#include "balr/core/error.hpp"
#include "core/config_tree.hpp"
#include "core/override_key.hpp"

namespace balr {
namespace {

using Kind = OverrideValue::Kind;

// Bounds of what a few characters can ask for (a key that names itself, lists of lists).
constexpr int kMaxDepth = 64;
constexpr int kMaxLookUps = 10000;
constexpr std::size_t kMaxBytes = std::size_t{16} << 20;

class TreeReader : public InterpolationSource {
 public:
  explicit TreeReader(const ConfigTree& tree) : tree_(tree) {}

  std::optional<OverrideValue> find(const NodePath& path) override {
    if (++look_ups_ > kMaxLookUps) throw InterpolationError{"it leads to too many other keys"};
    std::optional<OverrideValue> value = find_known(join_dotted(path), path);
    if (!value) {
      if (const OverrideValue* extra = tree_.extras().find(path)) value = resolve(*extra, path);
    }
    if (!value) value = find_item(path);
    if (value) bytes_ += value->text.size();
    if (bytes_ > kMaxBytes) throw InterpolationError{"it makes too long a text"};
    return value;
  }

  SettingValue value(std::size_t index) {
    const KeyInfo& key = Config::schema()[index];
    const SettingValue& raw = tree_.setting(index).value;
    const auto* interpolation = std::get_if<Interpolation>(&raw);
    if (interpolation == nullptr) return raw;
    const OverrideValue given = resolve_text(interpolation->text, split_dotted(key.name));
    try {
      return convert(key, given);
    } catch (const ValueMismatch& mismatch) {
      throw InterpolationError{"that is " + shown(given) + ", but " + key.name + " must be " +
                               mismatch.expected};
    }
  }

  // With the interpolations inside resolved.
  OverrideValue resolve(const OverrideValue& raw, const NodePath& path) {
    if (raw.kind == Kind::kInterpolation) return resolve_added(raw.text, path);
    OverrideValue result{.kind = raw.kind, .text = raw.text};
    NodePath inner = path;
    inner.emplace_back();
    for (std::size_t i = 0; i < raw.items.size(); ++i) {
      inner.back() = std::to_string(i);
      result.items.push_back(resolve(raw.items[i], inner));
    }
    for (const auto& [name, entry] : raw.entries) {
      inner.back() = name;
      result.entries.emplace_back(name, resolve(entry, inner));
    }
    return result;
  }

 private:
  OverrideValue resolve_added(const std::string& text, const NodePath& path) {
    try {
      return resolve_text(text, path);
    } catch (const InterpolationError& error) {
      throw ConfigError(tree_.extras().source(path).where + ": " + shown_text(join_dotted(path)) +
                        " is '" + shown_text(text) + "': " + error.reason);
    }
  }

  OverrideValue resolve_text(const std::string& text, const NodePath& path) {
    if (depth_ == kMaxDepth) throw InterpolationError{"it refers to itself"};
    ++depth_;
    const NodePath parent(path.begin(), path.end() - 1);
    OverrideValue result = resolve_interpolation(text, parent, *this);
    --depth_;
    return result;
  }

  // A key, a node or a class of the schema.
  std::optional<OverrideValue> find_known(const std::string& name, const NodePath& path) {
    if (const auto index = find_key(name)) {
      if (!tree_.is_present(*index)) return std::nullopt;
      return to_override_value(value(*index));
    }
    constexpr std::string_view kTarget = "._target_";
    if (name.ends_with(kTarget)) {
      const std::string target = tree_.target(name.substr(0, name.size() - kTarget.size()));
      if (!target.empty()) return OverrideValue{.text = target};
    }
    const GroupInfo* own = find_group(name);
    if (own != nullptr && !own->many && tree_.selected(*own).empty())
      throw InterpolationError{name + " is not selected"};
    const GroupInfo* outer = group_of(name);
    if (outer != nullptr && outer->many) {
      const std::string option = name.substr(outer->name.size() + 1);
      if (find_option(*outer, option) != nullptr &&
          std::ranges::count(tree_.selected(*outer), option) == 0)
        return OverrideValue{.kind = Kind::kNull, .text = "None"};
    }
    if (!is_node(name)) return std::nullopt;
    return node_value(name, path);
  }

  OverrideValue node_value(const std::string& name, const NodePath& path) {
    std::vector<std::string> children = {"_target_"};
    const auto add = [&](const std::string& child) {
      if (std::ranges::count(children, child) == 0) children.push_back(child);
    };
    for (const KeyInfo& key : Config::schema())
      if (key.name.starts_with(name + "."))
        add(key.name.substr(name.size() + 1,
                            key.name.find('.', name.size() + 1) - name.size() - 1));
    if (const OverrideValue* extra = tree_.extras().find(path))
      for (const auto& entry : extra->entries) add(entry.first);
    OverrideValue node{.kind = Kind::kDict};
    NodePath inner = path;
    inner.emplace_back();
    for (const std::string& child : children) {
      inner.back() = child;
      if (std::optional<OverrideValue> value = find(inner))
        node.entries.emplace_back(child, std::move(*value));
    }
    return node;
  }

  // A place in a list, as audio_formats.0.
  std::optional<OverrideValue> find_item(const NodePath& path) {
    if (path.size() < 2) return std::nullopt;
    const NodePath outer(path.begin(), path.end() - 1);
    const OverrideValue* extra = tree_.extras().find(outer);
    const auto key = find_key(join_dotted(outer));
    const bool in_list = (extra != nullptr && extra->kind == Kind::kList) ||
                         (key && Config::schema()[*key].type == KeyType::kTextList);
    if (!in_list) return std::nullopt;
    const std::string& last = path.back();
    std::size_t index = 0;
    const auto result = std::from_chars(last.data(), last.data() + last.size(), index);
    if (result.ec != std::errc() || result.ptr != last.data() + last.size())
      throw InterpolationError{shown_text(join_dotted(outer)) + " is a list; " + shown_text(last) +
                               " is no place in it"};
    const std::optional<OverrideValue> list = find(outer);
    if (!list || index >= list->items.size()) return std::nullopt;
    return list->items[index];
  }

  const ConfigTree& tree_;
  int depth_ = 0;
  int look_ups_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

SettingValue ConfigTree::resolved(std::size_t index) const {
  try {
    return TreeReader(*this).value(index);
  } catch (const InterpolationError& error) {
    const Setting& setting = settings_[index];
    throw ConfigError(setting.where + ": " + Config::schema()[index].name + " is '" +
                      shown_text(std::get<Interpolation>(setting.value).text) +
                      "': " + error.reason);
  }
}

OverrideValue ConfigTree::resolved_extra(const NodePath& path) const {
  const OverrideValue* raw = extras_.find(path);
  BALR_CHECK(raw != nullptr);
  return TreeReader(*this).resolve(*raw, path);
}

void ConfigTree::check_interpolations() const {
  for (std::size_t i = 0; i < settings_.size(); ++i)
    if (is_present(i)) resolved(i);
  for (const auto& entry : extras_.root().entries) resolved_extra({entry.first});
}

}  // namespace balr
