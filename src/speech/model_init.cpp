#include "balr/speech/model_init.hpp"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cmath>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/speech/fbank.hpp"
#include "balr/weights/state_dict.hpp"
#include "speech/pooling.hpp"
#include "speech/resnet_plan.hpp"

namespace balr {
namespace {

constexpr std::int64_t kFrames = 200;

at::Tensor uniform(at::IntArrayRef shape, std::int64_t fan_in) {
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  return at::empty(shape, at::kFloat).uniform_(-bound, bound);
}

// [clips, kFrames, 80]
at::Tensor features_of(const std::vector<std::vector<float>>& clips) {
  const Fbank fbank({});
  std::vector<at::Tensor> rows;
  for (const auto& clip : clips) {
    if (fbank.frames(static_cast<std::int64_t>(clip.size())) == 0) continue;
    const std::vector<float> values = fbank.compute(clip);
    at::Tensor row = at::tensor(at::ArrayRef<float>(values), at::kFloat).view({-1, 80});
    row = row.repeat({(kFrames + row.size(0) - 1) / row.size(0), 1});
    rows.push_back(row.narrow(0, 0, kFrames));
  }
  if (rows.empty()) throw DataError("no usable audio to calibrate the model on: give speech files of 25 ms or more");
  return at::stack(rows);
}

// Draws each layer's weights and passes the batch through it with the batch's own statistics, which are kept.
class Initializer {
 public:
  explicit Initializer(const ResNetPlan& plan) : plan_(plan) {}

  StateDict run(const at::Tensor& features) {
    at::Tensor x = apply(plan_.stem, features.transpose(1, 2).unsqueeze(1).contiguous()).relu_();
    for (const auto& layer : plan_.layers)
      for (const BlockSpec& block : layer) {
        at::Tensor y = x;
        for (std::size_t i = 0; i < block.convs.size(); ++i) {
          y = apply(block.convs[i], y);
          if (i + 1 < block.convs.size()) y.relu_();
        }
        x = y.add_(block.shortcut ? apply(*block.shortcut, x) : x).relu_();
      }
    const std::int64_t out = plan_.config.embed_dim;
    state_.emplace_back("seg_1.weight", uniform({out, plan_.stats_dim}, plan_.stats_dim));
    state_.emplace_back("seg_1.bias", uniform({out}, plan_.stats_dim));
    return std::move(state_);
  }

 private:
  at::Tensor apply(const ConvSpec& spec, const at::Tensor& x) {
    const at::Tensor weight =
        uniform({spec.out, spec.in, spec.kernel, spec.kernel}, spec.in * spec.kernel * spec.kernel);
    at::Tensor y = at::conv2d(x, weight, {}, spec.stride, spec.kernel / 2);
    const at::Tensor mean = y.mean(at::IntArrayRef{0, 2, 3}), variance = y.var(at::IntArrayRef{0, 2, 3}, true);
    y = (y - mean.view({1, -1, 1, 1})) / (variance + 1e-5).sqrt().view({1, -1, 1, 1});
    state_.emplace_back(spec.conv + ".weight", weight);
    state_.emplace_back(spec.bn + ".weight", at::ones({spec.out}));
    state_.emplace_back(spec.bn + ".bias", at::zeros({spec.out}));
    state_.emplace_back(spec.bn + ".running_mean", mean);
    state_.emplace_back(spec.bn + ".running_var", variance);
    state_.emplace_back(spec.bn + ".num_batches_tracked", at::ones({}, at::kLong));
    return y;
  }

  const ResNetPlan& plan_;
  StateDict state_;
};

}  // namespace

void init_model(const std::filesystem::path& folder, const std::vector<std::vector<float>>& clips, std::uint64_t seed,
                const std::string& model) {
  c10::InferenceMode guard;
  ResNetConfig config;
  config.model = model;
  const ResNetPlan plan(config);
  at::manual_seed(seed);
  const StateDict state = Initializer(plan).run(features_of(clips));
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw IoError("cannot create the folder " + folder.string() + ": " + error.message());
  write_state_dict(folder / "avg_model.pt", state);
  write_file_atomically(folder / "config.yaml", "# A random model made by `balr model init`; its embeddings mean nothing.\nmodel: " +
                                                    model +
                                                    "\nmodel_args:\n  embed_dim: 256\n  feat_dim: 80\n  pooling_func: TSTP\n"
                                                    "  two_emb_layer: false\n");
}

}  // namespace balr
