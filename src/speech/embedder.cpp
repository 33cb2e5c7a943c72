#include "balr/speech/embedder.hpp"

#include <ATen/ATen.h>

#include <cstdio>
#include <limits>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/core/stage_clock.hpp"
#include "balr/speech/resnet.hpp"
#include "speech/device_embedder.hpp"

namespace balr {
namespace {

constexpr std::int64_t kMinFrames = 9;  // three halvings leave two columns, which have a variance

at::Device parse_device(const std::string& text) {
  try {
    return at::Device(text);
  } catch (const c10::Error&) {
    throw ConfigError("there is no device " + text + "; use cpu, cuda or cuda:N");
  }
}

// `library`: LibTorch computes on the CPU, as on a device.
std::string resolve_precision(const std::string& wanted, const at::Device& device, bool library) {
  const std::string precision = wanted == "auto" ? (device.is_cuda() ? "tf32" : "fp32") : wanted;
  const bool half = precision == "bf16" || precision == "fp16";
  if (precision == "fp32" || (device.is_cuda() && precision == "tf32") || (half && (device.is_cuda() || library))) return precision;
  throw ConfigError("embeddings.precision=" + wanted + " is not possible on the device " + device.str() + "; use auto or fp32" +
                    (device.is_cuda() ? ", tf32, bf16 or fp16" : ", or a GPU (--device cuda)"));
}

at::ScalarType type_of(const std::string& precision) {
  return precision == "bf16" ? at::kBFloat16 : precision == "fp16" ? at::kHalf : at::kFloat;
}

Convolutions parse_convolution(const std::string& text, const at::Device& device) {
  if (text == "auto") return Convolutions::kAuto;
  if (device.is_cpu() && text == "winograd") return Convolutions::kWinograd;
  if (device.is_cpu() && text == "direct") return Convolutions::kDirect;
  if (device.is_cpu() && text == "library") return Convolutions::kLibrary;
  throw ConfigError("embeddings.convolution=" + text + " is not possible on the device " + device.str() + "; use auto" +
                    (device.is_cpu() ? ", winograd or direct" : ""));
}

// PyTorch's own defaults for tf32: the convolutions, not the two small linear layers.
void set_cuda_precision(const std::string& precision) {
  at::globalContext().setAllowTF32CuDNN(precision == "tf32");
  at::globalContext().setAllowTF32CuBLAS(false);
}

ResnetConfig read_config(const std::filesystem::path& file, const FbankOptions& features) {
  const ResnetConfig config = read_resnet_config(file);
  if (config.feat_dim != features.num_mel_bins)
    throw ConfigError("embeddings.model.features.num_mel_bins is " + std::to_string(features.num_mel_bins) +
                      ", but the model wants " + std::to_string(config.feat_dim) + "; set it to that");
  return config;
}

Resnet load_network(const ResnetConfig& config, const std::filesystem::path& file, const ResnetPlacement& placement) {
  const StateDict weights = read_state_dict(file);
  try {
    return Resnet(config, weights, placement);
  } catch (const DataError& error) {
    throw DataError("cannot use the model file " + file.string() + ": " + error.what());
  }
}

// What was computed already.
class ReadyBatch final : public Embedder::Batch {
 public:
  explicit ReadyBatch(std::vector<std::vector<float>> rows) : rows_(std::move(rows)) {}
  std::vector<std::vector<float>> get() override { return std::move(rows_); }

 private:
  std::vector<std::vector<float>> rows_;
};

struct Times {
  StageClock features, network;
};

}  // namespace

struct Embedder::State {
  at::Device device;
  std::string precision, sha256;
  Fbank fbank;
  Resnet network;
  Times times;
  std::unique_ptr<DeviceEmbedder> in_batches;  // on a device
};

Embedder::Embedder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Embedder::~Embedder() = default;

std::unique_ptr<Embedder> Embedder::load(const std::filesystem::path& model_file, const std::filesystem::path& model_config,
                                         const EmbedderOptions& options) {
  const at::Device device = parse_device(options.device);
  const Convolutions convolutions = parse_convolution(options.convolution, device);
  const bool library = convolutions == Convolutions::kLibrary;
  const std::string precision = resolve_precision(options.precision, device, library);
  if (device.is_cuda()) set_cuda_precision(precision);
  const ResnetConfig config = read_config(model_config, options.features);
  const Fbank fbank(options.features);
  std::unique_ptr<State> state(new State{device, precision, sha256_of_file(model_file), fbank,
                                         load_network(config, model_file, {device, type_of(precision), convolutions}), {}, nullptr});
  if (library || !device.is_cpu())
    state->in_batches = std::make_unique<DeviceEmbedder>(state->fbank, state->network, device, state->times.features, state->times.network);
  return std::unique_ptr<Embedder>(new Embedder(std::move(state)));
}

int Embedder::rate() const { return state_->fbank.options().rate; }
std::int64_t Embedder::dimension() const { return state_->network.config().embed_dim; }
const std::string& Embedder::sha256() const { return state_->sha256; }
const std::string& Embedder::precision() const { return state_->precision; }

std::int64_t Embedder::min_samples() const {
  const FbankOptions& o = state_->fbank.options();
  std::int64_t low = 1, high = std::int64_t{o.rate} * 60;
  while (low < high) {  // frames() is monotonic
    const std::int64_t middle = (low + high) / 2;
    state_->fbank.frames(middle) >= kMinFrames ? high = middle : low = middle + 1;
  }
  return low;
}

std::string Embedder::features() const {
  const FbankOptions& o = state_->fbank.options();
  char text[200];
  std::snprintf(text, sizeof text, "fbank rate=%d bins=%d length=%dms shift=%dms scale=%g mean=%d var=%d", o.rate,
                o.num_mel_bins, o.frame_length, o.frame_shift, static_cast<double>(o.scale), o.normalize_mean, o.normalize_var);
  return text;
}

std::vector<float> Embedder::embed(std::span<const float> samples) const {
  if (state_->in_batches) return embed_batch({&samples, 1}).front();
  std::vector<float> features;
  {
    const auto measure = state_->times.features.measure();
    features = state_->fbank.compute(samples);
  }
  const auto measure = state_->times.network.measure();
  return state_->network.embed(features);
}

std::vector<std::vector<float>> Embedder::embed_batch(std::span<const std::span<const float>> samples) const {
  return start_batch(samples)->get();
}

std::unique_ptr<Embedder::Batch> Embedder::start_batch(std::span<const std::span<const float>> samples) const {
  std::vector<std::vector<float>> rows;
  if (state_->in_batches && !samples.empty()) return state_->in_batches->start(samples);
  for (const auto& utterance : samples) rows.push_back(embed(utterance));
  return std::make_unique<ReadyBatch>(std::move(rows));
}

bool Embedder::in_batches() const { return state_->in_batches != nullptr; }

std::int64_t Embedder::padded_samples(std::int64_t samples) const {
  return state_->in_batches ? state_->in_batches->padded_samples(samples) : samples;
}

double Embedder::fitting_seconds() const {
  return state_->in_batches ? state_->in_batches->fitting_seconds() : std::numeric_limits<double>::infinity();
}

Embedder::Seconds Embedder::seconds() const { return {state_->times.features.seconds(), state_->times.network.seconds()}; }

}  // namespace balr
