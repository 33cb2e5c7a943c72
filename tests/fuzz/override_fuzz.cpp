// Overrides of any bytes, one a line, are applied or refused with a ConfigError of one line; what
// was accepted prints as valid JSON and as YAML that gives the same tree again.
#include "fuzz/config_tree_checks.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> overrides;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    overrides.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  balr::ConfigTree tree;
  const bool accepted =
      balr::accepts_or_refuses([&] { balr::apply_override_list(tree, overrides); });
  if (accepted) balr::check_printed(tree);
  return 0;
}
