#include "balr/speech/model_init.hpp"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cmath>
#include <functional>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/speech/fbank.hpp"
#include "balr/speech/resnet_config.hpp"
#include "balr/weights/state_dict.hpp"
#include "speech/resnet_plan.hpp"
#include "speech/resnet_walk.hpp"

namespace balr {
namespace {

constexpr std::int64_t kFrames = 200;  // of each clip
constexpr double kNormEps = 1e-5;

// PyTorch's default for convolutions and linear layers.
at::Tensor uniform(const at::Generator& generator, at::IntArrayRef shape, std::int64_t fan_in) {
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  return at::empty(shape, at::kFloat).uniform_(-bound, bound, generator);
}

// [clips, kFrames, mel bins]
at::Tensor features_of(const std::vector<std::vector<float>>& clips) {
  const Fbank fbank({});
  const std::int64_t bins = fbank.options().num_mel_bins;
  std::vector<at::Tensor> rows;
  for (const auto& clip : clips) {
    const std::vector<float> values = fbank.compute(clip);
    if (values.empty()) continue;
    at::Tensor row = at::tensor(at::ArrayRef<float>(values), at::kFloat).view({-1, bins});
    row = row.repeat({(kFrames + row.size(0) - 1) / row.size(0), 1});
    rows.push_back(row.narrow(0, 0, kFrames));
  }
  if (rows.empty()) throw DataError("there is no usable audio to calibrate the model on; give speech files of 25 ms or more");
  return at::stack(rows);
}

// Draws the weights in state dict order, and gives each batch-norm the statistics of what reaches it.
class Initializer {
 public:
  Initializer(const ResnetPlan& plan, std::uint64_t seed) : plan_(plan), generator_(at::detail::createCPUGenerator(seed)) {
    for (const ConvUnit& unit : plan.units)
      convolutions_.push_back(uniform(generator_, {unit.out_channels, unit.in_channels, unit.kernel, unit.kernel},
                                      unit.in_channels * unit.kernel * unit.kernel));
    means_.resize(plan.units.size());
    variances_.resize(plan.units.size());
  }

  void calibrate(const at::Tensor& features) {
    const auto same = [](const at::Tensor& x) { return x; };
    walk_resnet(
        plan_, features.transpose(1, 2).unsqueeze(1).contiguous(at::MemoryFormat::ChannelsLast),
        [this](auto&&... arguments) { return normalised(arguments...); }, same, [](const at::Tensor&) {});
  }

  StateDict take(std::int64_t dimension) {
    StateDict out;
    for (std::size_t i = 0; i < plan_.units.size(); ++i) {
      const ConvUnit& unit = plan_.units[i];
      out.emplace_back(unit.conv + ".weight", convolutions_[i]);
      out.emplace_back(unit.norm + ".weight", at::ones({unit.out_channels}));
      out.emplace_back(unit.norm + ".bias", at::zeros({unit.out_channels}));
      out.emplace_back(unit.norm + ".running_mean", means_[i]);
      out.emplace_back(unit.norm + ".running_var", variances_[i]);
      out.emplace_back(unit.norm + ".num_batches_tracked", at::ones({}, at::kLong));
    }
    out.emplace_back("seg_1.weight", uniform(generator_, {dimension, plan_.pooled}, plan_.pooled));
    out.emplace_back("seg_1.bias", uniform(generator_, {dimension}, plan_.pooled));
    return out;
  }

 private:
  at::Tensor normalised(std::size_t index, const at::Tensor& x, const at::Tensor& added, bool relu) {
    const ConvUnit& unit = plan_.units[index];
    at::Tensor y = at::conv2d(x, convolutions_[index], {}, unit.stride, unit.kernel / 2);
    means_[index] = y.mean(at::IntArrayRef{0, 2, 3});
    variances_[index] = y.var(at::IntArrayRef{0, 2, 3}, true);
    const at::Tensor deviation = (variances_[index] + kNormEps).sqrt_();
    y.sub_(means_[index].view({1, -1, 1, 1})).div_(deviation.view({1, -1, 1, 1}));
    if (added.defined()) y.add_(added);
    return relu ? y.relu_() : y;
  }

  const ResnetPlan& plan_;
  at::Generator generator_;
  std::vector<at::Tensor> convolutions_, means_, variances_;  // by unit
};

}  // namespace

void init_model(const std::filesystem::path& folder, const std::vector<std::vector<float>>& clips, std::uint64_t seed,
                const std::string& model) {
  const c10::InferenceMode guard;
  check_resnet_name(model);
  ResnetConfig config;
  config.name = model;
  const ResnetPlan plan = make_resnet_plan(config);
  Initializer initializer(plan, seed);
  initializer.calibrate(features_of(clips));
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw IoError("cannot create the folder " + folder.string() + ": " + error.message());
  write_state_dict(folder / "avg_model.pt", initializer.take(config.embed_dim));
  write_file_atomically(folder / "config.yaml",
                        "# A random model made by `balr model init`; its embeddings mean nothing.\n" + to_yaml(config));
}

}  // namespace balr
