#pragma once
#include <array>
#include <map>
#include <utility>

#include "balr/speech/embedder.hpp"
#include "balr/speech/resnet.hpp"
#include "speech/device_fbank.hpp"
#include "speech/device_queue.hpp"

namespace balr {

class StageClock;

// Frames that a batch is padded to: eight lengths an octave, so that shapes repeat and at most an
// eighth is padding. cuDNN looks for the fastest algorithms of a shape only once.
std::int64_t bucket_frames(std::int64_t frames);

// Filterbank and network of batches, by LibTorch's operations. Batches go to two queues in turn:
// what one copies overlaps with what the other computes. The same code on the CPU, for tests. One
// thread at a time.
class DeviceEmbedder {
 public:
  // References must live as long as this.
  DeviceEmbedder(const Fbank& fbank, const Resnet& network, at::Device device, StageClock& features,
                 StageClock& network_time);

  // See Embedder.
  std::unique_ptr<Embedder::Batch> start(std::span<const std::span<const float>> samples);
  std::int64_t padded_samples(std::int64_t samples) const;
  double fitting_seconds() const { return fitting_seconds_; }

 private:
  at::Tensor send_padded(std::span<const std::span<const float>> samples) const;
  void choose_tuning(std::int64_t rows, std::int64_t samples);
  void measure_memory(std::int64_t rows, std::int64_t samples);

  const Fbank& fbank_;
  const Resnet& network_;
  at::Device device_;
  DeviceFbank device_fbank_;
  StageClock &features_time_, &network_time_;
  std::array<DeviceQueue, 2> queues_;
  std::size_t next_ = 0;
  std::map<std::pair<std::int64_t, std::int64_t>, int>
      shapes_;     // rows, samples: how often they came
  double memory_;  // bytes that one batch may take
  double fitting_seconds_;
};

}  // namespace balr
