#include "balr/bae/encoder.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "bae/forward.hpp"
#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/weights/state_dict.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kBlockRows = 512;  // encoded at once: bounds the memory, changes no byte

Autoencoder load_model(const fs::path& file) {
  try {
    return Autoencoder::from_state_dict(read_state_dict(file));
  } catch (const DataError& error) {
    const std::string text = error.what();
    if (text.find(file.string()) != std::string::npos) throw;
    throw DataError(file.string() + ": " + text);
  }
}

}  // namespace

struct Encoder::State {
  Autoencoder model;
  std::string sha256;
  std::unique_ptr<StepOps> ops;
  Parameters parameters;
  BatchStatistics running;
};

Encoder::Encoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

Encoder Encoder::load(const fs::path& file, const Threads& threads) {
  Autoencoder model = load_model(file);
  std::unique_ptr<StepOps> ops = make_canonical_ops(nullptr, threads);
  const Parameters parameters(model);
  const BatchStatistics running{model.running_mean(), model.running_var(),
                                ops->inverse_deviation(model.running_var())};
  return Encoder(std::unique_ptr<State>(
      new State{std::move(model), sha256_of_file(file), std::move(ops), parameters, running}));
}

std::int64_t Encoder::input_dim() const { return state_->model.shape().input_dim; }
std::int64_t Encoder::attributes() const { return state_->model.shape().internal_dim; }
const std::string& Encoder::sha256() const { return state_->sha256; }

void Encoder::encode(std::span<const float> rows, std::span<std::uint8_t> bits) const {
  const std::int64_t d = input_dim(), n = attributes(), bytes = (n + 7) / 8;
  const auto count = static_cast<std::int64_t>(rows.size()) / d;
  BALR_CHECK(static_cast<std::int64_t>(rows.size()) == count * d &&
             static_cast<std::int64_t>(bits.size()) == count * bytes);
  std::fill(bits.begin(), bits.end(), std::uint8_t{0});
  for (std::int64_t begin = 0; begin < count; begin += kBlockRows) {
    const std::int64_t block = std::min(kBlockRows, count - begin);
    // from_blob takes no const; nothing writes there.
    const at::Tensor x =
        at::from_blob(const_cast<float*>(rows.data()) + begin * d, {block, d}, at::kFloat);
    const auto matrix = [&] { return at::empty({block, n}, at::kFloat); };
    const Activations to{matrix(), matrix(), matrix(), matrix(), {}, {}};
    forward_hidden(state_->parameters, x, to, *state_->ops);
    forward_codes(state_->parameters, state_->running, to, *state_->ops);
    const float* codes = to.codes.const_data_ptr<float>();
    for (std::int64_t i = 0; i < block; ++i)
      for (std::int64_t a = 0; a < n; ++a)
        if (codes[i * n + a] > 0)
          bits[static_cast<std::size_t>((begin + i) * bytes + a / 8)] |=
              static_cast<std::uint8_t>(128 >> (a % 8));
  }
}

}  // namespace balr
