// The nccl back end over a double of libnccl: which calls it makes, that it never blocks, and what
// becomes of errors. On 1 to 4 ranks.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"
#include "dist/collective_nccl.hpp"
#include "host_stream.hpp"
#include "nccl_double.hpp"

namespace balr {
namespace {

using nccl_double::Call;
using nccl_double::How;
using Calls = std::vector<Call>;

struct NcclTest : ::testing::Test {
  void SetUp() override {
    start();
    nccl_double::forget_calls();
  }
  void TearDown() override { nccl_double::set_late(false); }
  void start() { all = make_nccl_collective(*world, std::make_unique<test::HostStream>()); }
  static std::int64_t aborts() {
    return std::ranges::count(nccl_double::calls(), "ncclCommAbort", &Call::function);
  }

  std::unique_ptr<World> world = World::start(nullptr, nullptr);
  int rank = world->rank(), size = world->size();
  std::unique_ptr<Collective> all;
};

std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const InternalError& error) {
    return error.what();
  }
  return {};
}

TEST_F(NcclTest, StartsInOneCallOfEachRank) {
  all.reset();
  nccl_double::forget_calls();
  start();
  Calls expected = {{"ncclCommInitRankConfig", static_cast<std::uint64_t>(size), 0, -1}};
  if (rank == 0) expected.insert(expected.begin(), {"ncclGetUniqueId"});
  EXPECT_EQ(nccl_double::calls(), expected);
  EXPECT_EQ(all->name(), "nccl");
  EXPECT_EQ(all->rank(), rank);
  EXPECT_EQ(all->size(), size);
}

TEST_F(NcclTest, SumsAreExactAndTakeOneCall) {
  for (const auto& [type, code] : {std::pair{at::kFloat, ncclFloat32},
                                   {at::kDouble, ncclFloat64},
                                   {at::kLong, ncclInt64},
                                   {at::kInt, ncclInt32}}) {
    nccl_double::forget_calls();
    at::Tensor values = at::arange(1000, at::TensorOptions(type)) * (rank + 1);
    all->all_reduce_sum(values, "sum");
    all->finish("sum");
    const at::Tensor expected = at::arange(1000, at::TensorOptions(type)) * (size * (size + 1) / 2);
    EXPECT_TRUE(at::equal(values, expected)) << type;
    EXPECT_EQ(nccl_double::calls(), (Calls{{"ncclAllReduce", 1000, code, -1}}));
  }
}

TEST_F(NcclTest, NothingIsSentForNothing) {
  at::Tensor none = at::empty({0, 4});
  all->all_reduce_sum(none, "none");
  all->broadcast(none, 0, "none");
  const std::vector<std::int64_t> rows(static_cast<std::size_t>(size), 0);
  EXPECT_EQ(all->all_gather(none, rows, "none").size(0), 0);
  EXPECT_EQ(nccl_double::calls(), Calls{});
}

TEST_F(NcclTest, GathersEqualRowsInOneCall) {
  const std::vector<std::int64_t> rows(static_cast<std::size_t>(size), 3);
  const at::Tensor got = all->all_gather(at::full({3, 5}, rank, at::kInt), rows, "gather");
  all->finish("gather");
  ASSERT_EQ(got.sizes(), (std::vector<std::int64_t>{3 * size, 5}));
  for (int r = 0; r < size; ++r)
    EXPECT_TRUE(at::equal(got.narrow(0, 3 * r, 3), at::full({3, 5}, r, at::kInt)));
  EXPECT_EQ(nccl_double::calls(), (Calls{{"ncclAllGather", 3 * 5 * 4, ncclUint8, -1}}));
}

TEST_F(NcclTest, GathersUnequalRowsInOneGroupInRankOrder) {
  std::vector<std::int64_t> rows;
  for (int r = 0; r < size; ++r) rows.push_back(r == 1 ? 0 : r + 1);  // rank 1 has none
  const std::int64_t mine = rows[static_cast<std::size_t>(rank)];
  const at::Tensor got = all->all_gather(at::full({mine, 2}, rank, at::kFloat), rows, "gather");
  all->finish("gather");
  std::int64_t begin = 0;
  Calls expected = {{"ncclGroupStart"}};
  for (int r = 0; r < size; ++r) {
    const std::int64_t n = rows[static_cast<std::size_t>(r)];
    EXPECT_TRUE(at::equal(got.narrow(0, begin, n), at::full({n, 2}, r, at::kFloat)));
    begin += n;
    if (n > 0)
      expected.push_back({"ncclBroadcast", static_cast<std::uint64_t>(n) * 8, ncclUint8, r});
  }
  EXPECT_EQ(got.size(0), begin);
  expected.push_back({"ncclGroupEnd"});
  if (size == 1) expected = {{"ncclAllGather", 8, ncclUint8, -1}};
  EXPECT_EQ(nccl_double::calls(), expected);
}

TEST_F(NcclTest, BroadcastsBytesFromAnyRank) {
  for (int root = 0; root < size; ++root) {
    nccl_double::forget_calls();
    at::Tensor values = at::full({7}, rank, at::kDouble);
    all->broadcast(values, root, "broadcast");
    all->finish("broadcast");
    EXPECT_TRUE(at::equal(values, at::full({7}, root, at::kDouble)));
    EXPECT_EQ(nccl_double::calls(), (Calls{{"ncclBroadcast", 56, ncclUint8, root}}));
  }
}

// A call returns before the others have made theirs; finish() does not.
TEST_F(NcclTest, OnlyFinishWaitsForTheOthers) {
  if (size == 1) GTEST_SKIP() << "needs another rank";
  nccl_double::set_late(true);
  at::Tensor values = at::full({1000}, rank + 1, at::kFloat);
  if (rank == 0) {
    all->all_reduce_sum(values, "sum");
    EXPECT_LT(nccl_double::done(), nccl_double::queued());
  }
  world->barrier("rank 0 has called");
  if (rank != 0) all->all_reduce_sum(values, "sum");
  all->finish("sum");
  EXPECT_EQ(nccl_double::done(), nccl_double::queued());
  EXPECT_TRUE(at::equal(values, at::full({1000}, size * (size + 1) / 2, at::kFloat)));
}

TEST_F(NcclTest, ErrorsAtTheStartAreSaidAndTheCommunicatorIsAborted) {
  for (const How how : {How::kReturned, How::kLater}) {
    all.reset();
    nccl_double::forget_calls();
    nccl_double::plan({"ncclCommInitRankConfig", 1, how, ncclSystemError});
    const std::string text = error_of([&] { start(); });
    EXPECT_NE(text.find("NCCL failed in 'nccl start': unhandled system error"), std::string::npos)
        << text;
    EXPECT_NE(text.find("NCCL_DEBUG=INFO"), std::string::npos);
    EXPECT_EQ(aborts(), how == How::kReturned ? 0 : 1);  // there is one to abort
  }
}

// Rank 0 alone asks for the id: all ranks hear of its failure, and whose it is.
TEST_F(NcclTest, AFailureOfRankZeroAloneIsAgreed) {
  all.reset();
  if (rank == 0) nccl_double::plan({"ncclGetUniqueId"});
  const std::string text = error_of([&] { start(); });
  EXPECT_NE(text.find("unhandled system error"), std::string::npos) << text;
  EXPECT_EQ(text.find("(rank 0)") != std::string::npos, size > 1) << text;
}

TEST_F(NcclTest, ErrorsOfAnOperationAreSaidOnceAndForAll) {
  for (const How how : {How::kReturned, How::kLater})
    for (const bool late : {false, true}) {
      all.reset();
      start();
      nccl_double::forget_calls();
      nccl_double::set_late(late);
      nccl_double::plan({"ncclAllReduce", 3, how, ncclRemoteError});
      at::Tensor values = at::ones({10});
      const std::string text = error_of([&] {
        for (int i = 0; i < 3; ++i) all->all_reduce_sum(values, "gradients");
        all->finish("the step");
      });
      EXPECT_NE(text.find("NCCL failed in 'gradients': remote process exited"), std::string::npos)
          << text;
      EXPECT_EQ(aborts(), 1);
      EXPECT_NE(error_of([&] { all->all_reduce_sum(values, "next"); }).find("given up"),
                std::string::npos);
      all.reset();
      EXPECT_EQ(aborts(), 1);  // not twice
    }
}

// What appears while the host waits for the device, long after the call.
TEST_F(NcclTest, ErrorsOfTheDeviceEndTheWait) {
  nccl_double::set_late(true);
  at::Tensor few = at::ones({rank == 0 ? 3 : 4});
  const std::string text = error_of([&] {
    all->all_reduce_sum(few, "losses");
    all->finish("the ring of losses");
  });
  if (size == 1) {
    EXPECT_EQ(text, "");
    return;
  }
  EXPECT_NE(text.find("NCCL failed in"), std::string::npos) << text;
  EXPECT_NE(text.find("invalid usage (rank "), std::string::npos) << text;
  EXPECT_NE(text.find("ncclAllReduce of 3"), std::string::npos) << text;
  EXPECT_EQ(aborts(), 1);
}

TEST_F(NcclTest, TheEndAbortsOnceAndWaitsForNobody) {
  at::Tensor values = at::ones({10});
  all->all_reduce_sum(values, "sum");
  all.reset();
  EXPECT_EQ(aborts(), 1);
}

TEST_F(NcclTest, OtherDevicesAndGapsAreRefused) {
  at::Tensor gaps = at::ones({4, 4}).t();
  EXPECT_THROW(all->all_reduce_sum(gaps, "sum"), std::exception);
  at::Tensor bytes = at::ones({4}, at::kByte);
  EXPECT_THROW(all->all_reduce_sum(bytes, "sum"), InternalError);
  EXPECT_EQ(nccl_double::calls(), Calls{});
}

}  // namespace
}  // namespace balr
