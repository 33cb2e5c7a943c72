// The overrides of hydra 1.3.2 with the Python balr's configuration
// (BALR_TEST_DATA/golden/hydra_overrides.jsonl): accepted lines give the same tree, refused lines
// are refused; every other line is listed here with its reason. There is no known gap: every listed
// line differs on purpose.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "balr/core/config.hpp"
#include "balr/core/error.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

using Json = nlohmann::json;

// Ours says something else on purpose.
const std::map<int, std::string>& deliberate_differences() {
  static const std::string kOption =
      "a key that an option silently overrides in Python is an error";
  static const std::string kPath = "a path given by an option is taken as it is, never parsed";
  static const std::string kUnknown = "an unknown key is an error even with +, never ignored";
  static const std::string kInterpolation = "no interpolation";
  static const std::map<int, std::string> lines = {
      {27, "model_dir needs no +"},
      {33, kUnknown},
      {34, kUnknown},
      {36, "selects no loss at all, which nobody wants"},
      {39, kInterpolation},
      {41, kInterpolation},
      {42, kOption},
      {43, kOption},
      {44, kOption},
      {45, kOption},
      {49, kOption},
      {75, "integers have 64 bits"},
      {131, kOption},
      {132, kPath},
      {133, kPath},
      {134, kPath},
      {135, kPath},
      {137, kPath},
      {138, kPath},
      {139, kPath},
      {140, kPath},
      {141, kPath},
      {143, kOption},
      {144, kOption},
      {145, kOption},
      {146, kOption},
      {162, "hydra's own keys are not silently ignored"},
  };
  return lines;
}

// Keys that only options give, or that name classes of Python and are not part of our tree.
bool is_compared(const std::string& key) {
  static const std::set<std::string> kOptions = {"input", "device", "save_output", "exist_ok",
                                                 "audio_formats"};
  static const std::set<std::string> kTargets = {"scorer._target_", "embeddings.model._target_",
                                                 "encoder.model._target_"};
  return kOptions.count(key) == 0 && (!key.ends_with("_target_") || kTargets.count(key) != 0);
}

// Keys that hydra's tree does not have.
bool is_ours(const std::string& key, const Json& value) {
  static const std::set<std::string> kOurs = {"num_threads",
                                              "watchdog_seconds",
                                              "embeddings.model.features.scale",
                                              "embeddings.precision",
                                              "embeddings.convolution",
                                              "embeddings.max_failed_fraction",
                                              "embeddings.max_seconds",
                                              "embeddings.long",
                                              "embeddings.format",
                                              "data.sampler_rng",
                                              "trainer.validation",
                                              "trainer.batch_mode",
                                              "trainer.canonical_sums",
                                              "trainer.checkpoint_seconds",
                                              "trainer.losses.sparsity.mode"};
  return kOurs.count(key) != 0 || (key == "embeddings.model.model_dir" && value.is_null());
}

Json expected_tree(const Json& defaults, const Json& line) {
  Json tree = defaults;
  for (const Json& key : line.value("removed", Json::array())) tree.erase(key.get<std::string>());
  for (const auto& [key, value] : line.at("config").items()) tree[key] = value;
  Json compared = Json::object();
  for (const auto& [key, value] : tree.items()) {
    if (!is_compared(key)) continue;
    compared[key] = value;
    if (value == "???") compared[key] = nullptr;
    if (value.is_string() && value.get<std::string>().starts_with("float:"))
      compared[key] = value.get<std::string>().substr(6);
  }
  return compared;
}

Json our_tree(const Config& config) {
  Json compared = Json::object();
  const Json tree = Json::parse(config.to_json());
  for (const auto& [key, value] : tree.items())
    if (is_compared(key) && !is_ours(key, value)) compared[key] = value;
  return compared;
}

// Empty if we do as hydra; else what differs.
std::string difference(const Json& defaults, const Json& line) {
  Config config;
  try {
    config.apply_overrides(line.at("args").get<std::vector<std::string>>());
    if (line.contains("save_dir"))
      config.set_from_option("save_dir", line.at("save_dir").get<std::string>(), "option");
  } catch (const ConfigError& error) {
    return line.at("ok").get<bool>() ? "refused: " + std::string(error.what()) : "";
  }
  if (!line.at("ok").get<bool>())
    return "accepted, hydra says " + line.at("error").get<std::string>();
  const Json ours = our_tree(config);
  const Json expected = expected_tree(defaults, line);
  // As text, because 1 and 1.0 are equal numbers of different types.
  return ours.dump() == expected.dump() ? "" : Json::diff(expected, ours).dump();
}

TEST(ConfigGolden, DoesAsHydraButForTheListedLines) {
  BALR_NEEDS_TEST_DATA();
  const auto folder = test::test_data_folder() / "golden";
  std::ifstream defaults_file(folder / "hydra_defaults.json");
  const Json defaults = Json::parse(defaults_file);
  std::ifstream lines(folder / "hydra_overrides.jsonl");
  std::string text;
  int number = 0;
  while (std::getline(lines, text)) {
    ++number;
    const Json line = Json::parse(text);
    const std::string differs = difference(defaults, line);
    const bool listed = deliberate_differences().count(number) != 0;
    if (listed)
      EXPECT_FALSE(differs.empty())
          << "line " << number << " is listed, but we do as hydra: " << text;
    else
      EXPECT_TRUE(differs.empty()) << "line " << number << ": " << text << "\n  " << differs;
  }
  EXPECT_EQ(number, 184);
}

}  // namespace
}  // namespace balr
