#include "balr/scoring/embedding_cosine.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace balr {
namespace {

using Rows = std::vector<std::int64_t>;

double score(const EmbeddingCosine& cosine, const Rows& e, const Rows& t) {
  return cosine.score(e, t);
}

TEST(EmbeddingCosine, KnownAngles) {
  const std::vector<float> vectors{1, 0, 0, 0, 2, 0, 3, 3, 0, -1, 0, 0};
  const EmbeddingCosine cosine(vectors, 3, {0, 0, 0});
  EXPECT_NEAR(score(cosine, {0}, {0}), 1, 1e-15);
  EXPECT_NEAR(score(cosine, {0}, {1}), 0, 1e-15);
  EXPECT_NEAR(score(cosine, {0}, {2}), std::sqrt(0.5), 1e-15);
  EXPECT_NEAR(score(cosine, {0}, {3}), -1, 1e-15);
  // Recordings are averaged after they are normalised: the length of one does not matter.
  EXPECT_NEAR(score(cosine, {0, 1}, {2}), 1, 1e-15);
  EXPECT_EQ(score(cosine, {0, 3}, {2}), 0);  // they cancel out
}

TEST(EmbeddingCosine, TheMeanIsSubtracted) {
  const std::vector<float> vectors{3, 2, 1, 5, 1, 2};
  const EmbeddingCosine cosine(vectors, 2, {1, 2});
  EXPECT_NEAR(score(cosine, {0}, {1}), 0, 1e-15);  // (2, 0) and (0, 3)
  EXPECT_TRUE(cosine.usable(0));
  EXPECT_FALSE(cosine.usable(2));  // the mean itself
  EXPECT_EQ(mean_vector(vectors, 2), (std::vector<double>{5.0 / 3, 3}));
}

}  // namespace
}  // namespace balr
