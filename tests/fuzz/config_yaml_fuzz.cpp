// A YAML file of any bytes is applied or refused with a ConfigError of one line; what was accepted
// prints as valid JSON and as YAML that gives the same tree again.
#include "fuzz/config_tree_checks.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  balr::ConfigTree tree;
  const bool accepted = balr::accepts_or_refuses([&] {
    balr::apply_yaml_text(tree, text, "c.yaml");
    balr::apply_override_list(tree, {});
  });
  if (accepted) balr::check_printed(tree);
  return 0;
}
