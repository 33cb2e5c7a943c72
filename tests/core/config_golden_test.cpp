// The overrides of hydra 1.3.2 with the Python balr's configuration
// (BALR_TEST_DATA/golden/hydra_overrides.jsonl): every line has the same outcome here, the same
// tree or a refusal that says more. There are two exceptions, both on purpose:
//  - a key that an option of the command line silently overrides there (device=, ...) is an error;
//  - a path given by an option is taken as it is and never goes through the grammar.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "balr/core/config.hpp"
#include "balr/core/error.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

using Json = nlohmann::json;
using Texts = std::vector<std::string>;

struct Outcome {
  std::optional<Config> config;
  std::string error;
};

Outcome apply(const Json& line) {
  Outcome outcome;
  Config config;
  try {
    config.apply_overrides(line.at("args").get<Texts>());
    for (const char* option : {"save_dir", "device"})
      if (line.contains(option))
        config.set_from_option(option, line.at(option).get<std::string>(), "option");
    outcome.config = std::move(config);
  } catch (const ConfigError& error) {
    outcome.error = error.what();
  }
  return outcome;
}

bool sets_option_key(const Json& line) {
  for (const char* key : {"device=", "input=", "save_output=", "exist_ok=", "audio_formats="})
    for (const std::string& argument : line.at("args").get<Texts>())
      if (argument.starts_with(key)) return true;
  return false;
}

Json expected_tree(const Json& defaults, const Json& line) {
  Json tree = defaults;
  for (const Json& key : line.value("removed", Json::array())) tree.erase(key.get<std::string>());
  for (const auto& [key, value] : line.at("config").items()) tree[key] = value;
  tree.erase("input");  // an argument here, no key
  for (auto& [key, value] : tree.items()) {
    if (value == "???") value = nullptr;
    if (value.is_string() && value.get<std::string>().starts_with("float:"))
      value = value.get<std::string>().substr(6);
  }
  return tree;
}

// Without the keys of the schema that the reference does not have.
Json our_tree(const Config& config, const Json& expected) {
  std::set<std::string> names;
  for (const KeyInfo& key : Config::schema()) names.insert(key.name);
  Json tree = Json::parse(config.to_json());
  for (auto entry = tree.begin(); entry != tree.end();)
    entry = names.count(entry.key()) != 0 && !expected.contains(entry.key()) ? tree.erase(entry)
                                                                             : std::next(entry);
  return tree;
}

// The text after a key in a flat object, which shows 1 and 1.0 and integers of any size apart.
std::string written(const std::string& object, const std::string& key) {
  const std::string start = "\"" + key + "\": ";
  const std::size_t begin = object.find(start);
  if (begin == std::string::npos) return "";
  return object.substr(begin + start.size(),
                       object.find_first_of(",}\n", begin) - begin - start.size());
}

// The name before = in the first argument.
std::string first_key(const Json& line) {
  std::string key = line.at("args").at(0).get<std::string>();
  key = key.substr(0, key.find('='));
  key.erase(0, key.find_first_not_of("+~@."));
  while (!key.empty() && key.back() == ' ') key.pop_back();
  return key;
}

// A refusal names the argument, the key, and what the key takes or the nearest known one.
void expect_better_message(const Json& line, const std::string& ours) {
  const std::string hydra = line.at("error").get<std::string>();
  SCOPED_TRACE(ours);
  EXPECT_EQ(ours.find('\n'), std::string::npos);
  EXPECT_NE(ours.find(first_key(line)), std::string::npos);
  const auto has = [&](const char* words) { return ours.find(words) != std::string::npos; };
  if (hydra.find("Could not override") != std::string::npos) {
    EXPECT_TRUE(has("did you mean") || has("has the keys") || has("select it first") ||
                has("add it: +") || has("holds keys") || has("malformed key"));
  }
  if (hydra.find("Error merging") != std::string::npos) {
    EXPECT_TRUE(has("must be an integer") || has("must be a number") ||
                has("must be true or false") || has("must be text") || has("cannot be") ||
                has("did you mean"));
  }
  if (hydra.find("Could not load") != std::string::npos ||
      hydra.find("Could not find") != std::string::npos) {
    EXPECT_TRUE(has("choose from"));
  }
  if (hydra.find("Ambiguous") != std::string::npos) {
    EXPECT_TRUE(has("ambiguous"));
  }
}

void compare(const Json& defaults, const Json& line, const std::string& text) {
  const Outcome ours = apply(line);
  const bool accepted = line.at("ok").get<bool>();
  if (sets_option_key(line)) {
    const bool named = ours.error.find("use the option --") != std::string::npos ||
                       ours.error.find("use the argument INPUT") != std::string::npos;
    EXPECT_TRUE(named) << ours.error;
    return;
  }
  const bool path_given = line.contains("save_dir") || line.contains("input");
  if (path_given && (!accepted || line.value("save_dir", "") == "null")) {
    ASSERT_TRUE(ours.config) << ours.error;
    if (line.contains("save_dir")) {
      EXPECT_EQ(ours.config->optional_text("save_dir"), line.at("save_dir").get<std::string>());
    }
    return;
  }
  EXPECT_EQ(accepted, ours.config.has_value()) << ours.error;
  if (!accepted && !ours.config) return expect_better_message(line, ours.error);
  if (!accepted || !ours.config) return;
  const Json expected = expected_tree(defaults, line);
  const Json tree = our_tree(*ours.config, expected);
  EXPECT_EQ(tree.dump(), expected.dump()) << Json::diff(expected, tree).dump();
  for (const auto& [key, value] : line.at("config").items())
    if (value.is_number()) {
      EXPECT_EQ(written(ours.config->to_json(), key), written(text, key)) << key;
    }
}

TEST(ConfigGolden, DoesAsHydra) {
  BALR_NEEDS_TEST_DATA();
  const auto folder = test::test_data_folder() / "golden";
  std::ifstream defaults_file(folder / "hydra_defaults.json");
  const Json defaults = Json::parse(defaults_file);
  std::ifstream lines(folder / "hydra_overrides.jsonl");
  std::string text;
  int number = 0;
  while (std::getline(lines, text)) {
    SCOPED_TRACE("line " + std::to_string(++number) + ": " + text);
    compare(defaults, Json::parse(text), text);
  }
  EXPECT_EQ(number, 184);
}

}  // namespace
}  // namespace balr
