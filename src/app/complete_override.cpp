#include "app/complete_override.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "balr/core/config.hpp"

namespace balr {
namespace {

// Keys that only options set.
constexpr std::array<std::string_view, 4> kOptionKeys = {"device", "audio_formats", "save_output",
                                                         "exist_ok"};

// The one that is not there until it is added.
constexpr std::string_view kAddedKey = "embeddings.model.model_dir";

bool is_option_key(std::string_view key) {
  return std::ranges::find(kOptionKeys, key) != kOptionKeys.end();
}

struct Group {
  std::vector<std::string> options;
  bool many = false;  // each option is a node of its own, and several may be selected
};

// Groups and what may be selected from them, read off the keys that depend on a selection.
std::map<std::string, Group> groups() {
  std::map<std::string, Group> found;
  for (const KeyInfo& key : Config::schema()) {
    for (const std::string& option : key.options) {
      const std::size_t node = key.name.find("." + option + ".");
      const bool many = node != std::string::npos;
      Group& group = found[key.name.substr(0, many ? node : key.name.rfind('.'))];
      group.many = many;
      if (std::ranges::find(group.options, option) == group.options.end())
        group.options.push_back(option);
    }
  }
  return found;
}

void offer(Completion& out, const std::string& typed, const std::string& word,
           const std::string& help, bool goes_on) {
  if (word.starts_with(typed)) out.candidates.push_back({word, help, goes_on});
}

// Of [mse,tri the start that stays, [mse, and then each option that it does not hold yet.
void offer_list(Completion& out, const std::string& before, const std::string& value,
                const Group& group) {
  const std::size_t last = value.find_last_of("[,");
  const std::string kept = value.substr(0, last + 1);
  for (const std::string& option : group.options) {
    const bool there = kept.find("[" + option + ",") != std::string::npos ||
                       kept.find("," + option + ",") != std::string::npos;
    if (!there) offer(out, before + value, before + kept + option, "", true);
  }
}

Completion complete_value(const std::string& key, const std::string& before,
                          const std::string& value) {
  Completion out;
  const auto known = groups();
  if (const auto group = known.find(key); group != known.end()) {
    if (group->second.many && value.starts_with("[")) {
      offer_list(out, before, value, group->second);
      return out;
    }
    for (const std::string& option : group->second.options)
      offer(out, before + value, before + option, "", false);
    return out;
  }
  const auto keys = Config::schema();
  const auto info = std::ranges::find(keys, key, &KeyInfo::name);
  if (info == keys.end() || is_option_key(key)) return out;
  std::vector<std::string> words = info->choices;
  if (info->type == KeyType::kBool) words = {"true", "false"};
  for (const std::string& word : words) offer(out, before + value, before + word, "", false);
  const bool text = info->type == KeyType::kText || info->type == KeyType::kOptionalText ||
                    info->type == KeyType::kOptionalPath;
  if (text && words.empty()) {  // a path, perhaps
    out.kind = Completion::Kind::kFiles;
    out.kept = before;
  }
  return out;
}

}  // namespace

Completion complete_override(const std::string& typed) {
  const std::size_t start = std::min(typed.find_first_not_of("+~"), typed.size());
  const std::string sign = typed.substr(0, start);
  const std::size_t equal = typed.find('=');
  if (equal != std::string::npos)
    return complete_value(typed.substr(start, equal - start), typed.substr(0, equal + 1),
                          typed.substr(equal + 1));
  Completion out;
  const bool add = sign == "+", remove = sign == "~";
  for (const auto& [name, group] : groups()) {
    if (remove && !group.many) offer(out, typed, sign + name, "removes", false);
    if (sign.empty() || (add && group.many))
      offer(out, typed, sign + name + "=", add ? "adds" : "selects", true);
  }
  for (const KeyInfo& key : Config::schema())
    if (!remove && !is_option_key(key.name) && (add || sign == "++" || key.name != kAddedKey) &&
        (!add || key.name == kAddedKey))
      offer(out, typed, sign + key.name + "=", key.help, true);
  return out;
}

}  // namespace balr
