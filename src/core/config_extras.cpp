#include "core/config_extras.hpp"

#include <algorithm>
#include <charconv>

#include "core/override_key.hpp"

namespace balr {
namespace {

using Kind = OverrideValue::Kind;

// The part of a dict or list with this name; null if there is none.
OverrideValue* child(OverrideValue& node, const std::string& name) {
  if (node.kind == Kind::kDict) return find_entry(node, name);
  if (node.kind != Kind::kList) return nullptr;
  std::size_t index = 0;
  const auto result = std::from_chars(name.data(), name.data() + name.size(), index);
  const bool good = result.ec == std::errc() && result.ptr == name.data() + name.size();
  return good && index < node.items.size() ? &node.items[index] : nullptr;
}

void merge(OverrideValue& into, const OverrideValue& value) {
  if (into.kind != Kind::kDict || value.kind != Kind::kDict) {
    into = value;
    return;
  }
  for (const auto& [name, entry] : value.entries) {
    if (OverrideValue* known = find_entry(into, name))
      merge(*known, entry);
    else
      into.entries.emplace_back(name, entry);
  }
}

bool starts_with(const NodePath& path, const NodePath& prefix) {
  return path.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), path.begin());
}

}  // namespace

const OverrideValue* ExtraKeys::find(const NodePath& path) const {
  OverrideValue* node = const_cast<OverrideValue*>(&root_);
  for (const std::string& name : path) {
    node = child(*node, name);
    if (node == nullptr) return nullptr;
  }
  return node;
}

bool ExtraKeys::set(const NodePath& path, const OverrideValue& value, const Source& source) {
  OverrideValue* node = &root_;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (!is_container(*node)) *node = {.kind = Kind::kDict};
    OverrideValue* next = child(*node, path[i]);
    if (next == nullptr && node->kind == Kind::kList) return false;
    if (next == nullptr) {
      node->entries.emplace_back(path[i], OverrideValue{.kind = Kind::kNull, .text = "None"});
      next = &node->entries.back().second;
    }
    node = next;
  }
  merge(*node, value);
  sources_.emplace_back(path, source);
  return true;
}

void ExtraKeys::erase(const NodePath& path) {
  OverrideValue* node = &root_;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    node = child(*node, path[i]);
    if (node == nullptr) return;
  }
  std::erase_if(node->entries, [&](const auto& entry) { return entry.first == path.back(); });
}

void ExtraKeys::erase_below(const std::string& node) { erase(split_dotted(node)); }

Source ExtraKeys::source(const NodePath& path) const {
  for (auto known = sources_.rbegin(); known != sources_.rend(); ++known)
    if (starts_with(path, known->first) || starts_with(known->first, path)) return known->second;
  return {.origin = "default", .where = "default"};
}

}  // namespace balr
