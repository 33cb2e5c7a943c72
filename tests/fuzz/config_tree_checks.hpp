#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "balr/core/error.hpp"
#include "core/config_tree.hpp"

// What every accepted configuration must fulfil; a breach aborts, so that libFuzzer keeps the
// input.
namespace balr {

inline void require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

// False if it throws a ConfigError, whose text must be one line; anything else is let through.
template <class Change>
bool accepts_or_refuses(Change change) {
  try {
    change();
    return true;
  } catch (const ConfigError& error) {
    const std::string text = error.what();
    require(!text.empty() && text.find('\n') == std::string::npos, "not one line: " + text);
    return false;
  }
}

inline void check_printed(const ConfigTree& tree) {
  const std::string json = tree_to_json(tree);
  require(nlohmann::json::accept(json), "not valid JSON: " + json);
  const std::string yaml = tree_to_yaml(tree, false);
  for (const bool with_origins : {false, true}) {
    ConfigTree again;
    try {
      apply_yaml_text(again, tree_to_yaml(tree, with_origins), "c.yaml");
    } catch (const ConfigError& error) {
      require(false, std::string("refused when read again: ") + error.what() + "\n" + yaml);
    }
    const std::string second = tree_to_yaml(again, false);
    require(second == yaml, "another tree when read again:\n" + yaml + "\nthen\n" + second);
  }
}

}  // namespace balr
