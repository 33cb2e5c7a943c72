#include "balr/core/rng.hpp"

#include <numeric>
#include <unordered_set>

#include "balr/core/error.hpp"

namespace balr {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

Philox::Philox(std::uint64_t seed, std::uint64_t epoch, std::uint64_t stream)
    : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
      counter_{0, static_cast<std::uint32_t>(epoch), static_cast<std::uint32_t>(stream),
               static_cast<std::uint32_t>(stream >> 32)} {
  BALR_CHECK(epoch >> 32 == 0);
}

std::uint64_t Philox::next() {
  if (used_ == 4) {
    block_ = philox4x32(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  const std::uint64_t value = block_[used_] | std::uint64_t{block_[used_ + 1]} << 32;
  used_ += 2;
  return value;
}

std::uint64_t Philox::below(std::uint64_t bound) {
  BALR_CHECK(bound >= 1);
  unsigned __int128 product = static_cast<unsigned __int128>(next()) * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    // 2^64 mod bound low values are one too many: draw again there.
    const std::uint64_t threshold = (0 - bound) % bound;
    while (static_cast<std::uint64_t>(product) < threshold)
      product = static_cast<unsigned __int128>(next()) * bound;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

double Philox::uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

void Philox::shuffle(std::span<std::int64_t> values) {
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
}

std::vector<std::int64_t> Philox::permutation(std::int64_t count) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  shuffle(values);
  return values;
}

std::vector<std::int64_t> Philox::choose(std::int64_t count, std::int64_t draws, bool replacement) {
  BALR_CHECK(draws >= 0 && (replacement ? count > 0 || draws == 0 : draws <= count));
  std::vector<std::int64_t> values;
  values.reserve(static_cast<std::size_t>(draws));
  if (replacement) {
    for (std::int64_t i = 0; i < draws; ++i)
      values.push_back(static_cast<std::int64_t>(below(static_cast<std::uint64_t>(count))));
    return values;
  }
  // Floyd's set, then shuffled: the set's order is not uniform.
  std::unordered_set<std::int64_t> taken;
  for (std::int64_t last = count - draws; last < count; ++last) {
    const auto drawn = static_cast<std::int64_t>(below(static_cast<std::uint64_t>(last) + 1));
    values.push_back(taken.insert(drawn).second ? drawn : last);
    taken.insert(values.back());
  }
  shuffle(values);
  return values;
}

}  // namespace balr
