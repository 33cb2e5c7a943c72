#include "balr/speech/resnet_config.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "balr/core/error.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

ResnetConfig read(const std::string& yaml) {
  const test::TempDir folder;
  std::ofstream(folder.path() / "config.yaml") << yaml;
  return read_resnet_config(folder.path() / "config.yaml");
}

std::string refusal(const std::string& yaml) {
  try {
    read(yaml);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ResnetConfigTest, ReadsWhatItWrites) {
  ResnetConfig config;
  config.name = "ResNet293";
  config.feat_dim = 64;
  config.embed_dim = 192;
  config.two_emb_layer = true;
  config.pooling = "TAP";
  const ResnetConfig back = read(to_yaml(config));
  EXPECT_EQ(back.name, config.name);
  EXPECT_EQ(back.feat_dim, config.feat_dim);
  EXPECT_EQ(back.embed_dim, config.embed_dim);
  EXPECT_EQ(back.two_emb_layer, config.two_emb_layer);
  EXPECT_EQ(back.pooling, config.pooling);
  EXPECT_TRUE(back.bottleneck());
  EXPECT_EQ(back.blocks(), (std::array{10, 20, 64, 3}));
}

TEST(ResnetConfigTest, OtherKeysOfATrainingDumpDoNotMatter) {
  const ResnetConfig config = read("seed: 42\nmodel: ResNet34\nprojection_args: {num_class: 17}\n"
                                   "model_args: {feat_dim: 80, embed_dim: 256, pooling_func: TSTP, two_emb_layer: false}\n");
  EXPECT_EQ(config.name, "ResNet34");
  EXPECT_FALSE(config.two_emb_layer);
  EXPECT_TRUE(read("model: ResNet34\nmodel_args: {feat_dim: 80, embed_dim: 256}\n").two_emb_layer)
      << "WeSpeaker's class has it unless told otherwise";
}

TEST(ResnetConfigTest, WhatIsNotSupportedIsRefusedByName) {
  EXPECT_NE(refusal("model: ECAPA_TDNN_GLOB_c512\nmodel_args: {feat_dim: 80, embed_dim: 192}\n").find("ECAPA_TDNN_GLOB_c512"),
            std::string::npos);
  EXPECT_NE(refusal("model: ResNet34\nmodel_args: {feat_dim: 80, embed_dim: 256, pooling_func: ASTP}\n").find("ASTP"),
            std::string::npos);
  EXPECT_NE(refusal("model: ResNet34\nmodel_args: {feat_dim: 80, embed_dim: 256, depth: 3}\n").find("depth"), std::string::npos);
  for (const char* value : {"x", "-8", "0", "1.5", "999999999999", "81"})
    EXPECT_NE(refusal("model: ResNet34\nmodel_args: {embed_dim: 256, feat_dim: " + std::string(value) + "}\n").find("feat_dim"),
              std::string::npos)
        << value;
  for (const char* yaml : {"", "model: [1]\n", "a: [", "model: ResNet34\n", "model: ResNet34\nmodel_args: 3\n", "- 1\n"})
    EXPECT_NE(refusal(yaml), "accepted") << yaml;
  EXPECT_THROW(read_resnet_config("absent.yaml"), IoError);
  EXPECT_THROW(check_resnet_name("ResNet35"), ConfigError);
}

}  // namespace
}  // namespace balr
