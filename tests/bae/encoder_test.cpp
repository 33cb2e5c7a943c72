#include "balr/bae/encoder.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bae/golden_tensor.hpp"
#include "balr/bae/autoencoder.hpp"
#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/core/thread_pool.hpp"
#include "balr/weights/state_dict.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

std::vector<std::uint8_t> encode(const Encoder& encoder, const at::Tensor& x) {
  const at::Tensor rows = x.contiguous();
  std::vector<std::uint8_t> bits(
      static_cast<std::size_t>(rows.size(0) * ((encoder.attributes() + 7) / 8)), 0xAA);
  encoder.encode({rows.const_data_ptr<float>(), static_cast<std::size_t>(rows.numel())}, bits);
  return bits;
}

bool bit(const std::vector<std::uint8_t>& bits, std::int64_t row, std::int64_t attributes,
         std::int64_t a) {
  return (bits[static_cast<std::size_t>(row * ((attributes + 7) / 8) + a / 8)] >> (7 - a % 8)) & 1;
}

class EncoderTest : public ::testing::Test {
 protected:
  fs::path save(const StateDict& tensors, const std::string& name = "bae.pt") const {
    write_state_dict(folder_.path() / name, tensors);
    return folder_.path() / name;
  }
  std::string refusal(const StateDict& tensors) const {
    try {
      Encoder::load(save(tensors));
    } catch (const DataError& error) {
      return error.what();
    }
    return "accepted";
  }
  // Random everywhere, batch-norm too.
  static Autoencoder model(const AutoencoderShape& shape) {
    Autoencoder out = Autoencoder::random(shape, 7);
    const auto ramp = [&](double from, double to) {
      return at::linspace(from, to, shape.internal_dim, at::kFloat);
    };
    out.running_mean().copy_(ramp(-0.5, 1));
    out.running_var().copy_(ramp(0.2, 3));
    out.parameter("encoder.2.weight").copy_(ramp(2, -1));
    out.parameter("encoder.2.bias").copy_(ramp(-0.3, 0.4));
    return out;
  }

 private:
  test::TempDir folder_;
};

// Against the definition in float64: batch-norm with the running statistics, b = (z > 0).
TEST_F(EncoderTest, TheDefinition) {
  const AutoencoderShape shape{19, 45};
  const Autoencoder model = EncoderTest::model(shape);
  const Encoder encoder = Encoder::load(save(model.state_dict()));
  EXPECT_EQ(encoder.input_dim(), 19);
  EXPECT_EQ(encoder.attributes(), 45);
  const at::Tensor x = at::sin(at::arange(700 * 19, at::kFloat)).reshape({700, 19});
  const auto p = [&](const char* name) { return model.parameter(name).to(at::kDouble); };
  at::Tensor h =
      at::relu(at::matmul(x.to(at::kDouble), p("encoder.0.weight").t()) + p("encoder.0.bias"));
  h = (h - model.running_mean()) / at::sqrt(model.running_var().to(at::kDouble) + 1e-5) *
          p("encoder.2.weight") +
      p("encoder.2.bias");
  const at::Tensor z =
      at::tanh(at::matmul(h, p("encoder.3.weight").t()) + p("encoder.3.bias")).contiguous();
  const auto bits = encode(encoder, x);
  std::int64_t compared = 0, active = 0;
  for (std::int64_t i = 0; i < 700; ++i)
    for (std::int64_t a = 0; a < 45; ++a) {
      const double value = z[i][a].item<double>();
      if (std::abs(value) < 1e-5) continue;  // float32 may fall on the other side
      ++compared;
      active += value > 0;
      ASSERT_EQ(bit(bits, i, 45, a), value > 0) << i << " " << a << " " << value;
    }
  EXPECT_GT(compared, 31000);
  EXPECT_GT(active, 5000);
  EXPECT_LT(active, 26000);
  for (std::int64_t i = 0; i < 700; ++i)
    EXPECT_EQ(bits[static_cast<std::size_t>(i * 6 + 5)] & 7, 0);  // after the last attribute
}

TEST_F(EncoderTest, SameBitsHoweverDividedAndOnAnyThreads) {
  const Autoencoder model = EncoderTest::model({19, 45});
  const fs::path file = save(model.state_dict());
  const at::Tensor x = at::sin(at::arange(600 * 19, at::kFloat)).reshape({600, 19});
  const auto whole = encode(Encoder::load(file), x);
  ThreadPool pool(3);
  const Encoder threaded = Encoder::load(file, {3, pool.runner()});
  EXPECT_EQ(encode(threaded, x), whole);
  std::vector<std::uint8_t> pieces;
  for (std::int64_t at = 0; at < 600; at += 7)
    for (std::uint8_t byte : encode(threaded, x.narrow(0, at, std::min<std::int64_t>(7, 600 - at))))
      pieces.push_back(byte);
  EXPECT_EQ(pieces, whole);
  EXPECT_TRUE(encode(threaded, x.narrow(0, 0, 0)).empty());
}

TEST_F(EncoderTest, KeysAreStrictAndModuleIsAccepted) {
  const StateDict good = EncoderTest::model({4, 6}).state_dict();
  StateDict prefixed;
  for (const auto& [name, tensor] : good) prefixed.emplace_back("module." + name, tensor);
  const Encoder plain = Encoder::load(save(good));
  const Encoder ddp = Encoder::load(save(prefixed, "ddp.pt"));
  const at::Tensor x = at::sin(at::arange(40, at::kFloat)).reshape({10, 4});
  EXPECT_EQ(encode(plain, x), encode(ddp, x));
  EXPECT_EQ(plain.sha256(), sha256_of_file(save(good)));
  for (std::size_t i = 0; i < good.size(); ++i) {
    StateDict less = good;
    less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
    const std::string message = refusal(less);
    EXPECT_NE(message.find(good[i].first), std::string::npos) << message;
    EXPECT_NE(message.find("bae.pt"), std::string::npos) << message;
  }
  StateDict more = good;
  more.emplace_back("encoder.9.weight", at::zeros({1}));
  EXPECT_NE(refusal(more).find("encoder.9.weight is unexpected"), std::string::npos);
  StateDict wide = good;
  wide.back().second = at::zeros({5});
  EXPECT_NE(refusal(wide).find("decoder.2.bias"), std::string::npos);
}

// The reference's own bits (bae.h5 shipped/, scoring.h5 binarize/active): smallest |Z| 2.2e-4.
TEST_F(EncoderTest, TheShippedModelGivesTheBitsOfTheReference) {
  BALR_NEEDS_TEST_DATA();
  const fs::path data = test::test_data_folder();
  const Encoder encoder = Encoder::load(data / "models" / "BAE_mse.pt");
  const auto compare = [&](const fs::path& file, const std::string& rows,
                           const std::string& codes) {
    const auto bits = encode(encoder, test::read_floats(file, rows));
    const auto expected = test::read_int(file, codes);
    for (std::size_t i = 0; i < expected.values.size(); ++i)
      ASSERT_EQ(
          bit(bits, static_cast<std::int64_t>(i / 512), 512, static_cast<std::int64_t>(i % 512)),
          expected.values[i] == 1)
          << codes << " " << i;
  };
  compare(data / "golden" / "bae.h5", "shipped/input", "shipped/b");
  compare(data / "golden" / "scoring.h5", "embeddings/x", "binarize/active");
  // Appendix A of the reference's behaviour: 244 active, the first 0 3 4 6 12 13.
  at::Tensor v = at::empty({1, 256});
  for (std::int64_t i = 0; i < 256; ++i) v[0][i] = static_cast<float>((37 * i) % 101 - 50) / 50;
  const auto bits = encode(encoder, v);
  std::vector<std::int64_t> active;
  for (std::int64_t a = 0; a < 512; ++a)
    if (bit(bits, 0, 512, a)) active.push_back(a);
  ASSERT_EQ(active.size(), 244U);
  active.resize(6);
  EXPECT_EQ(active, (std::vector<std::int64_t>{0, 3, 4, 6, 12, 13}));
}

}  // namespace
}  // namespace balr
