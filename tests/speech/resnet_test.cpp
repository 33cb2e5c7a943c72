#include "balr/speech/resnet.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "speech/formula_weights.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

const std::vector<std::int64_t> kFull{150, 150};

ResnetConfig config_of(const std::string& name, bool two_emb_layer = false) {
  ResnetConfig config;
  config.name = name;
  config.two_emb_layer = two_emb_layer;
  return config;
}

at::Tensor tensor_of(const test::Array<double>& array) {
  const std::vector<std::int64_t> shape(array.shape.begin(), array.shape.end());
  return at::tensor(at::ArrayRef<double>(array.values), at::kDouble).view(shape);
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

double relative(const at::Tensor& value, const at::Tensor& expected) {
  return difference(value, expected) / expected.abs().max().item<double>();
}

// origin: golden README, section 5
TEST(FormulaWeightsTest, AreThoseOfTheReference) {
  EXPECT_EQ(test::splitmix64(0), 0xe220a8397b1dcdafu);
  EXPECT_EQ(test::splitmix64((std::uint64_t{1} << 32) + 2), 0xb3703ad894507022u);
  const StateDict weights = test::formula_weights(config_of("ResNet18"));
  EXPECT_FLOAT_EQ(weights[0].second.view(-1)[3].item<float>(), -0.44634917f);
  EXPECT_FLOAT_EQ(weights[4].second.view(-1)[2].item<float>(), 1.387588501f);
  EXPECT_EQ(weights[120].first, "seg_1.weight");
  EXPECT_FLOAT_EQ(weights[120].second.view(-1)[0].item<float>(), 0.01789926f);
  EXPECT_FLOAT_EQ(test::formula_input().view(-1)[3].item<float>(), 0.3709669f);
}

struct Expected {
  std::string name;
  bool two_emb_layer;
  double largest;                          // magnitude of the (2, 256) embeddings
  std::array<double, 4> first, last;       // of row 0, of row 1
};

class FormulaResnetTest : public testing::TestWithParam<Expected> {};

// The reference's float64 figures (WeSpeaker's networks with these weights on this input); float32 differs by 7e-7 to 1.9e-6.
TEST_P(FormulaResnetTest, GivesTheReferencesEmbeddings) {
  const Expected& expected = GetParam();
  const ResnetConfig config = config_of(expected.name, expected.two_emb_layer);
  const at::Tensor out = Resnet(config, test::formula_weights(config)).forward(test::formula_input(), kFull);
  ASSERT_EQ(out.sizes(), (at::IntArrayRef{2, 256}));
  for (std::int64_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(out[0][i].item<float>(), expected.first[static_cast<std::size_t>(i)], 1e-5 * expected.largest);
    EXPECT_NEAR(out[1][252 + i].item<float>(), expected.last[static_cast<std::size_t>(i)], 1e-5 * expected.largest);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Family, FormulaResnetTest,
    testing::Values(Expected{"ResNet18", false, 1.444382,
                             {0.5671591956722892, 0.33956825504033017, -0.577198983080313, 0.44900450395131186},
                             {0.4251226565016311, -0.3967491579324043, -0.3194272170215259, 0.12954838771274907}},
                    Expected{"ResNet50", false, 0.6068536,
                             {0.03662849835663866, 0.13420614169953154, -0.06491711443340459, 0.12860979766354308},
                             {-0.2442779539008349, -0.6035372663936018, 0.12992213206975445, 0.25034391971587894}},
                    Expected{"ResNet34", true, 1.411872,
                             {-0.673356755927818, 0.1630663434159061, 0.25779544345134897, 0.6753721904933492},
                             {0.811914485912481, 0.4816223683337739, -0.7045871989416268, 0.5997675809164076}}),
    [](const auto& test_case) { return test_case.param.name; });

class ResnetFamilyTest : public testing::TestWithParam<std::string> {};

TEST_P(ResnetFamilyTest, AgreesWithTheReference) {
  BALR_NEEDS_TEST_DATA();
  const auto file = test::test_data_folder() / "golden" / "resnet_family.h5";
  const std::string group = GetParam();
  const bool two = group.ends_with("_two_emb_layer");
  const ResnetConfig config = config_of(group.substr(0, group.find('_')), two);
  const StateDict weights = test::formula_weights(config);
  EXPECT_EQ(static_cast<double>(weights.size()), test::read_attribute(file, group, "tensors"));
  double parameters = 0;
  for (const auto& [name, tensor] : weights)
    if (name.find(".running_") == std::string::npos && !name.ends_with("tracked")) parameters += static_cast<double>(tensor.numel());
  EXPECT_EQ(parameters, test::read_attribute(file, group, "parameters"));

  const at::Tensor input = tensor_of(test::read_double(file, "input")).to(at::kFloat);
  EXPECT_TRUE(at::equal(input, test::formula_input()));
  const ResnetStages stages = Resnet(config, weights).stages(input, kFull);
  EXPECT_LT(relative(stages.embedding, tensor_of(test::read_double(file, group + "/embedding_float64"))), 1e-5);
  if (two) {
    EXPECT_LT(relative(stages.embedding_a, tensor_of(test::read_double(file, group + "/embedding_a"))), 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(All, ResnetFamilyTest,
                         testing::Values("ResNet18", "ResNet34", "ResNet50", "ResNet101", "ResNet152", "ResNet221",
                                         "ResNet293", "ResNet34_two_emb_layer"),
                         [](const auto& test_case) { return test_case.param; });

TEST(ResnetTest, EveryStageAgreesWithTheReference) {
  BALR_NEEDS_TEST_DATA();
  const auto golden = test::test_data_folder() / "golden";
  const auto model = golden / "wespeaker-resnet34-random";
  const Resnet network(read_resnet_config(model / "config.yaml"), read_state_dict(model / "avg_model.pt"));
  const auto stage = [&](const std::string& name) { return tensor_of(test::read_double(golden / "embeddings.h5", "stages/" + name)); };
  const at::Tensor features = stage("features").to(at::kFloat).unsqueeze(0);
  const std::vector<std::int64_t> lengths{features.size(1)};
  const ResnetStages stages = network.stages(features, lengths);
  // Between the reference's float32 and float64: 2e-7, 8e-7, 2e-6, 5e-6, 8e-6, 5e-6, 1.6e-6.
  EXPECT_LT(relative(stages.stem[0], stage("stem")), 1e-6);
  EXPECT_LT(relative(stages.layers[0][0], stage("layer1")), 4e-6);
  EXPECT_LT(relative(stages.layers[1][0], stage("layer2")), 1e-5);
  EXPECT_LT(relative(stages.layers[2][0], stage("layer3")), 2e-5);
  EXPECT_LT(relative(stages.layers[3][0], stage("layer4")), 3e-5);
  EXPECT_LT(relative(stages.pooling[0], stage("pooling")), 2e-5);
  EXPECT_LT(difference(stages.embedding[0], stage("embedding")), 2e-5);
  EXPECT_TRUE(at::equal(network.forward(features, lengths), stages.embedding));
}

// Rows of a padded batch against the same rows alone, for lengths around the strides' edges.
void expect_rows_alone(const ResnetConfig& config, Convolutions convolutions) {
  const Resnet network(config, test::formula_weights(config), {at::kCPU, at::kFloat, convolutions});
  const std::vector<std::int64_t> lengths{150, 9, 16, 17, 97, 128};
  const at::Tensor input = test::formula_input().repeat({3, 1, 1});
  at::Tensor padded = at::zeros_like(input);
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    padded[row].fill_(1000.0f + static_cast<float>(i));  // whatever lies behind the end must not matter
    padded[row].narrow(0, 0, lengths[i]).copy_(input[row].narrow(0, 0, lengths[i]));
  }
  const at::Tensor before = padded.clone();
  const at::Tensor together = network.forward(padded, lengths);
  EXPECT_TRUE(at::equal(padded, before)) << "the caller's features were changed";
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    const at::Tensor alone = network.forward(input[row].narrow(0, 0, lengths[i]).unsqueeze(0), {&lengths[i], 1});
    EXPECT_LT(relative(together[row], alone[0]), 2e-6) << config.name << ", " << lengths[i] << " frames";
    if (convolutions != Convolutions::kLibrary) {
      EXPECT_TRUE(at::equal(together[row], alone[0])) << config.name << ", " << lengths[i] << " frames";
    }
  }
}

TEST(ResnetTest, ARowDoesNotDependOnItsMates) {
  // LibTorch's, as on a device, where batches are padded and masked.
  expect_rows_alone(config_of("ResNet18"), Convolutions::kLibrary);
  expect_rows_alone(config_of("ResNet50", true), Convolutions::kLibrary);
  expect_rows_alone(config_of("ResNet18"), Convolutions::kAuto);
}

std::vector<float> formula_features(std::int64_t frames) {
  const at::Tensor input = test::formula_input(1, frames);
  return {input.const_data_ptr<float>(), input.const_data_ptr<float>() + input.numel()};
}

// The same network on every path that this processor has: every byte of the embedding. Lengths around the strides and tiles.
TEST(ResnetTest, SameBytesOnEveryPath) {
  for (const auto& [network_name, convolutions] : {std::pair{"ResNet18", Convolutions::kWinograd}, {"ResNet18", Convolutions::kDirect},
                                           {"ResNet50", Convolutions::kWinograd}}) {
    const StateDict weights = test::formula_weights(config_of(network_name));
    for (const std::int64_t frames : {9, 13, 73}) {
      std::vector<float> first;
      for (const Path path : supported_paths()) {
        // The plain path is slow; the kernels' own tests go through all shapes.
        if (path == Path::kPlain && (frames > 9 || convolutions == Convolutions::kDirect || network_name != std::string("ResNet18"))) continue;
        const Resnet network(config_of(network_name), weights, {at::kCPU, at::kFloat, convolutions, path});
        const std::vector<float> found = network.embed(formula_features(frames));
        if (first.empty()) first = found;
        EXPECT_EQ(found, first) << network_name << ", " << frames << " frames, " << path_name(path);
      }
    }
  }
}

// Pinned: these bytes must come out on any processor.
TEST(ResnetTest, SameBytesEverywhere) {
  const StateDict weights = test::formula_weights(config_of("ResNet18"));
  const auto checksum = [&](Convolutions convolutions) {
    const std::vector<float> found =
        Resnet(config_of("ResNet18"), weights, {at::kCPU, at::kFloat, convolutions}).embed(formula_features(41));
    return crc32c(std::as_bytes(std::span(found)));
  };
  EXPECT_EQ(checksum(Convolutions::kWinograd), 1257318276u);
  EXPECT_EQ(checksum(Convolutions::kDirect), 3483861207u);
}

// Against the pooling's definition, applied to what the network pools.
TEST(ResnetTest, PoolsWhatTheConfigurationSays) {
  for (const char* pooling : {"TAP", "TSDP"}) {
    ResnetConfig config = config_of("ResNet18");
    config.pooling = pooling;
    const StateDict weights = test::formula_weights(config);
    const auto tensor = [&](const std::string& name) {
      for (const auto& [found, value] : weights)
        if (found == name) return value.to(at::kDouble);
      throw InternalError(name);
    };
    ASSERT_EQ(tensor("seg_1.weight").sizes(), (at::IntArrayRef{256, 2560}));
    const Resnet network(config, weights);
    const at::Tensor last = network.stages(test::formula_input(), kFull).layers[3].to(at::kDouble);
    const at::Tensor pooled = std::string(pooling) == "TAP" ? last.mean(3) : at::sqrt(last.var(3) + 1e-7);
    const at::Tensor expected = at::addmm(tensor("seg_1.bias"), pooled.flatten(1), tensor("seg_1.weight").t());
    EXPECT_LT(relative(network.forward(test::formula_input(), kFull), expected), 1e-5) << pooling;
  }
}

TEST(ResnetTest, EightFramesAreTooFew) {
  const Resnet network(config_of("ResNet18"), test::formula_weights(config_of("ResNet18")));
  const auto finite = [&](std::int64_t frames) {
    return at::isfinite(network.forward(test::formula_input(1, frames), {&frames, 1})).all().item<bool>();
  };
  EXPECT_FALSE(finite(8));
  EXPECT_TRUE(finite(9));
}

std::string refusal(const StateDict& weights) {
  try {
    const Resnet network(config_of("ResNet18"), weights);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ResnetTest, NamesOfWeightsAreStrict) {
  const StateDict good = test::formula_weights(config_of("ResNet18"));
  const at::Tensor expected = Resnet(config_of("ResNet18"), good).forward(test::formula_input(), kFull);
  StateDict prefixed;
  for (const auto& [name, tensor] : good) prefixed.emplace_back("module.resnet." + name, tensor);
  prefixed.emplace_back("projection.weight", at::zeros({17, 256}));
  EXPECT_TRUE(at::equal(Resnet(config_of("ResNet18"), prefixed).forward(test::formula_input(), kFull), expected));

  StateDict missing = good, extra = good, misshapen = good, twice = good, infinite = good, negative = good;
  missing.erase(missing.begin() + 7);
  EXPECT_NE(refusal(missing).find(good[7].first), std::string::npos) << refusal(missing);
  missing.erase(missing.begin() + 20, missing.begin() + 30);  // all are counted, the first named
  EXPECT_NE(refusal(missing).find(" more"), std::string::npos) << refusal(missing);
  missing.emplace_back("seg_3.weight", at::zeros({1}));
  EXPECT_NE(refusal(missing).find("seg_3.weight"), std::string::npos) << refusal(missing);
  extra.emplace_back("layer5.0.conv1.weight", at::zeros({1}));
  EXPECT_NE(refusal(extra).find("layer5.0.conv1.weight"), std::string::npos) << refusal(extra);
  misshapen[0].second = at::zeros({32, 3, 3, 3});
  EXPECT_NE(refusal(misshapen).find("conv1.weight"), std::string::npos) << refusal(misshapen);
  twice.emplace_back("module.conv1.weight", good[0].second);
  EXPECT_NE(refusal(twice).find("twice"), std::string::npos) << refusal(twice);
  infinite[0].second = at::full_like(good[0].second, INFINITY);
  EXPECT_NE(refusal(infinite).find("not finite"), std::string::npos) << refusal(infinite);
  negative[4].second = good[4].second.neg();
  EXPECT_NE(refusal(negative).find("negative"), std::string::npos) << refusal(negative);
}

// performance figures of the reference: 4.53 GMAC per 200 frames
TEST(ResnetTest, CountsItsMultiplications) {
  const Resnet network(config_of("ResNet34"), test::formula_weights(config_of("ResNet34")));
  EXPECT_NEAR(network.multiplications(200), 4.53e9, 0.02e9);
}

}  // namespace
}  // namespace balr
