// Loops over rows give the same bytes whatever instructions they are made of: the library's, the
// best that this processor has, against a build without any beyond the basic ones.
#include <gtest/gtest.h>

#include <cstring>

#include "bae/loops_cases.hpp"

namespace balr {

std::map<std::string, std::vector<double>> run_plain_loops(std::int64_t n, float scale);

namespace {

TEST(Loops, SameBytesWithAnyInstructions) {
  for (const std::int64_t n : {1, 7, 16, 33, 100, 511, 1000})
    for (const float scale : {1e-4f, 1.0f, 30.0f}) {
      const auto ours = loops_cases::run(n, scale), plain = run_plain_loops(n, scale);
      ASSERT_EQ(ours.size(), 12u);
      for (const auto& [name, expected] : plain) {
        const std::vector<double>& actual = ours.at(name);
        ASSERT_EQ(actual.size(), expected.size());
        EXPECT_EQ(std::memcmp(actual.data(), expected.data(), actual.size() * sizeof(double)), 0)
            << name << " of " << n << ", scale " << scale;
      }
    }
}

}  // namespace
}  // namespace balr
