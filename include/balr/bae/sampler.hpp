#pragma once
#include <cstdint>
#include <memory>
#include <vector>

// Which rows make a batch. A batch is a pure function of (settings, epoch, its number): any rank
// makes any batch, in any order, and always the same one.
namespace balr {

enum class SamplerKind {
  kRandomNxM,      // N classes in random order, M random rows of each; every class once an epoch
  kExhaustiveNxM,  // the same shape, but every row of every class is used (up to the last,
                   // incomplete batch)
  kShuffle,        // every row once, without regard to classes; the last batch may be smaller
};
enum class SamplerRng {
  kPhilox,  // ours: batches need no predecessor
  kNumpy,  // the order of the Python program's multi-GPU mode (PCG64 seeded with seed + epoch); N x
           // M only
};

struct SamplerSettings {
  SamplerKind kind = SamplerKind::kRandomNxM;
  std::int64_t batch_size = 512;        // of one batch of one replica
  std::int64_t classes_per_batch = 32;  // N
  std::int64_t samples_per_class = 16;  // M
  bool shuffle = true;
  // RandomNxM: leave out the classes of an incomplete last batch, instead of filling it up with the
  // first classes. kShuffle: leave out an incomplete last batch. All: see `replicas`.
  bool drop_last = false;
  SamplerRng rng = SamplerRng::kPhilox;
  std::uint64_t seed = 1234;  // the Python program's sampler always uses 1234
  // Batch i of replica r is batch i * replicas + r of the whole, so that replicas never share one,
  // and all have equally many: from the end the whole begins again or, with drop_last, the rest is
  // left out.
  int replicas = 1;
  int replica = 0;
};

// Caches the current epoch's order: use one object per thread.
class Sampler {
 public:
  virtual ~Sampler() = default;

  // Batches of an epoch for this replica; the same in every epoch. 0 only with drop_last.
  std::int64_t batch_count() const { return batch_count_; }

  // Row numbers (positions in the labels) of a batch, 0 <= number < batch_count(), epoch >= 0.
  std::vector<std::int64_t> batch(std::int64_t epoch, std::int64_t number);

 protected:
  Sampler(const SamplerSettings& settings, std::int64_t whole_count);
  virtual std::vector<std::int64_t> whole_batch(std::int64_t epoch, std::int64_t number) = 0;
  const SamplerSettings& settings() const { return settings_; }

 private:
  SamplerSettings settings_;
  std::int64_t whole_count_, batch_count_;
};

// labels[i] is the class of row i, any numbers. Classes are ordered by their first row.
// Throws ConfigError if batch_size is not N * M or a setting is out of range, DataError if there
// are no rows or fewer than N classes. kShuffle: a batch_size above the number of rows means all
// rows.
std::unique_ptr<Sampler> make_sampler(const std::vector<std::int64_t>& labels,
                                      const SamplerSettings& settings);

}  // namespace balr
