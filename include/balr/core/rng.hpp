#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

// Random numbers. Ours are a pure function of (seed, epoch, stream, position), so any rank can make
// any of them without making the others. The numpy ones exist to reproduce the Python program's
// order.
namespace balr {

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

// The numbers of one (seed, epoch, stream): key = seed, counter = (position, epoch, stream).
// Up to 2^33 64-bit numbers; epoch is below 2^32.
class Philox {
 public:
  Philox(std::uint64_t seed, std::uint64_t epoch, std::uint64_t stream);

  std::uint64_t next();
  std::uint64_t below(
      std::uint64_t bound);  // uniform in [0, bound), bound >= 1; without bias (Lemire, 2019)
  double uniform();          // in [0, 1), a multiple of 2^-53

  void shuffle(std::span<std::int64_t> values);               // Fisher-Yates
  std::vector<std::int64_t> permutation(std::int64_t count);  // of 0 .. count - 1
  // `draws` numbers below count: all different, in random order, or, with replacement, independent.
  // Costs O(draws) (up to a hash set), whatever count is. Without replacement, draws <= count.
  std::vector<std::int64_t> choose(std::int64_t count, std::int64_t draws, bool replacement);

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;  // words of block_ already given out
};

// numpy.random.SeedSequence(entropy).generate_state(count, uint32).
std::vector<std::uint32_t> numpy_seed_state(std::uint64_t entropy, int count);

// numpy.random.default_rng(seed): PCG64. The same numbers as numpy 1.17 to 2.x, call by call.
class NumpyGenerator {
 public:
  explicit NumpyGenerator(std::uint64_t seed);

  std::uint64_t next64();
  std::uint32_t next32();  // low half of a 64-bit number first, then its high half
  double random();
  std::int64_t integers(std::int64_t low, std::int64_t high);  // in [low, high), high > low
  std::vector<std::int64_t> permutation(std::int64_t count);
  std::vector<std::int64_t> choice(std::int64_t count, std::int64_t draws, bool replace);

  // State and increment as (state high, state low, increment high, increment low).
  std::array<std::uint64_t, 4> state() const;

 private:
  std::uint64_t bounded(std::uint64_t last);  // uniform in [0, last], Lemire
  std::uint64_t masked(std::uint64_t last);   // uniform in [0, last], rejection under a mask
  void shuffle_tail(std::vector<std::int64_t>& values, std::int64_t first);

  unsigned __int128 state_ = 0, increment_ = 0;
  bool has_half_ = false;
  std::uint32_t half_ = 0;
};

// numpy.random.seed(seed); numpy.random.randint(0, bound, size=count): the legacy generator
// (MT19937), which draws the sparsity loss's targets. 1 <= bound <= 2^32.
std::vector<std::int64_t> legacy_numpy_randint(std::uint32_t seed, std::uint64_t bound,
                                               std::int64_t count);

}  // namespace balr
