// How far the embeddings are from float64's, and that their bytes do not depend on the processor.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "balr/data/audio.hpp"
#include "balr/speech/embedder.hpp"
#include "balr/speech/fbank.hpp"
#include "balr/speech/resnet.hpp"
#include "speech/formula_weights.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// Length of a - b over the length of b.
double relative_distance(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor wide = b.to(at::kDouble);
  return ((a.to(at::kDouble) - wide).norm() / wide.norm()).item<double>();
}

fs::path reference_model() {
  return test::test_data_folder() / "golden" / "wespeaker-resnet34-random";
}

Resnet reference_network(const ResnetPlacement& placement) {
  return Resnet(read_resnet_config(reference_model() / "config.yaml"),
                read_state_dict(reference_model() / "avg_model.pt"), placement);
}

ResnetPlacement by(Convolutions convolutions, at::ScalarType type = at::kFloat) {
  return {at::kCPU, type, convolutions};
}

std::vector<float> decode(const std::string& id) {
  const DecodeResult decoded =
      AudioLoader(16000, {}).load(test::test_data_folder() / "data" / "librispeech" / id);
  EXPECT_EQ(decoded.status, RowStatus::kOk) << id << ": " << decoded.reason;
  return decoded.clip.samples;
}

// Real features, the network in float64 by LibTorch, our float32 kernels.
TEST(AccuracyTest, TheNetworkAgainstFloat64) {
  BALR_NEEDS_TEST_DATA();
  const auto ids = test::read_text(test::test_data_folder() / "golden" / "embeddings.h5", "ids");
  const Resnet exact = reference_network(by(Convolutions::kLibrary, at::kDouble));
  const Resnet winograd = reference_network(by(Convolutions::kWinograd)),
               direct = reference_network(by(Convolutions::kDirect));
  const Fbank fbank({});
  double largest_winograd = 0, largest_direct = 0;
  for (std::size_t i = 0; i < ids.size(); i += static_cast<std::size_t>(test::by_level(15, 6, 1))) {
    const std::vector<float> values = fbank.compute(decode(ids[i]));
    const at::Tensor features =
        at::tensor(at::ArrayRef<float>(values), at::kFloat).view({1, -1, 80});
    const std::int64_t frames = features.size(1);
    const at::Tensor expected = exact.forward(features, {&frames, 1});
    ASSERT_EQ(expected.scalar_type(), at::kDouble);
    largest_winograd = std::max(
        largest_winograd, relative_distance(winograd.forward(features, {&frames, 1}), expected));
    largest_direct = std::max(largest_direct,
                              relative_distance(direct.forward(features, {&frames, 1}), expected));
  }
  EXPECT_LT(largest_winograd, 2e-5);
  EXPECT_LT(largest_direct, 4e-6);
  RecordProperty("winograd", std::to_string(largest_winograd * 1e6));
  std::printf("error of the network: winograd %.2e, direct %.2e\n", largest_winograd,
              largest_direct);
}

// From the file to the embedding, against the reference in float64 from the same file.
TEST(AccuracyTest, FromFlacAgainstFloat64) {
  BALR_NEEDS_TEST_DATA();
  const fs::path golden = test::test_data_folder() / "golden" / "embeddings.h5";
  const auto ids = test::read_text(golden, "ids");
  const auto exact = test::read_double(golden, "embeddings_float64");
  for (const char* convolution : {"winograd", "direct"}) {
    const auto embedder = Embedder::load(
        reference_model() / "avg_model.pt", reference_model() / "config.yaml",
        {.device = "cpu", .precision = "auto", .features = {}, .convolution = convolution});
    double largest = 0;
    for (std::size_t i = 0; i < ids.size();
         i += static_cast<std::size_t>(test::by_level(15, 6, 1))) {
      const std::vector<float> found = embedder->embed(decode(ids[i]));
      const at::Tensor expected =
          at::tensor(at::ArrayRef<double>(exact.values.data() + i * 256, 256), at::kDouble);
      largest = std::max(
          largest, relative_distance(at::tensor(at::ArrayRef<float>(found), at::kFloat), expected));
    }
    EXPECT_LT(largest, 5e-5) << convolution;
    std::printf("error from FLAC, %s: %.2e\n", convolution, largest);
  }
}

}  // namespace
}  // namespace balr
