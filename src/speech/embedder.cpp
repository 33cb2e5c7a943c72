#include "balr/speech/embedder.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdio>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "speech/resnet.hpp"

namespace balr {
namespace {

constexpr std::int64_t kMinFrames = 9;  // three halvings leave two columns, which have a variance

std::string resolve_precision(const std::string& wanted, const at::Device& device) {
  const std::string precision = wanted == "auto" ? (device.is_cuda() ? "tf32" : "fp32") : wanted;
  if (precision == "fp32" || (precision == "tf32" && device.is_cuda())) return precision;
  throw ConfigError("embeddings.precision=" + wanted + " is not possible on the device " + device.str() +
                    ": use fp32" + (device.is_cuda() ? " or tf32" : ""));
}

// Each thread that computes on the CPU gets one thread of ATen: parallelism is over utterances.
void use_one_thread() {
  thread_local const bool done = (at::set_num_threads(1), true);
  (void)done;
}

}  // namespace

struct Embedder::State {
  at::Device device;
  std::string precision, sha256;
  Fbank fbank;
  ResNet network;

  at::Tensor features(std::span<const float> samples) const {
    std::vector<float> values = fbank.compute(samples);
    const std::int64_t bins = fbank.options().num_mel_bins;
    return at::tensor(at::ArrayRef<float>(values), at::kFloat).view({-1, bins});
  }
};

Embedder::Embedder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Embedder::~Embedder() = default;

std::unique_ptr<Embedder> Embedder::load(const std::filesystem::path& file, const std::filesystem::path& config_file,
                                         const EmbedderOptions& options) {
  const at::Device device(options.device);
  const std::string precision = resolve_precision(options.precision, device);
  if (device.is_cuda()) {
    at::globalContext().setAllowTF32CuDNN(precision == "tf32");
    at::globalContext().setAllowTF32CuBLAS(precision == "tf32");
    at::globalContext().setBenchmarkCuDNN(true);
  }
  std::error_code error;
  if (!std::filesystem::is_regular_file(config_file, error))
    throw ConfigError("the model configuration " + config_file.string() + " does not exist: set embeddings.model.config_name");
  const ResNetConfig config = read_resnet_config(config_file.string());
  if (config.feat_dim != options.features.num_mel_bins)
    throw ConfigError("embeddings.model.features.num_mel_bins=" + std::to_string(options.features.num_mel_bins) +
                      ", but the model wants " + std::to_string(config.feat_dim));
  try {
    return std::unique_ptr<Embedder>(
        new Embedder(std::make_unique<State>(State{device, precision, sha256_of_file(file), Fbank(options.features),
                                                   ResNet(config, read_state_dict(file), device)})));
  } catch (const DataError& e) {
    const std::string what = e.what();
    throw DataError(what.find(file.string()) == std::string::npos ? "the model file " + file.string() + ": " + what : what);
  }
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
  if (state_->device.is_cpu()) use_one_thread();
  const at::Tensor features = state_->features(samples).unsqueeze(0).to(state_->device);
  const std::int64_t frames = features.size(1);
  const at::Tensor out = state_->network.forward(features, {&frames, 1}).cpu().contiguous();
  return {out.const_data_ptr<float>(), out.const_data_ptr<float>() + out.numel()};
}

std::vector<std::vector<float>> Embedder::embed_batch(std::span<const std::span<const float>> samples) const {
  if (state_->device.is_cpu()) use_one_thread();
  std::vector<at::Tensor> rows;
  std::vector<std::int64_t> lengths;
  for (const auto& clip : samples) {
    rows.push_back(state_->features(clip));
    lengths.push_back(rows.back().size(0));
  }
  if (rows.empty()) return {};
  const std::int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  at::Tensor batch = at::zeros({static_cast<std::int64_t>(rows.size()), longest, rows[0].size(1)}, at::kFloat);
  for (std::size_t i = 0; i < rows.size(); ++i)
    batch[static_cast<std::int64_t>(i)].narrow(0, 0, lengths[i]).copy_(rows[i]);
  const at::Tensor out = state_->network.forward(batch.to(state_->device), lengths).cpu().contiguous();
  std::vector<std::vector<float>> result;
  for (std::int64_t i = 0; i < out.size(0); ++i) {
    const float* row = out.const_data_ptr<float>() + i * out.size(1);
    result.emplace_back(row, row + out.size(1));
  }
  return result;
}

}  // namespace balr
