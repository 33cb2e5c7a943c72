// For tests in Python: each line of the standard input is a JSON list of overrides, or a text,
// which is a YAML file; each line of the output {"config": {...}, "yaml": "..."} or {"error":
// "..."}.
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "balr/core/error.hpp"
#include "core/config_tree.hpp"

namespace {

using Json = nlohmann::json;

Json outcome(const Json& input) {
  balr::ConfigTree tree;
  try {
    if (input.is_string()) {
      balr::apply_yaml_text(tree, input.get<std::string>(), "c.yaml");
      balr::apply_override_list(tree, {});
    } else {
      balr::apply_override_list(tree, input.get<std::vector<std::string>>());
    }
    return {{"config", balr::tree_to_json(tree)}, {"yaml", balr::tree_to_yaml(tree, true)}};
  } catch (const balr::ConfigError& error) {
    return {{"error", error.what()}};
  }
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line))
    std::cout << outcome(Json::parse(line)).dump(-1, ' ', true, Json::error_handler_t::replace)
              << std::endl;
}
