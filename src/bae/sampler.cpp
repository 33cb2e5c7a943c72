#include "balr/bae/sampler.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <unordered_map>
#include <utility>

#include "balr/core/error.hpp"
#include "balr/core/rng.hpp"

namespace balr {
namespace {

using Rows = std::vector<std::int64_t>;

// Streams of Philox numbers. A batch's own stream is its number, a class's list has kListStream +
// class.
constexpr std::uint64_t kOrderStream = std::uint64_t{1} << 63;
constexpr std::uint64_t kListStream = std::uint64_t{1} << 62;

std::vector<Rows> class_rows(const Rows& labels) {
  std::unordered_map<std::int64_t, std::size_t> position;
  std::vector<Rows> classes;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const auto [found, is_new] = position.try_emplace(labels[row], classes.size());
    if (is_new) classes.emplace_back();
    classes[found->second].push_back(static_cast<std::int64_t>(row));
  }
  return classes;
}

Rows counting(std::int64_t count) {
  Rows values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

Rows pick(const Rows& from, const Rows& positions) {
  Rows picked;
  picked.reserve(positions.size());
  for (const std::int64_t position : positions)
    picked.push_back(from[static_cast<std::size_t>(position)]);
  return picked;
}

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Keeps what is made of an epoch until another epoch is asked for.
class EpochCache {
 public:
  template <class Make>
  const Rows& get(std::int64_t epoch, Make make) {
    if (epoch != epoch_) {
      rows_ = make();
      epoch_ = epoch;
    }
    return rows_;
  }

 private:
  std::int64_t epoch_ = -1;
  Rows rows_;
};

class RandomNxM final : public Sampler {
 public:
  RandomNxM(std::vector<Rows> classes, const SamplerSettings& s)
      : Sampler(s, count(static_cast<std::int64_t>(classes.size()), s)),
        classes_(std::move(classes)) {}

 protected:
  Rows whole_batch(std::int64_t epoch, std::int64_t number) override {
    const std::int64_t size = settings().batch_size;
    if (settings().rng == SamplerRng::kNumpy) {
      const Rows& all = cache_.get(epoch, [&] { return numpy_epoch(epoch); });
      return {all.begin() + number * size, all.begin() + (number + 1) * size};
    }
    const Rows& order = cache_.get(epoch, [&] {
      Philox generator(settings().seed, static_cast<std::uint64_t>(epoch), kOrderStream);
      return settings().shuffle ? generator.permutation(class_count()) : counting(class_count());
    });
    Philox generator(settings().seed, static_cast<std::uint64_t>(epoch),
                     static_cast<std::uint64_t>(number));
    Rows batch;
    batch.reserve(static_cast<std::size_t>(size));
    append(batch, order, number, generator, &Philox::choose);
    return batch;
  }

 private:
  static std::int64_t count(std::int64_t classes, const SamplerSettings& s) {
    return s.drop_last ? classes / s.classes_per_batch : ceil_divide(classes, s.classes_per_batch);
  }
  std::int64_t class_count() const { return static_cast<std::int64_t>(classes_.size()); }

  // The rows of one batch: N classes in order (from the end, the order begins again), M rows of
  // each.
  template <class Generator>
  void append(Rows& batch, const Rows& order, std::int64_t number, Generator& generator,
              Rows (Generator::*choose)(std::int64_t, std::int64_t, bool)) const {
    const std::int64_t n = settings().classes_per_batch, m = settings().samples_per_class;
    for (std::int64_t i = number * n; i < (number + 1) * n; ++i) {
      const Rows& rows =
          classes_[static_cast<std::size_t>(order[static_cast<std::size_t>(i % class_count())])];
      const auto size = static_cast<std::int64_t>(rows.size());
      const Rows chosen = pick(rows, (generator.*choose)(size, m, size < m));
      batch.insert(batch.end(), chosen.begin(), chosen.end());
    }
  }

  Rows numpy_epoch(std::int64_t epoch) const {
    NumpyGenerator generator(settings().seed + static_cast<std::uint64_t>(epoch));
    const Rows order =
        settings().shuffle ? generator.permutation(class_count()) : counting(class_count());
    Rows all;
    const std::int64_t batches = count(class_count(), settings());
    for (std::int64_t number = 0; number < batches; ++number)
      append(all, order, number, generator, &NumpyGenerator::choice);
    return all;
  }

  std::vector<Rows> classes_;
  EpochCache cache_;
};

class ExhaustiveNxM final : public Sampler {
 public:
  ExhaustiveNxM(std::vector<Rows> classes, const SamplerSettings& s)
      : Sampler(s, count(classes, s)), classes_(std::move(classes)) {
    for (Rows& rows : classes_) {  // each list is wrapped to a multiple of M
      const std::size_t own = rows.size();
      const std::int64_t whole = padded(static_cast<std::int64_t>(own), s.samples_per_class);
      for (std::size_t i = own; i < static_cast<std::size_t>(whole); ++i)
        rows.push_back(rows[i - own]);
    }
  }

 protected:
  Rows whole_batch(std::int64_t epoch, std::int64_t number) override {
    const std::int64_t size = settings().batch_size;
    const Rows& all = cache_.get(epoch, [&] { return whole_epoch(epoch); });
    return {all.begin() + number * size, all.begin() + (number + 1) * size};
  }

 private:
  static std::int64_t padded(std::int64_t rows, std::int64_t m) { return ceil_divide(rows, m) * m; }
  static std::int64_t count(const std::vector<Rows>& classes, const SamplerSettings& s) {
    std::int64_t total = 0;
    for (const Rows& rows : classes)
      total += padded(static_cast<std::int64_t>(rows.size()), s.samples_per_class);
    return total / s.batch_size;
  }

  Rows whole_epoch(std::int64_t epoch) const {
    std::vector<Rows> lists = shuffled_lists(epoch);
    // Round after round over the classes, M rows of each that has some left.
    const std::int64_t m = settings().samples_per_class;
    Rows all;
    for (std::int64_t begin = 0; !lists.empty(); begin += m) {
      std::erase_if(
          lists, [&](const Rows& rows) { return static_cast<std::int64_t>(rows.size()) <= begin; });
      for (const Rows& rows : lists)
        all.insert(all.end(), rows.begin() + begin, rows.begin() + begin + m);
    }
    return all;
  }

  std::vector<Rows> shuffled_lists(std::int64_t epoch) const {
    if (!settings().shuffle) return classes_;
    const auto count = static_cast<std::int64_t>(classes_.size());
    const std::uint64_t seed = settings().seed;
    std::vector<Rows> lists;
    if (settings().rng == SamplerRng::kNumpy) {
      NumpyGenerator generator(seed + static_cast<std::uint64_t>(epoch));
      for (const std::int64_t c : generator.permutation(count)) {
        const Rows& rows = classes_[static_cast<std::size_t>(c)];
        lists.push_back(pick(rows, generator.permutation(static_cast<std::int64_t>(rows.size()))));
      }
      return lists;
    }
    const auto moment = static_cast<std::uint64_t>(epoch);
    for (const std::int64_t c : Philox(seed, moment, kOrderStream).permutation(count)) {
      lists.push_back(classes_[static_cast<std::size_t>(c)]);
      Philox(seed, moment, kListStream + static_cast<std::uint64_t>(c)).shuffle(lists.back());
    }
    return lists;
  }

  std::vector<Rows> classes_;
  EpochCache cache_;
};

class Shuffle final : public Sampler {
 public:
  Shuffle(std::int64_t rows, const SamplerSettings& s) : Sampler(s, count(rows, s)), rows_(rows) {}

 protected:
  Rows whole_batch(std::int64_t epoch, std::int64_t number) override {
    const Rows& all = cache_.get(epoch, [&] {
      Philox generator(settings().seed, static_cast<std::uint64_t>(epoch), kOrderStream);
      return settings().shuffle ? generator.permutation(rows_) : counting(rows_);
    });
    const std::int64_t size = settings().batch_size;
    return {all.begin() + number * size, all.begin() + std::min((number + 1) * size, rows_)};
  }

 private:
  static std::int64_t count(std::int64_t rows, const SamplerSettings& s) {
    return s.drop_last ? rows / s.batch_size : ceil_divide(rows, s.batch_size);
  }

  std::int64_t rows_;
  EpochCache cache_;
};

void check_settings(const SamplerSettings& s) {
  if (s.batch_size < 1)
    throw ConfigError("data.batch_size is " + std::to_string(s.batch_size) +
                      "; set it to at least 1.");
  if (s.replicas < 1 || s.replica < 0 || s.replica >= s.replicas)
    throw ConfigError("Replica " + std::to_string(s.replica) + " of " + std::to_string(s.replicas) +
                      " does not exist; number replicas from 0.");
  if (s.kind == SamplerKind::kShuffle) {
    if (s.rng == SamplerRng::kNumpy)
      throw ConfigError(
          "data.sampler_rng=numpy has no plain shuffling; set data.sampler_rng=philox, or choose "
          "an N x M sampler.");
    return;
  }
  const std::string n = std::to_string(s.classes_per_batch),
                    m = std::to_string(s.samples_per_class);
  if (s.classes_per_batch < 1 || s.samples_per_class < 1)
    throw ConfigError("data.N_classes_per_batch is " + n + " and data.M_samples_per_class is " + m +
                      "; set both to at least 1.");
  // Divided, not multiplied: the product may not fit.
  if (s.batch_size % s.classes_per_batch != 0 ||
      s.batch_size / s.classes_per_batch != s.samples_per_class)
    throw ConfigError("Invalid batch_size " + std::to_string(s.batch_size) +
                      "; set data.batch_size to "
                      "data.N_classes_per_batch (" +
                      n + ") times data.M_samples_per_class (" + m + ").");
}

}  // namespace

Sampler::Sampler(const SamplerSettings& settings, std::int64_t whole_count)
    : settings_(settings),
      whole_count_(whole_count),
      batch_count_(settings.drop_last ? whole_count / settings.replicas
                                      : ceil_divide(whole_count, settings.replicas)) {}

Rows Sampler::batch(std::int64_t epoch, std::int64_t number) {
  BALR_CHECK(epoch >= 0 && number >= 0 && number < batch_count_);
  return whole_batch(epoch, (number * settings_.replicas + settings_.replica) % whole_count_);
}

std::unique_ptr<Sampler> make_sampler(const std::vector<std::int64_t>& labels,
                                      const SamplerSettings& settings) {
  check_settings(settings);
  if (labels.empty()) throw DataError("There are no rows to make batches of; check the input.");
  if (settings.kind == SamplerKind::kShuffle) {
    SamplerSettings fitting = settings;
    const auto rows = static_cast<std::int64_t>(labels.size());
    fitting.batch_size = std::min(settings.batch_size, rows);
    return std::make_unique<Shuffle>(rows, fitting);
  }
  std::vector<Rows> classes = class_rows(labels);
  if (static_cast<std::int64_t>(classes.size()) < settings.classes_per_batch)
    throw DataError("Not enough classes (" + std::to_string(classes.size()) + ") for batches of " +
                    std::to_string(settings.classes_per_batch) +
                    " classes; lower data.N_classes_per_batch or add speakers.");
  if (settings.kind == SamplerKind::kExhaustiveNxM)
    return std::make_unique<ExhaustiveNxM>(std::move(classes), settings);
  return std::make_unique<RandomNxM>(std::move(classes), settings);
}

}  // namespace balr
