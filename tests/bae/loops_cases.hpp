// No include guard: included once for each build of the loops, see loops_test.cpp.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "bae/element_wise.hpp"
#include "bae/formula_data.hpp"
#include "bae/pair_loops.hpp"

namespace balr::loops_cases {

using Outcomes = std::map<std::string, std::vector<double>>;  // every float is a double too

inline Outcomes run(std::int64_t n, float scale) {
  namespace ew = element_wise;
  namespace pl = pair_loops;
  const auto size = static_cast<std::size_t>(n);
  const auto floats = [](std::int64_t count, std::uint64_t stream, float factor) {
    std::vector<float> out;
    for (std::int64_t i = 0; i < count; ++i)
      out.push_back(factor * test::noise((stream << 32) + static_cast<std::uint64_t>(i)));
    return out;
  };
  Outcomes out;
  const auto keep = [&](const char* name, const auto& values) {
    out[name].insert(out[name].end(), values.begin(), values.end());
  };
  const auto a = floats(n, 1, scale), b = floats(n, 2, 1.0f), c = floats(n, 3, 1.0f);

  auto x = a;
  ew::tanh(x.data(), n);
  keep("tanh", x);
  keep("dot", std::vector<double>{ew::dot(a.data(), b.data(), n)});
  x = a;
  ew::project(x.data(), b.data(), 0.3f, 1.7f, n);
  keep("project", x);
  ew::normalize(a.data(), b.data(), c.data(), b.data(), c.data(), x.data(), n);
  keep("normalize", x);
  std::vector<double> sums(2 * size);
  ew::add_normalize_sums(a.data(), c.data(), b.data(), sums.data(), sums.data() + n, n);
  keep("add_normalize_sums", sums);
  x = a;
  const ew::ArcFace layer{64, 0.8779829754279805, 0.4786918579406068, 0.24};
  const double entropy =
      ew::arcface_row(layer, x.data(), 0.9f / scale, b.data(), n / 2, true, 0.01, n);
  keep("arcface_row", x);
  keep("arcface_row", std::vector<double>{entropy});
  const std::vector<double> targets(size, 0.1), wide(a.begin(), a.end());
  keep("excess", std::vector<double>{ew::excess(wide.data(), targets.data(), 0.7, x.data(), n)});
  keep("excess", x);

  // Codes of 70 bits from the signs of noise.
  std::vector<float> words(3 * size), bits = floats(70 * n, 4, 1.0f);
  for (float& bit : bits) bit = bit > 0 ? 1.0f : 0.0f;
  for (std::int64_t j = 0; j < n; ++j)
    ew::pack_bits(bits.data() + 70 * j, words.data() + 3 * j, 70);
  const pl::BitColumns columns(words.data(), n, 3, 70);
  std::vector<std::int32_t> common(size), hits(size), of_positive(3);
  columns.common(0, common.data());
  keep("common", common);
  const std::vector<double> squares(size, 1.0);
  std::vector<double> inverses;
  for (std::int64_t j = 0; j < n; ++j)
    inverses.push_back(1 / std::sqrt(static_cast<double>(columns.ones(j))));
  std::vector<float> d(size);
  pl::distances({1, inverses[0]}, squares.data(), inverses.data(), common.data(), d.data(), n);
  keep("distances", d);
  const float positives[] = {0.5f, 0.9f, 1.0f};
  pl::count_triplets(positives, d.data(), {-0.1f, 0.2f}, of_positive.data(), hits.data(), n);
  keep("count_triplets", hits);
  keep("count_triplets", of_positive);
  const std::vector<std::int16_t> counts(hits.begin(), hits.end());
  pl::pull(counts.data(), counts.data(), 0.1f, b.data(), d.data(), x.data(), n);
  keep("pull", x);
  keep("dot of counts", std::vector<double>{pl::dot(counts.data(), d.data(), n)});
  return out;
}

}  // namespace balr::loops_cases
