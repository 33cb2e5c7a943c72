#include "speech/device_embedder.hpp"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "balr/core/error.hpp"
#include "balr/core/stage_clock.hpp"
#include "speech/device_memory.hpp"

namespace balr {
namespace {

// Trying cuDNN's algorithms costs as much as some ten batches, so it is done for shapes that come
// often.
constexpr int kTuneFrom = 8;
// Of the free memory; the rest is for fragmentation and for cuDNN's own.
constexpr double kMemoryShare = 0.8;

class DeviceBatch final : public Embedder::Batch {
 public:
  DeviceBatch(at::Tensor host, DeviceQueue::Mark done, StageClock& time)
      : host_(std::move(host)), done_(std::move(done)), time_(time) {}

  std::vector<std::vector<float>> get() override {
    const auto measure = time_.measure();
    done_.wait();
    std::vector<std::vector<float>> rows;
    for (std::int64_t i = 0; i < host_.size(0); ++i) {
      const float* row = host_.const_data_ptr<float>() + i * host_.size(1);
      rows.emplace_back(row, row + host_.size(1));
    }
    return rows;
  }

 private:
  at::Tensor host_;  // float32 [rows, dimension]; valid behind done_
  DeviceQueue::Mark done_;
  StageClock& time_;
};

}  // namespace

std::int64_t bucket_frames(std::int64_t frames) {
  BALR_CHECK(frames > 0);
  const auto octave = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(frames)));
  const std::int64_t step = std::max<std::int64_t>(16, octave / 8);
  return (frames + step - 1) / step * step;
}

DeviceEmbedder::DeviceEmbedder(const Fbank& fbank, const Resnet& network, at::Device device,
                               StageClock& features, StageClock& network_time)
    : fbank_(fbank),
      network_(network),
      device_(device),
      device_fbank_(fbank, device),
      features_time_(features),
      network_time_(network_time),
      queues_{DeviceQueue(device), DeviceQueue(device)},
      memory_(kMemoryShare * free_memory(device) / static_cast<double>(queues_.size())),
      fitting_seconds_(std::numeric_limits<double>::infinity()) {}

std::int64_t DeviceEmbedder::padded_samples(std::int64_t samples) const {
  return device_fbank_.samples(bucket_frames(fbank_.frames(samples)));
}

// [rows, padded samples] on the device, zero behind each one's end. Samples behind the last whole
// frame count for nothing.
at::Tensor DeviceEmbedder::send_padded(std::span<const std::span<const float>> samples) const {
  std::size_t longest = 0;
  for (const auto& utterance : samples) longest = std::max(longest, utterance.size());
  const std::int64_t width = padded_samples(static_cast<std::int64_t>(longest));
  const at::Tensor host =
      host_tensor({static_cast<std::int64_t>(samples.size()), width}, at::kFloat, device_);
  float* row = host.mutable_data_ptr<float>();
  for (const auto& utterance : samples) {
    const std::size_t count = std::min(utterance.size(), static_cast<std::size_t>(width));
    std::fill(std::copy_n(utterance.begin(), count, row), row + width, 0.0f);
    row += width;
  }
  return send(host, device_);
}

void DeviceEmbedder::choose_tuning(std::int64_t rows, std::int64_t samples) {
  at::globalContext().setBenchmarkCuDNN(device_.is_cuda() &&
                                        ++shapes_[{rows, samples}] >= kTuneFrom);
}

void DeviceEmbedder::measure_memory(std::int64_t rows, std::int64_t samples) {
  const double seconds = static_cast<double>(rows * samples) / fbank_.options().rate;
  const double bytes = peak_memory(device_);
  if (bytes > 0) fitting_seconds_ = std::min(fitting_seconds_, memory_ / bytes * seconds);
}

std::unique_ptr<Embedder::Batch> DeviceEmbedder::start(
    std::span<const std::span<const float>> samples) {
  const c10::InferenceMode inference;
  const DeviceQueue& queue = queues_[next_++ % queues_.size()];
  const auto use = queue.use();
  std::vector<std::int64_t> frames;
  for (const auto& utterance : samples)
    frames.push_back(fbank_.frames(static_cast<std::int64_t>(utterance.size())));
  begin_peak(device_);
  at::Tensor features;
  const std::int64_t rows = static_cast<std::int64_t>(samples.size());
  std::int64_t width = 0;
  {
    const auto measure = features_time_.measure();
    const at::Tensor waveforms = send_padded(samples);
    width = waveforms.size(1);
    features = device_fbank_.compute(waveforms, frames);
  }
  const auto measure = network_time_.measure();
  choose_tuning(rows, width);
  const at::Tensor embeddings = network_.forward(features, frames);
  const at::Tensor host = host_tensor(embeddings.sizes(), at::kFloat, device_);
  host.copy_(embeddings, /*non_blocking=*/true);
  measure_memory(rows, width);
  return std::make_unique<DeviceBatch>(host, queue.mark(), network_time_);
}

}  // namespace balr
