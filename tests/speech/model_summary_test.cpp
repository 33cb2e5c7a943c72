#include "balr/speech/model_summary.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "speech/formula_weights.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

class ModelSummaryTest : public testing::Test {
 protected:
  std::filesystem::path file(const std::string& name) const { return folder_.path() / name; }
  std::filesystem::path write_config(const ResnetConfig& config) const {
    std::ofstream(file("config.yaml")) << to_yaml(config);
    return file("config.yaml");
  }

  test::TempDir folder_;
};

// Tensors and parameters: WeSpeaker's own counts.
TEST_F(ModelSummaryTest, CountsAResnetOfEitherFormat) {
  ResnetConfig config;
  config.name = "ResNet18";
  StateDict weights = test::formula_weights(config);
  const auto tensors = weights.size();
  weights.emplace_back("projection.weight", at::zeros({17, 256}));
  for (const char* format : {"pt", "safetensors"}) {
    const auto path = file(std::string("model.") + format);
    write_state_dict(path, weights);
    const ModelSummary summary = summarize_model(path, write_config(config));
    EXPECT_EQ(summary.format, format);
    EXPECT_EQ(summary.sha256, sha256_of_file(path));
    EXPECT_EQ(summary.bytes, std::filesystem::file_size(path));
    EXPECT_EQ(summary.parameters, 4105440);
    EXPECT_EQ(summary.ignored, 17 * 256);
    EXPECT_EQ(summary.tensors.size(), tensors + 1);
    EXPECT_EQ(summary.trouble, "");
    EXPECT_NE(summary.architecture.find("ResNet18"), std::string::npos);
    const auto conv = std::find_if(summary.tensors.begin(), summary.tensors.end(),
                                   [](const TensorSummary& tensor) { return tensor.name == "layer2.0.conv1.weight"; });
    ASSERT_NE(conv, summary.tensors.end());
    EXPECT_EQ(conv->shape, (std::vector<std::int64_t>{64, 32, 3, 3}));
    EXPECT_EQ(conv->type, "float32");
  }
}

TEST_F(ModelSummaryTest, SaysWhatDoesNotFit) {
  ResnetConfig config;
  config.name = "ResNet18";
  write_state_dict(file("model.pt"), test::formula_weights(config));
  config.name = "ResNet34";
  EXPECT_NE(summarize_model(file("model.pt"), write_config(config)).trouble.find("layer1.2.conv1.weight"), std::string::npos);
  EXPECT_EQ(summarize_model(file("model.pt"), "").trouble, "");
  EXPECT_EQ(summarize_model(file("model.pt"), "").architecture, "");
  EXPECT_THROW(summarize_model(file("absent.pt"), ""), IoError);
  std::ofstream(file("broken.pt")) << "x";
  EXPECT_THROW(summarize_model(file("broken.pt"), ""), DataError);
}

TEST_F(ModelSummaryTest, KnowsTheShippedAutoEncoder) {
  BALR_NEEDS_TEST_DATA();
  const ModelSummary summary = summarize_model(test::test_data_folder() / "models" / "BAE_mse.pt", "");
  EXPECT_EQ(summary.architecture, "auto-encoder: embeddings of 256, 512 binary attributes");
  EXPECT_EQ(summary.parameters, 789248);
  EXPECT_EQ(summary.buffers, 512 + 512 + 1);
  EXPECT_EQ(summary.tensors.size(), 13u);
}

}  // namespace
}  // namespace balr
