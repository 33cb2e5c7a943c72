#include "balr/core/rng.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "support/golden.hpp"

namespace {

using balr::NumpyGenerator;
using balr::Philox;
using Values = std::vector<std::int64_t>;

// Known answers published with Random123 1.14 (kat_vectors, philox4x32 10).
TEST(Philox, KnownAnswers) {
  const std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(balr::philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(balr::philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(
      balr::philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      (std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, StreamIsTheCounter) {
  Philox generator(0xa4093822ull | 0x299f31d0ull << 32, 0x85a308d3,
                   0x13198a2eull | 0x03707344ull << 32);
  for (std::uint32_t position = 0; position < 3; ++position) {
    const auto block =
        balr::philox4x32({position, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0});
    EXPECT_EQ(generator.next(), block[0] | std::uint64_t{block[1]} << 32);
    EXPECT_EQ(generator.next(), block[2] | std::uint64_t{block[3]} << 32);
  }
}

TEST(Philox, SeedEpochAndStreamAllMatter) {
  std::set<std::uint64_t> first;
  for (std::uint64_t i = 0; i < 2; ++i)
    for (std::uint64_t j = 0; j < 2; ++j)
      for (std::uint64_t k = 0; k < 2; ++k)
        for (const std::uint64_t high : {std::uint64_t{0}, std::uint64_t{1} << 32})
          first.insert(Philox(i + high, j, k + (high << 1)).next());
  EXPECT_EQ(first.size(), 16u);
}

// Chi-square with 6 degrees of freedom exceeds 22.5 once in 1,000 random generators; this one is
// fixed.
TEST(Philox, BelowIsUniform) {
  Philox generator(1, 2, 3);
  std::array<double, 7> counts{};
  for (int i = 0; i < 70000; ++i) counts[generator.below(7)] += 1;
  double chi = 0;
  for (const double count : counts) chi += (count - 10000) * (count - 10000) / 10000;
  EXPECT_LT(chi, 22.5);
  EXPECT_GT(chi, 0.3);
  EXPECT_EQ(generator.below(1), 0u);
}

// Where nearly half of all draws must be rejected, a missing rejection shows as a bias to even
// numbers.
TEST(Philox, BelowRejects) {
  Philox generator(5, 0, 0);
  const std::uint64_t bound = (std::uint64_t{1} << 63) + (std::uint64_t{1} << 62);  // 3/4 of 2^64
  std::array<int, 3> thirds{};
  for (int i = 0; i < 30000; ++i) ++thirds[generator.below(bound) / (std::uint64_t{1} << 62)];
  for (const int count : thirds) EXPECT_NEAR(count, 10000, 400);
}

TEST(Philox, UniformIsInRange) {
  Philox generator(9, 9, 9);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double value = generator.uniform();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.015);
}

TEST(Philox, PermutationsAreUniform) {
  std::map<Values, int> counts;
  for (std::uint64_t stream = 0; stream < 12000; ++stream) {
    Values values = Philox(3, 0, stream).permutation(4);
    ++counts[values];
    std::sort(values.begin(), values.end());
    ASSERT_EQ(values, (Values{0, 1, 2, 3}));
  }
  EXPECT_EQ(counts.size(), 24u);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 500, 110);
}

TEST(Philox, ChoiceWithoutReplacementIsUniformAndDistinct) {
  std::map<Values, int> counts;
  for (std::uint64_t stream = 0; stream < 12000; ++stream) {
    const Values values = Philox(4, 0, stream).choose(4, 2, false);
    ASSERT_EQ(values.size(), 2u);
    ASSERT_NE(values[0], values[1]);
    ++counts[values];
  }
  EXPECT_EQ(counts.size(), 12u);
  for (const auto& [pair, count] : counts) EXPECT_NEAR(count, 1000, 150);
}

TEST(Philox, ChoiceCoversItsEdges) {
  Values all = Philox(1, 1, 1).choose(5, 5, false);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, (Values{0, 1, 2, 3, 4}));
  EXPECT_TRUE(Philox(1, 1, 1).choose(0, 0, false).empty());
  const Values many = Philox(1, 1, 1).choose(3, 100, true);
  EXPECT_EQ(std::set<std::int64_t>(many.begin(), many.end()), (std::set<std::int64_t>{0, 1, 2}));
  EXPECT_ANY_THROW(Philox(1, 1, 1).choose(2, 3, false));
}

// Figures printed by numpy 1.26.4: default_rng(1234), SeedSequence(1234), RandomState(1234).
TEST(Numpy, FiguresOfSeed1234) {
  EXPECT_EQ(balr::numpy_seed_state(1234, 2),
            (std::vector<std::uint32_t>{2906597030u, 1602421836u}));
  EXPECT_EQ(NumpyGenerator(1234).next64(), 18016930633132456890u);
  EXPECT_EQ(NumpyGenerator(1234).permutation(10), (Values{8, 9, 5, 0, 2, 6, 4, 7, 1, 3}));
  EXPECT_EQ(NumpyGenerator(1234).choice(10, 5, false), (Values{6, 7, 3, 5, 1}));
  EXPECT_EQ(NumpyGenerator(1234).choice(10, 5, true), (Values{9, 9, 9, 3, 1}));
  EXPECT_NEAR(NumpyGenerator(1234).random(), 0.97669977, 1e-8);
  EXPECT_EQ(balr::legacy_numpy_randint(1234, 16, 10), (Values{15, 3, 6, 5, 12, 4, 8, 9, 15, 1}));
}

// numpy.random.PCG64(1234): its state and increment, and its first numbers.
TEST(Numpy, StateAndRawNumbersOfSeed1234) {
  const std::vector<std::uint64_t> raw = {
      18016930633132456890u, 7013373421822782593u,  17030886991259909300u, 4827373169039523470u,
      5886301771240251012u,  2178398751884474106u,  4459800937283539335u,  5875913863038956187u,
      17784123102580591580u, 4863480464546270971u,  8135127068460244784u,  11250130739443087362u,
      15931001034431284829u, 15933516694482233460u, 12449362867490806221u, 12172533217613591213u};
  NumpyGenerator generator(1234);
  EXPECT_EQ(generator.state(),
            (std::array<std::uint64_t, 4>{1588319588108345834u, 17769945453465719817u,
                                          5821178591299037774u, 15056972703358403365u}));
  for (const std::uint64_t number : raw) EXPECT_EQ(generator.next64(), number);
}

class NumpyGolden : public ::testing::Test {
 protected:
  static std::filesystem::path file() {
    return balr::test::test_data_folder() / "golden" / "samplers.h5";
  }
  static Values golden(const std::string& name) {
    return balr::test::read_int(file(), name).values;
  }
};

TEST_F(NumpyGolden, Seed) {
  BALR_NEEDS_TEST_DATA();
  const std::vector<std::uint32_t> words = balr::numpy_seed_state(1234, 8);
  EXPECT_EQ(Values(words.begin(), words.end()), golden("pcg64/seed_sequence"));
}

TEST_F(NumpyGolden, PermutationsAndChoices) {
  BALR_NEEDS_TEST_DATA();
  EXPECT_EQ(NumpyGenerator(1234).permutation(10), golden("pcg64/permutation10"));
  EXPECT_EQ(NumpyGenerator(1234).permutation(1000), golden("pcg64/permutation1000"));
  EXPECT_EQ(NumpyGenerator(1234).choice(10, 5, false), golden("pcg64/choice10_5"));
  EXPECT_EQ(NumpyGenerator(1234).choice(10, 5, true), golden("pcg64/choice10_5_replace"));
  EXPECT_EQ(NumpyGenerator(1234).choice(182, 16, false), golden("pcg64/choice182_16"));
  EXPECT_EQ(NumpyGenerator(1234).choice(20000, 300, false), golden("pcg64/choice20000_300"));
  EXPECT_EQ(NumpyGenerator(1234).choice(20000, 500, false), golden("pcg64/choice20000_500"));
}

TEST_F(NumpyGolden, OneGeneratorCalledInTurn) {
  BALR_NEEDS_TEST_DATA();
  NumpyGenerator generator(1234);
  Values all;
  for (const Values& part : {generator.permutation(7), generator.choice(50, 8, false),
                             generator.choice(5, 8, true), generator.permutation(6)})
    all.insert(all.end(), part.begin(), part.end());
  EXPECT_EQ(all, golden("pcg64/sequence"));
}

TEST_F(NumpyGolden, IntegersAndFractions) {
  BALR_NEEDS_TEST_DATA();
  NumpyGenerator integers(1234), fractions(1234);
  for (const std::int64_t value : golden("pcg64/integers_bounded"))
    EXPECT_EQ(integers.integers(0, 1000), value);
  for (const double value : balr::test::read_double(file(), "pcg64/random").values)
    EXPECT_EQ(fractions.random(), value);
}

TEST_F(NumpyGolden, LegacyGenerator) {
  BALR_NEEDS_TEST_DATA();
  EXPECT_EQ(balr::legacy_numpy_randint(1234, 16, 512), golden("mt19937/randint16_512"));
  EXPECT_EQ(balr::legacy_numpy_randint(1234, 8, 512), golden("mt19937/randint8_512"));
  EXPECT_EQ(balr::legacy_numpy_randint(1234, 12, 64), golden("mt19937/randint12_64"));
  EXPECT_EQ(balr::legacy_numpy_randint(1234, std::uint64_t{1} << 32, 16), golden("mt19937/raw"));
}

// Ranges beyond 32 bits, from numpy 2.4.6: default_rng(7).integers(-2**40, 2**41, 4) and
// default_rng(7).integers(0, 2**32, 4); a seed beyond 32 bits: default_rng(2**40 +
// 5).permutation(6).
TEST(Numpy, WideRangesAndSeeds) {
  NumpyGenerator wide(7), whole(7);
  for (const std::int64_t value : Values{962387574229, 1859979392525, 1459114679996, -356657855616})
    EXPECT_EQ(wide.integers(-(std::int64_t{1} << 40), std::int64_t{1} << 41), value);
  for (const std::int64_t value : Values{4058335883, 2684764585, 2938530453, 3853503932})
    EXPECT_EQ(whole.integers(0, std::int64_t{1} << 32), value);
  EXPECT_EQ(NumpyGenerator((std::uint64_t{1} << 40) + 5).permutation(6),
            (Values{1, 0, 2, 5, 4, 3}));
}

}  // namespace
