#include "balr/bae/sampler.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include "balr/core/error.hpp"
#include "support/golden.hpp"

namespace {

using balr::make_sampler;
using balr::SamplerKind;
using balr::SamplerRng;
using balr::SamplerSettings;
using Rows = std::vector<std::int64_t>;

const Rows kLabelsA = {0, 0, 0, 0, 0, 1, 1, 1, 2, 2};

SamplerSettings settings(SamplerKind kind, std::int64_t n, std::int64_t m, SamplerRng rng) {
  return {.kind = kind,
          .batch_size = n * m,
          .classes_per_batch = n,
          .samples_per_class = m,
          .rng = rng};
}

Rows epoch_of(const Rows& labels, const SamplerSettings& s, std::int64_t epoch) {
  const auto sampler = make_sampler(labels, s);
  Rows all;
  for (std::int64_t b = 0; b < sampler->batch_count(); ++b) {
    const Rows batch = sampler->batch(epoch, b);
    all.insert(all.end(), batch.begin(), batch.end());
  }
  return all;
}

Rows repeated(std::int64_t classes, std::int64_t rows) {
  Rows labels;
  for (std::int64_t i = 0; i < classes * rows; ++i) labels.push_back(i / rows);
  return labels;
}

// The Python program's samplers in distributed mode, seed 1234 (behaviour.md, appendix A).
TEST(NumpyOrder, SmallFigures) {
  SamplerSettings s = settings(SamplerKind::kRandomNxM, 2, 2, SamplerRng::kNumpy);
  EXPECT_EQ(epoch_of(kLabelsA, s, 0), (Rows{1, 3, 5, 6, 9, 8, 2, 0}));
  EXPECT_EQ(epoch_of(kLabelsA, s, 1), (Rows{4, 0, 5, 6, 8, 9, 1, 0}));
  s.replicas = 2;
  EXPECT_EQ(epoch_of(repeated(4, 5), s, 0), (Rows{4, 0, 15, 16}));
  s.replica = 1;
  EXPECT_EQ(epoch_of(repeated(4, 5), s, 0), (Rows{7, 5, 13, 10}));

  s = settings(SamplerKind::kExhaustiveNxM, 2, 2, SamplerRng::kNumpy);
  s.shuffle = false;
  EXPECT_EQ(epoch_of(kLabelsA, s, 0), (Rows{0, 1, 5, 6, 8, 9, 2, 3, 7, 5, 4, 0}));
  s.replicas = 2;
  EXPECT_EQ(epoch_of(kLabelsA, s, 0), (Rows{0, 1, 5, 6, 7, 5, 4, 0}));
  s.replica = 1;
  EXPECT_EQ(epoch_of(kLabelsA, s, 0), (Rows{8, 9, 2, 3, 0, 1, 5, 6}));
}

TEST(NumpyOrder, RecipeSize) {
  SamplerSettings s = settings(SamplerKind::kRandomNxM, 32, 16, SamplerRng::kNumpy);
  s.replicas = 4;
  const Rows labels = repeated(5994, 182);
  const Rows first = epoch_of(labels, s, 0), last = epoch_of(labels, s, 199);
  EXPECT_EQ(first.size(), 24064u);
  EXPECT_EQ(std::accumulate(first.begin(), first.end(), std::int64_t{0}), 13005241791);
  EXPECT_EQ(Rows(first.begin(), first.begin() + 6),
            (Rows{700578, 700626, 700575, 700608, 700658, 700672}));
  EXPECT_EQ(std::accumulate(last.begin(), last.end(), std::int64_t{0}), 12681762547);
  EXPECT_EQ(Rows(last.begin(), last.begin() + 3), (Rows{573548, 573625, 573545}));
}

// What the name of a golden dataset says, e.g.
// RandomNxMSampler/labels_a/N2M2/shuffle1_drop_last0/replicas2_rank1/epoch7.
SamplerSettings parse(const std::string& kind, const std::string& shape, const std::string& flags,
                      const std::string& rank) {
  int n = 0, m = 0, shuffle = 0, drop_last = 0, replicas = 0, replica = 0;
  EXPECT_EQ(std::sscanf(shape.c_str(), "N%dM%d", &n, &m), 2);
  EXPECT_EQ(std::sscanf(flags.c_str(), "shuffle%d_drop_last%d", &shuffle, &drop_last), 2);
  EXPECT_EQ(std::sscanf(rank.c_str(), "replicas%d_rank%d", &replicas, &replica), 2);
  SamplerSettings s =
      settings(kind == "RandomNxMSampler" ? SamplerKind::kRandomNxM : SamplerKind::kExhaustiveNxM,
               n, m, SamplerRng::kNumpy);
  s.shuffle = shuffle != 0;
  s.drop_last = drop_last != 0;
  s.replicas = replicas;
  s.replica = replica;
  return s;
}

TEST(NumpyOrder, EveryGoldenSequence) {
  BALR_NEEDS_TEST_DATA();
  using balr::test::children;
  const auto file = balr::test::test_data_folder() / "golden" / "samplers.h5";
  int compared = 0;
  for (const std::string kind : {"RandomNxMSampler", "ExhaustiveNxMSampler"})
    for (const std::string& set : children(file, kind)) {
      const Rows labels = balr::test::read_int(file, "labels/" + set).values;
      const std::string a = kind + "/" + set;
      for (const std::string& shape : children(file, a))
        for (const std::string& flags : children(file, a + "/" + shape))
          for (const std::string& rank : children(file, a + "/" + shape + "/" + flags)) {
            const std::string group = a + "/" + shape + "/" + flags + "/" + rank;
            const SamplerSettings s = parse(kind, shape, flags, rank);
            for (const std::string& epoch : children(file, group)) {
              SCOPED_TRACE(group + "/" + epoch);
              Rows ours = epoch_of(labels, s, std::stoll(epoch.substr(5)));
              const Rows theirs = balr::test::read_int(file, group + "/" + epoch).values;
              EXPECT_EQ(static_cast<double>(ours.size()),
                        balr::test::read_attribute(file, group + "/" + epoch, "len"));
              // With fewer batches than replicas some of the reference's ranks run dry; ours go on.
              ASSERT_LE(theirs.size(), ours.size());
              ours.resize(theirs.size());
              EXPECT_EQ(ours, theirs);
              ++compared;
            }
          }
    }
  EXPECT_GT(compared, 400);
}

TEST(NumpyOrder, GoldenRecipeSize) {
  BALR_NEEDS_TEST_DATA();
  using balr::test::children;
  const auto file = balr::test::test_data_folder() / "golden" / "samplers.h5";
  const Rows labels = repeated(5994, 182);
  int compared = 0;
  for (const std::string& kind : children(file, "recipe_size"))
    for (const std::string& rank : children(file, "recipe_size/" + kind))
      for (const std::string& epoch : children(file, "recipe_size/" + kind + "/" + rank)) {
        const std::string group = "recipe_size/" + kind + "/" + rank + "/" + epoch;
        SCOPED_TRACE(group);
        const Rows ours = epoch_of(labels, parse(kind, "N32M16", "shuffle1_drop_last0", rank),
                                   std::stoll(epoch.substr(5)));
        const Rows first = balr::test::read_int(file, group + "/first").values;
        EXPECT_EQ(Rows(ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(first.size())),
                  first);
        EXPECT_EQ(static_cast<double>(ours.size()),
                  balr::test::read_attribute(file, group, "count"));
        EXPECT_EQ(static_cast<double>(std::accumulate(ours.begin(), ours.end(), std::int64_t{0})),
                  balr::test::read_attribute(file, group, "sum"));
        ++compared;
      }
  EXPECT_EQ(compared, 5);
}

// The shape that both generators promise, checked from the labels alone.
void expect_random_nxm(const Rows& labels, const SamplerSettings& s, std::int64_t epoch) {
  std::map<std::int64_t, std::int64_t> sizes, visits;
  for (const std::int64_t label : labels) ++sizes[label];
  const auto sampler = make_sampler(labels, s);
  for (std::int64_t b = 0; b < sampler->batch_count(); ++b) {
    const Rows batch = sampler->batch(epoch, b);
    ASSERT_EQ(batch.size(), static_cast<std::size_t>(s.batch_size));
    std::set<std::int64_t> seen;
    for (std::int64_t n = 0; n < s.classes_per_batch; ++n) {
      const auto begin = batch.begin() + n * s.samples_per_class;
      const std::set<std::int64_t> rows(begin, begin + s.samples_per_class);
      const std::int64_t label = labels[static_cast<std::size_t>(*begin)];
      EXPECT_TRUE(seen.insert(label).second) << "class " << label << " twice in batch " << b;
      for (const std::int64_t row : rows) EXPECT_EQ(labels[static_cast<std::size_t>(row)], label);
      if (sizes[label] >= s.samples_per_class) {
        EXPECT_EQ(rows.size(), static_cast<std::size_t>(s.samples_per_class));
      }
      ++visits[label];
    }
  }
  const auto classes = static_cast<std::int64_t>(sizes.size());
  if (!s.drop_last) {
    EXPECT_EQ(static_cast<std::int64_t>(visits.size()), classes);  // nobody is forgotten
  }
  for (const auto& [label, count] : visits) EXPECT_LE(count, 2);
}

TEST(PhiloxOrder, RandomHasItsShape) {
  Rows labels = repeated(11, 7);
  labels.insert(labels.end(), {100, 200, 200, 100, 300});  // small classes, mixed
  for (const bool drop_last : {false, true})
    for (const std::int64_t n : {1, 3, 5, 14}) {
      SamplerSettings s = settings(SamplerKind::kRandomNxM, n, 4, SamplerRng::kPhilox);
      s.drop_last = drop_last;
      EXPECT_EQ(make_sampler(labels, s)->batch_count(), drop_last ? 14 / n : (14 + n - 1) / n);
      for (std::int64_t epoch = 0; epoch < 3; ++epoch) expect_random_nxm(labels, s, epoch);
    }
}

TEST(PhiloxOrder, ExhaustiveUsesEveryRow) {
  const Rows labels = repeated(6, 10);
  const SamplerSettings s = settings(SamplerKind::kExhaustiveNxM, 3, 5, SamplerRng::kPhilox);
  Rows all = epoch_of(labels, s, 4);
  for (std::size_t i = 0; i < all.size(); ++i)  // runs of M rows of one class
    EXPECT_EQ(labels[static_cast<std::size_t>(all[i])],
              labels[static_cast<std::size_t>(all[i / 5 * 5])]);
  std::sort(all.begin(), all.end());
  Rows every(60);
  std::iota(every.begin(), every.end(), 0);
  EXPECT_EQ(all, every);
}

TEST(PhiloxOrder, ShuffleUsesEveryRowOnce) {
  for (const std::int64_t batch_size : {1, 7, 40, 41, 1000}) {
    SamplerSettings s{.kind = SamplerKind::kShuffle, .batch_size = batch_size};
    Rows all = epoch_of(Rows(41, 0), s, 2);
    EXPECT_FALSE(std::is_sorted(all.begin(), all.end()));
    std::sort(all.begin(), all.end());
    Rows every(41);
    std::iota(every.begin(), every.end(), 0);
    EXPECT_EQ(all, every);
    s.drop_last = true;
    EXPECT_EQ(static_cast<std::int64_t>(epoch_of(Rows(41, 0), s, 2).size()),
              batch_size > 41 ? 41 : 41 / batch_size * batch_size);
    s.shuffle = s.drop_last = false;
    EXPECT_EQ(epoch_of(Rows(41, 0), s, 2), every);
  }
}

// Any batch, asked for in any order and of any object, is the same; seeds and epochs differ.
TEST(PhiloxOrder, BatchesArePure) {
  const Rows labels = repeated(9, 6);
  for (const SamplerKind kind :
       {SamplerKind::kRandomNxM, SamplerKind::kExhaustiveNxM, SamplerKind::kShuffle}) {
    SamplerSettings s = settings(kind, 3, 4, SamplerRng::kPhilox);
    const auto used = make_sampler(labels, s);
    for (const std::int64_t epoch : {5, 0, 5, 1})
      for (std::int64_t b = used->batch_count(); b-- > 0;)
        EXPECT_EQ(used->batch(epoch, b), make_sampler(labels, s)->batch(epoch, b));
    EXPECT_NE(used->batch(0, 0), used->batch(1, 0));
    s.seed = 1235;
    EXPECT_NE(used->batch(0, 0), make_sampler(labels, s)->batch(0, 0));
  }
}

// The default order is part of what a resumed run relies on: a change of it must be noticed. The
// figures are those of an independent implementation (Python: Philox, Lemire's method, Floyd's
// sets, Fisher-Yates).
TEST(PhiloxOrder, StaysAsItIs) {
  const SamplerSettings random = settings(SamplerKind::kRandomNxM, 2, 2, SamplerRng::kPhilox);
  EXPECT_EQ(epoch_of(kLabelsA, random, 0), (Rows{4, 3, 5, 7, 9, 8, 2, 1}));
  EXPECT_EQ(epoch_of(kLabelsA, random, 1), (Rows{0, 1, 7, 5, 8, 9, 1, 3}));
  EXPECT_EQ(epoch_of(kLabelsA, settings(SamplerKind::kExhaustiveNxM, 2, 2, SamplerRng::kPhilox), 0),
            (Rows{0, 2, 5, 6, 9, 8, 3, 0, 7, 5, 4, 1}));
}

TEST(Replicas, ShareTheWhole) {
  const Rows labels = repeated(10, 6);
  for (const SamplerRng rng : {SamplerRng::kPhilox, SamplerRng::kNumpy})
    for (const bool drop_last : {false, true})
      for (const int replicas : {1, 2, 3, 7}) {
        SamplerSettings s = settings(SamplerKind::kRandomNxM, 2, 3, rng);
        const auto whole = make_sampler(labels, s);
        s.replicas = replicas;
        s.drop_last = drop_last;
        for (s.replica = 0; s.replica < replicas; ++s.replica) {
          const auto own = make_sampler(labels, s);
          EXPECT_EQ(own->batch_count(), drop_last ? 5 / replicas : (5 + replicas - 1) / replicas);
          for (std::int64_t b = 0; b < own->batch_count(); ++b)
            EXPECT_EQ(own->batch(3, b), whole->batch(3, (b * replicas + s.replica) % 5));
        }
      }
}

template <class Exception>
std::string message_of(const Rows& labels, const SamplerSettings& s) {
  try {
    make_sampler(labels, s);
  } catch (const Exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Settings, AreChecked) {
  SamplerSettings s = settings(SamplerKind::kRandomNxM, 2, 2, SamplerRng::kPhilox);
  s.batch_size = 5;
  EXPECT_NE(message_of<balr::ConfigError>(kLabelsA, s).find("Invalid batch_size 5"),
            std::string::npos);
  s = settings(SamplerKind::kExhaustiveNxM, 4, 2, SamplerRng::kPhilox);
  EXPECT_NE(message_of<balr::DataError>(kLabelsA, s).find("Not enough classes (3)"),
            std::string::npos);
  EXPECT_NE(message_of<balr::DataError>({}, s).find("no rows"), std::string::npos);
  s = settings(SamplerKind::kRandomNxM, 0, 2, SamplerRng::kPhilox);
  EXPECT_THROW(make_sampler(kLabelsA, s), balr::ConfigError);
  s.batch_size = 4;
  EXPECT_NE(message_of<balr::ConfigError>(kLabelsA, s).find("N_classes_per_batch is 0"),
            std::string::npos);
  s = settings(SamplerKind::kShuffle, 2, 2, SamplerRng::kNumpy);
  EXPECT_NE(message_of<balr::ConfigError>(kLabelsA, s).find("philox"), std::string::npos);
  s = settings(SamplerKind::kRandomNxM, 2, 2, SamplerRng::kPhilox);
  s.replica = 1;
  EXPECT_THROW(make_sampler(kLabelsA, s), balr::ConfigError);
}

}  // namespace
