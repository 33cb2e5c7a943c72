#include <bit>
#include <numeric>
#include <random>
#include <unordered_set>

#include "balr/core/error.hpp"
#include "balr/core/rng.hpp"

namespace balr {
namespace {

constexpr std::uint32_t kShift = 16;

// numpy's SeedSequence, for entropy of at most 64 bits: a pool of four words, each mixed into each.
std::array<std::uint32_t, 4> seed_pool(std::uint64_t entropy) {
  std::uint32_t constant = 0x43b0d7e5;
  const auto hash = [&constant](std::uint32_t value) {
    value ^= constant;
    constant *= 0x931e8875u;
    value *= constant;
    return value ^ (value >> kShift);
  };
  const auto mix = [](std::uint32_t x, std::uint32_t y) {
    const std::uint32_t value = 0xca01f9ddu * x - 0x4973f715u * y;
    return value ^ (value >> kShift);
  };
  std::array<std::uint32_t, 4> pool = {hash(static_cast<std::uint32_t>(entropy)),
                                       hash(static_cast<std::uint32_t>(entropy >> 32)), hash(0),
                                       hash(0)};
  for (std::size_t source = 0; source < 4; ++source)
    for (std::size_t target = 0; target < 4; ++target)
      if (source != target) pool[target] = mix(pool[target], hash(pool[source]));
  return pool;
}

constexpr unsigned __int128 wide(std::uint64_t high, std::uint64_t low) {
  return static_cast<unsigned __int128>(high) << 64 | low;
}

constexpr unsigned __int128 kMultiplier = wide(0x2360ED051FC65DA4, 0x4385DF649FCCF645);

}  // namespace

std::vector<std::uint32_t> numpy_seed_state(std::uint64_t entropy, int count) {
  const std::array<std::uint32_t, 4> pool = seed_pool(entropy);
  std::vector<std::uint32_t> state;
  std::uint32_t constant = 0x8b51f9dd;
  for (int i = 0; i < count; ++i) {
    std::uint32_t value = pool[static_cast<std::size_t>(i % 4)] ^ constant;
    constant *= 0x58f38dedu;
    value *= constant;
    state.push_back(value ^ (value >> kShift));
  }
  return state;
}

NumpyGenerator::NumpyGenerator(std::uint64_t seed) {
  const std::vector<std::uint32_t> words = numpy_seed_state(seed, 8);
  const auto word64 = [&words](std::size_t i) {
    return words[2 * i] | std::uint64_t{words[2 * i + 1]} << 32;
  };
  increment_ = wide(word64(2), word64(3)) << 1 | 1;
  // The reference seeding of PCG: a step from 0, add the seed, another step.
  state_ = increment_ + wide(word64(0), word64(1));
  state_ = state_ * kMultiplier + increment_;
}

std::array<std::uint64_t, 4> NumpyGenerator::state() const {
  return {static_cast<std::uint64_t>(state_ >> 64), static_cast<std::uint64_t>(state_),
          static_cast<std::uint64_t>(increment_ >> 64), static_cast<std::uint64_t>(increment_)};
}

std::uint64_t NumpyGenerator::next64() {
  state_ = state_ * kMultiplier + increment_;
  const auto folded = static_cast<std::uint64_t>(state_ >> 64) ^ static_cast<std::uint64_t>(state_);
  return std::rotr(folded, static_cast<int>(state_ >> 122));
}

std::uint32_t NumpyGenerator::next32() {
  if (has_half_) {
    has_half_ = false;
    return half_;
  }
  const std::uint64_t both = next64();
  has_half_ = true;
  half_ = static_cast<std::uint32_t>(both >> 32);
  return static_cast<std::uint32_t>(both);
}

double NumpyGenerator::random() { return static_cast<double>(next64() >> 11) * 0x1p-53; }

std::uint64_t NumpyGenerator::bounded(std::uint64_t last) {
  if (last == 0) return 0;
  if (last == 0xFFFFFFFF) return next32();
  if (last == ~std::uint64_t{0}) return next64();
  const std::uint64_t bound = last + 1;
  if (last < 0xFFFFFFFF) {
    std::uint64_t product = next32() * bound;
    if (static_cast<std::uint32_t>(product) < bound) {
      const auto threshold = static_cast<std::uint32_t>((std::uint64_t{1} << 32) % bound);
      while (static_cast<std::uint32_t>(product) < threshold) product = next32() * bound;
    }
    return product >> 32;
  }
  unsigned __int128 product = static_cast<unsigned __int128>(next64()) * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    const std::uint64_t threshold = (0 - bound) % bound;
    while (static_cast<std::uint64_t>(product) < threshold)
      product = static_cast<unsigned __int128>(next64()) * bound;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t NumpyGenerator::masked(std::uint64_t last) {
  if (last == 0) return 0;
  const std::uint64_t mask = ~std::uint64_t{0} >> std::countl_zero(last);
  std::uint64_t value;
  do value = (last <= 0xFFFFFFFF ? next32() : next64()) & mask;
  while (value > last);
  return value;
}

std::int64_t NumpyGenerator::integers(std::int64_t low, std::int64_t high) {
  BALR_CHECK(low < high);
  const std::uint64_t last = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) - 1;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + bounded(last));
}

std::vector<std::int64_t> NumpyGenerator::permutation(std::int64_t count) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  for (std::size_t i = values.size(); i-- > 1;) std::swap(values[i], values[masked(i)]);
  return values;
}

void NumpyGenerator::shuffle_tail(std::vector<std::int64_t>& values, std::int64_t first) {
  for (auto i = static_cast<std::int64_t>(values.size()) - 1; i >= first; --i)
    std::swap(values[static_cast<std::size_t>(i)], values[bounded(static_cast<std::uint64_t>(i))]);
}

std::vector<std::int64_t> NumpyGenerator::choice(std::int64_t count, std::int64_t draws,
                                                 bool replace) {
  BALR_CHECK(draws >= 0 && (replace ? count > 0 || draws == 0 : draws <= count));
  std::vector<std::int64_t> values;
  if (replace) {
    for (std::int64_t i = 0; i < draws; ++i) values.push_back(integers(0, count));
    return values;
  }
  // numpy's own rule for which of two algorithms is used.
  if (count > 10000 && draws > count / 50) {
    values.resize(static_cast<std::size_t>(count));
    std::iota(values.begin(), values.end(), 0);
    shuffle_tail(values, std::max<std::int64_t>(count - draws, 1));
    return {values.end() - draws, values.end()};
  }
  std::unordered_set<std::int64_t> taken;
  for (std::int64_t last = count - draws; last < count; ++last) {
    const auto drawn = static_cast<std::int64_t>(bounded(static_cast<std::uint64_t>(last)));
    values.push_back(taken.insert(drawn).second ? drawn : last);
    taken.insert(values.back());
  }
  shuffle_tail(values, 1);
  return values;
}

std::vector<std::int64_t> legacy_numpy_randint(std::uint32_t seed, std::uint64_t bound,
                                               std::int64_t count) {
  BALR_CHECK(bound >= 1 && bound <= std::uint64_t{1} << 32);
  std::mt19937 generator(seed);  // numpy's legacy seeding with one integer is the standard one
  const auto last = static_cast<std::uint32_t>(bound - 1);
  const std::uint32_t mask = last == 0 ? 0 : ~std::uint32_t{0} >> std::countl_zero(last);
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint32_t value = 0;
    if (last > 0) do
        value = static_cast<std::uint32_t>(generator()) & mask;
      while (value > last);
    values.push_back(value);
  }
  return values;
}

}  // namespace balr
