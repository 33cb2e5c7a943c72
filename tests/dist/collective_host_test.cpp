#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "balr/core/error.hpp"
#include "balr/dist/collective.hpp"
#include "balr/dist/world.hpp"

namespace balr {
namespace {

struct CollectiveTest : ::testing::Test {
  std::unique_ptr<World> world = World::start(nullptr, nullptr);
  std::unique_ptr<Collective> all = make_collective(*world, at::kCPU);
  int rank = world->rank(), size = world->size();
};

TEST_F(CollectiveTest, IsTheRightOne) {
  EXPECT_EQ(all->name(), size == 1 ? "local" : "mpi");
  EXPECT_EQ(all->rank(), rank);
  EXPECT_EQ(all->size(), size);
}

TEST_F(CollectiveTest, SumsOfKnownIntegersAreExact) {
  for (const auto type : {at::kFloat, at::kDouble, at::kLong, at::kInt}) {
    at::Tensor values = at::arange(1000, at::TensorOptions(type)) * (rank + 1);
    all->all_reduce_sum(values, "sum");
    const at::Tensor expected = at::arange(1000, at::TensorOptions(type)) * (size * (size + 1) / 2);
    EXPECT_TRUE(at::equal(values, expected)) << type;
  }
}

TEST_F(CollectiveTest, AddsInRankOrder) {
  // 1e8 swallows a 1, and taken back gives it free: only one order of adding gives each value.
  const float terms[4] = {1e8f, 1.f, -1e8f, 1.f};
  at::Tensor value = at::full({3, 5}, terms[rank]);
  all->all_reduce_sum(value, "sum");
  float expected = terms[0];
  for (int r = 1; r < size; ++r) expected += terms[r];
  EXPECT_TRUE(at::equal(value, at::full({3, 5}, expected)));
}

TEST_F(CollectiveTest, SumsLargerThanOnePiece) {
  const std::int64_t count = 5'000'003;  // 20 MB a rank
  at::Tensor values = at::arange(count, at::kFloat).remainder(4096) + rank;
  all->all_reduce_sum(values, "sum");
  const at::Tensor expected = at::arange(count, at::kFloat).remainder(4096) * size + size * (size - 1) / 2;
  EXPECT_TRUE(at::equal(values, expected));
}

TEST_F(CollectiveTest, SumsKeepShapeAndAcceptNothing) {
  at::Tensor scalar = at::full({}, 2.0), none = at::empty({0, 4});
  all->all_reduce_sum(scalar, "scalar");
  all->all_reduce_sum(none, "none");
  EXPECT_EQ(scalar.item<double>(), 2.0 * size);
  EXPECT_EQ(scalar.dim(), 0);
  EXPECT_EQ(none.size(0), 0);
}

TEST_F(CollectiveTest, GathersUnequalRows) {
  std::vector<std::int64_t> rows;
  std::vector<at::Tensor> parts;
  for (int r = 0; r < size; ++r) {
    rows.push_back((2 * r + 3) % 5);  // 3, 0, 2, 4
    parts.push_back(at::arange(rows.back() * 14, at::kFloat).view({rows.back(), 7, 2}) + 1000 * r);
  }
  const at::Tensor got = all->all_gather(parts[static_cast<std::size_t>(rank)], rows, "rows");
  EXPECT_TRUE(at::equal(got, at::cat(parts)));
}

TEST_F(CollectiveTest, GathersBytesAndNothing) {
  const std::vector<std::int64_t> one(static_cast<std::size_t>(size), 1), none(static_cast<std::size_t>(size), 0);
  const at::Tensor got = all->all_gather(at::full({1, 3}, rank, at::kByte), one, "bytes");
  for (int r = 0; r < size; ++r) EXPECT_TRUE(at::equal(got[r], at::full({3}, r, at::kByte)));
  EXPECT_EQ(all->all_gather(at::empty({0, 3}), none, "none").sizes(), (at::IntArrayRef{0, 3}));
}

TEST_F(CollectiveTest, TheResultIsNotTheArgument) {
  at::Tensor mine = at::ones({2, 2});
  const at::Tensor got = all->all_gather(mine, std::vector<std::int64_t>(static_cast<std::size_t>(size), 2), "rows");
  mine.zero_();
  EXPECT_EQ(got.sum().item<float>(), 4.f * static_cast<float>(size));
}

TEST_F(CollectiveTest, BroadcastsFromEveryRank) {
  for (int root = 0; root < size; ++root) {
    at::Tensor values = at::arange(12, at::kLong).view({3, 4}) + 100 * rank;
    all->broadcast(values, root, "values");
    EXPECT_TRUE(at::equal(values, at::arange(12, at::kLong).view({3, 4}) + 100 * root));
  }
}

TEST_F(CollectiveTest, WrongRowCountsAreRefusedBeforeAnybodyWaits) {
  EXPECT_THROW(all->all_gather(at::ones({2, 2}), std::vector<std::int64_t>(static_cast<std::size_t>(size), 1), "rows"),
               InternalError);
}

}  // namespace
}  // namespace balr
