#include "balr/bae/autoencoder.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bae/element_wise.hpp"
#include "bae/golden_tensor.hpp"
#include "balr/bae/train_step.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

using test::read_tensor;

TEST(Autoencoder, ThirteenTensorsOfThePythonBalr) {
  const std::vector<std::pair<std::string, std::vector<std::int64_t>>> expected = {
      {"encoder.0.weight", {512, 256}},
      {"encoder.0.bias", {512}},
      {"encoder.2.weight", {512}},
      {"encoder.2.bias", {512}},
      {"encoder.2.running_mean", {512}},
      {"encoder.2.running_var", {512}},
      {"encoder.2.num_batches_tracked", {}},
      {"encoder.3.weight", {512, 512}},
      {"encoder.3.bias", {512}},
      {"decoder.0.weight", {512, 512}},
      {"decoder.0.bias", {512}},
      {"decoder.2.weight", {256, 512}},
      {"decoder.2.bias", {256}}};
  const Autoencoder model({});
  const StateDict tensors = model.state_dict();
  ASSERT_EQ(tensors.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(tensors[i].first, expected[i].first);
    EXPECT_EQ(tensors[i].second.sizes().vec(), expected[i].second) << expected[i].first;
  }
  EXPECT_EQ(model.flat().numel(), 789248);
}

// Figures of the reference (torch 2.11, seed 1234; bae.h5 init/).
TEST(Autoencoder, InitialisationFigures) {
  const Autoencoder model = Autoencoder::random({}, 1234);
  const auto expect = [&](const char* name, std::int64_t row, std::vector<float> values) {
    at::Tensor tensor = model.parameter(name);
    if (tensor.dim() == 2) tensor = tensor[row];
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_NEAR(tensor[static_cast<std::int64_t>(i)].item<float>(), values[i], 1e-8)
          << name << " " << i;
  };
  expect("encoder.0.weight", 0, {-0.15618657f, -0.25759274f, 0.05350650f});
  expect("encoder.0.bias", 0, {0.02683370f, -0.01638884f, 0.05650706f});
  expect("decoder.2.weight", 0, {0.02019118f, -0.04345644f, 0.01211979f});
  EXPECT_TRUE(at::equal(model.parameter("encoder.2.weight"), at::ones({512})));
  EXPECT_TRUE(at::equal(model.running_var(), at::ones({512})));
}

TEST(Autoencoder, InitialisationEqualsTheReference) {
  BALR_NEEDS_TEST_DATA();
  const auto file = test::test_data_folder() / "golden/bae.h5";
  for (const auto& [name, tensor] : Autoencoder::random({}, 1234).state_dict())
    EXPECT_LE(
        (tensor.to(at::kDouble) - read_tensor(file, "init/" + name)).abs().max().item<double>(),
        1e-8)
        << name;
}

TEST(Autoencoder, LaterDrawsContinueTheGenerator) {
  at::Generator one = at::detail::createCPUGenerator(7), other = at::detail::createCPUGenerator(7);
  const AutoencoderShape shape{20, 24};
  const Autoencoder first = Autoencoder::random(shape, one),
                    again = Autoencoder::random(shape, one);
  EXPECT_FALSE(at::equal(first.flat(), again.flat()));
  EXPECT_TRUE(at::equal(first.flat(), Autoencoder::random(shape, other).flat()));
}

TEST(Autoencoder, CopiesAreDeep) {
  const Autoencoder model = Autoencoder::random({8, 16}, 1);
  const Autoencoder copy = model, moved_there = model.to(at::kCPU);
  Autoencoder assigned({4, 4});
  assigned = model;
  model.flat().zero_();
  model.batches_tracked().fill_(5);
  for (const Autoencoder* other :
       std::initializer_list<const Autoencoder*>{&copy, &moved_there, &assigned}) {
    EXPECT_GT(other->flat().abs().sum().item<float>(), 1.0f);
    EXPECT_EQ(other->batches_tracked().item<std::int64_t>(), 0);
    EXPECT_EQ(other->shape(), model.shape());
  }
}

TEST(Autoencoder, StateDictsComeBack) {
  Autoencoder model = Autoencoder::random({8, 16}, 3);
  model.running_mean().fill_(0.5);
  model.batches_tracked().fill_(37600);
  StateDict tensors = model.state_dict();
  const Autoencoder back = Autoencoder::from_state_dict(tensors);
  EXPECT_TRUE(at::equal(back.flat(), model.flat()));
  EXPECT_TRUE(at::equal(back.running_mean(), model.running_mean()));
  EXPECT_EQ(back.batches_tracked().item<std::int64_t>(), 37600);
  for (auto& entry : tensors) entry.first = "module." + entry.first;  // as PyTorch's DDP saves it
  EXPECT_TRUE(at::equal(Autoencoder::from_state_dict(tensors).flat(), model.flat()));
}

std::string refusal(const StateDict& tensors) {
  try {
    Autoencoder::from_state_dict(tensors);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Autoencoder, ForeignStateDictsAreRefusedByName) {
  const StateDict good = Autoencoder::random({8, 16}, 3).state_dict();
  StateDict missing = good, extra = good, misshapen = good, twice = good;
  missing.erase(missing.begin() + 5);
  extra.emplace_back("arcface.W", at::zeros({16, 2}));
  misshapen[9].second = at::zeros({16, 17});
  twice.push_back(good[1]);
  EXPECT_NE(refusal(missing).find("encoder.2.running_var is missing"), std::string::npos)
      << refusal(missing);
  EXPECT_NE(refusal(extra).find("arcface.W is unexpected"), std::string::npos) << refusal(extra);
  EXPECT_NE(refusal(misshapen).find("decoder.0.weight is [16, 17], not [16, 16]"),
            std::string::npos)
      << refusal(misshapen);
  EXPECT_NE(refusal(twice).find("encoder.0.bias twice"), std::string::npos) << refusal(twice);
  EXPECT_NE(refusal({}).find("encoder.0.weight"), std::string::npos);
}

// Against float64 ATen, layer by layer.
TEST(Autoencoder, InferenceEqualsFloat64) {
  const Autoencoder model = Autoencoder::random({20, 40}, 5);
  at::Generator generator = at::detail::createCPUGenerator(11);
  model.running_mean().uniform_(0, 1, generator);
  model.running_var().uniform_(0.5, 2, generator);
  const at::Tensor x = at::randn({33, 20}, generator, at::kFloat);
  const auto wide = [&](const char* name) { return model.parameter(name).to(at::kDouble); };
  const auto linear = [&](const at::Tensor& in, const std::string& layer) {
    return at::addmm(wide((layer + ".bias").c_str()), in, wide((layer + ".weight").c_str()).t());
  };
  const at::Tensor hidden = linear(x.to(at::kDouble), "encoder.0").relu();
  const at::Tensor normalized = (hidden - model.running_mean()) /
                                    (model.running_var().to(at::kDouble) + 1e-5).sqrt() *
                                    wide("encoder.2.weight") +
                                wide("encoder.2.bias");
  const at::Tensor z = linear(normalized, "encoder.3").tanh();
  const at::Tensor codes = z.gt(0).to(at::kDouble);
  const at::Tensor recon = linear(linear(codes, "decoder.0").tanh(), "decoder.2");
  const AutoencoderOutput out = infer(model, x);
  EXPECT_TRUE(at::equal(out.codes.to(at::kDouble), codes));
  EXPECT_LT((out.z - z).abs().max().item<double>(), 2e-6);
  EXPECT_LT((out.recon - recon).abs().max().item<double>(), 2e-6);
  for (const std::int64_t row : {0, 7, 32})  // a row does not depend on the others
    EXPECT_TRUE(at::equal(infer(model, x.narrow(0, row, 1)).recon[0], out.recon[row]));
}

// The model shipped with the Python balr. Figures: v[i] = ((37 i mod 101) - 50) / 50 through
// torch 2.11.
TEST(Autoencoder, ShippedModelFigures) {
  BALR_NEEDS_TEST_DATA();
  const Autoencoder model =
      Autoencoder::from_state_dict(read_state_dict(test::test_data_folder() / "models/BAE_mse.pt"));
  EXPECT_EQ(model.batches_tracked().item<std::int64_t>(), 37600);
  const at::Tensor v = (at::arange(256).mul(37).remainder(101).sub(50).to(at::kDouble) / 50.0)
                           .to(at::kFloat)
                           .unsqueeze(0);
  const AutoencoderOutput out = infer(model, v);
  const at::Tensor active = out.codes[0].nonzero().flatten();
  EXPECT_EQ(active.size(0), 244);
  EXPECT_TRUE(at::equal(active.narrow(0, 0, 6), at::tensor({0, 3, 4, 6, 12, 13}, at::kLong)));
  const float z[] = {0.98552293f, -0.76170653f, -0.97533840f, 0.99673849f};
  const float recon[] = {-0.08146290f, -0.00505260f, 0.24652340f, -0.20655826f};
  for (const std::int64_t i : {0, 1, 2, 3}) {
    EXPECT_NEAR(out.z[0][i].item<float>(), z[i], 4e-6);
    EXPECT_NEAR(out.recon[0][i].item<float>(), recon[i], 1e-6);
  }
  EXPECT_NEAR((out.recon - v).square().mean().item<float>(), 0.22501117, 1e-6);
}

TEST(Autoencoder, ShippedModelEqualsTheReference) {
  BALR_NEEDS_TEST_DATA();
  const auto file = test::test_data_folder() / "golden/bae.h5";
  const Autoencoder model =
      Autoencoder::from_state_dict(read_state_dict(test::test_data_folder() / "models/BAE_mse.pt"));
  const AutoencoderOutput out = infer(model, test::read_floats(file, "shipped/input"));
  EXPECT_LT(test::differences(file, "shipped/recon", out.recon, 0).back(), 1e-6);
  EXPECT_LT(test::differences(file, "shipped/Z", out.z, 0).back(), 1e-5);
  EXPECT_EQ(test::differences(file, "shipped/b", out.codes, 0).back(), 0.0);
}

// Every exponent and 64 mantissas each, both signs: error in units in the last place, and the
// symmetry.
TEST(ElementWise, TanhIsWithinHalfAUnit) {
  std::vector<float> x;
  for (int exponent = -40; exponent < 8; ++exponent)
    for (int i = 0; i < 64; ++i)
      x.push_back(std::ldexp(1.0f + static_cast<float>(i) / 64.0f + 1e-3f, exponent));
  std::vector<float> y = x, negative = x;
  element_wise::tanh(y.data(), static_cast<std::int64_t>(y.size()));
  for (float& v : negative) v = -v;
  element_wise::tanh(negative.data(), static_cast<std::int64_t>(y.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = std::tanh(static_cast<double>(x[i]));
    const double unit = std::ldexp(1.0, std::ilogb(exact) - 23);
    EXPECT_LE(std::abs(y[i] - exact), 0.51 * unit) << x[i];
    EXPECT_EQ(negative[i], -y[i]) << x[i];
  }
}

// A vector's end is computed as its middle: the bytes of an element do not depend on its place.
TEST(ElementWise, PlaceDoesNotMatter) {
  std::vector<float> x;
  for (int i = 0; i < 97; ++i) x.push_back(std::sin(static_cast<float>(i)) * 3.0f);
  std::vector<float> whole = x;
  element_wise::tanh(whole.data(), 97);
  for (std::size_t i = 0; i < x.size(); ++i) {
    float alone = x[i];
    element_wise::tanh(&alone, 1);
    EXPECT_EQ(alone, whole[i]);
  }
}

TEST(ElementWise, SpecialValues) {
  std::vector<float> x = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-45f};
  element_wise::tanh(x.data(), 6);
  EXPECT_TRUE(x[0] == 0.0f && !std::signbit(x[0]) && std::signbit(x[1]));
  EXPECT_EQ(x[2], 1.0f);
  EXPECT_EQ(x[3], -1.0f);
  EXPECT_TRUE(std::isnan(x[4]));
  EXPECT_EQ(x[5], 1e-45f);
  std::vector<float> relu = {-1.0f, 0.0f, 2.0f, NAN};
  element_wise::relu(relu.data(), 4);
  EXPECT_TRUE(relu[0] == 0.0f && relu[1] == 0.0f && relu[2] == 2.0f && std::isnan(relu[3]));
  // the reference: Z = -1, 0, 1e-9, 0.5 with upstream 5, -5, 0.3, 2 (before tanh's derivative)
  const std::vector<float> z = {-1.0f, 0.0f, 1e-9f, 0.5f}, upstream = {5.0f, -5.0f, 0.3f, 2.0f},
                           zero(4, 0.0f);
  std::vector<float> codes(4), grad(4);
  element_wise::codes(z.data(), codes.data(), 4);
  element_wise::straight_through(upstream.data(), nullptr, zero.data(), grad.data(), 4);
  EXPECT_EQ(codes, (std::vector<float>{0, 0, 1, 1}));
  EXPECT_EQ(grad, (std::vector<float>{1.0f, -1.0f, 0.3f, 1.0f}));
}

}  // namespace
}  // namespace balr
