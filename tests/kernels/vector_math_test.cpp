#include "balr/kernels/vector_math.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

namespace {

using Floats = std::vector<float>;

struct AdamState {
  Floats param, m, v;
};

// Three steps of torch.optim.Adam(lr=1e-3), torch 2.11 on a CPU, at positions i = 1, 2, 3, 4, 5, 6
// of param = ((37 i mod 101) - 50) / 50 and gradients ((17 i mod 23) - 11) / 640, ((29 i mod 31) -
// 15) / 512,
// ((5 i mod 13) - 6) / 256. Equal bit for bit: at these positions torch's square root (MKL's, which
// is not always the nearest number) is the exact one, as ours is everywhere.
void expect_bits_of_torch(balr::Path path) {
  AdamState s;
  std::array<Floats, 3> grads;
  for (const int i : {1, 2, 3, 4, 5, 6}) {
    s.param.push_back(static_cast<float>(37 * i % 101 - 50) / 50);
    grads[0].push_back(static_cast<float>(17 * i % 23 - 11) / 640);
    grads[1].push_back(static_cast<float>(29 * i % 31 - 15) / 512);
    grads[2].push_back(static_cast<float>(5 * i % 13 - 6) / 256);
  }
  const auto n = static_cast<std::int64_t>(s.param.size());
  s.m.assign(s.param.size(), 0);
  s.v.assign(s.param.size(), 0);
  for (int step = 1; step <= 3; ++step)
    balr::adam_step_on(path, s.param.data(), grads[static_cast<std::size_t>(step - 1)].data(),
                       s.m.data(), s.v.data(), n, {}, step);
  EXPECT_EQ(s.param,
            (Floats{-0x1.0cd7980000000p-2f, 0x1.e9e7ae0000000p-2f, -0x1.9936ca0000000p-1f,
                    -0x1.017b840000000p-4f, 0x1.5aa8900000000p-1f, -0x1.32ef320000000p-1f}));
  EXPECT_EQ(s.m, (Floats{0x1.72e4900000000p-9f, 0x1.e147b00000000p-9f, -0x1.27bb320000000p-11f,
                         0x1.a1ff2e0000000p-9f, 0x1.0831260000000p-8f, -0x1.ad42cc0000000p-13f}));
  EXPECT_EQ(s.v, (Floats{0x1.c84a4a0000000p-21f, 0x1.a9b0680000000p-21f, 0x1.7ec2420000000p-21f,
                         0x1.2969bc0000000p-21f, 0x1.9144ce0000000p-21f, 0x1.0b3ed00000000p-23f}));
}

TEST(Adam, BitsOfTorch) {
  for (const balr::Path path : balr::supported_paths()) {
    SCOPED_TRACE(balr::path_name(path));
    expect_bits_of_torch(path);
  }
}

// The chain of operations, on one number, in float32 without any freedom.
TEST(Adam, BytesDoNotDependOnLengthOrThreads) {
  const std::int64_t n = 70003;
  Floats grad(n), param(n), m(n), v(n);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto x = static_cast<float>(i + 1);
    const auto at = static_cast<std::size_t>(i);
    grad[at] = std::sin(x) * 0.01f;
    param[at] = std::cos(x);
    m[at] = std::sin(2 * x) * 0.02f;
    v[at] = std::abs(std::sin(3 * x)) * 1e-4f;
  }
  // One by one, on the plain path: any length and any path must give these.
  AdamState single{param, m, v};
  for (std::size_t i = 0; i < grad.size(); ++i)
    balr::adam_step_on(balr::Path::kPlain, &single.param[i], &grad[i], &single.m[i], &single.v[i],
                       1, {}, 7);
  const balr::Threads threads = {
      3, [](std::int64_t count, const std::function<void(std::int64_t)>& job) {
        std::vector<std::thread> running;
        for (std::int64_t i = 0; i < count; ++i) running.emplace_back(job, i);
        for (std::thread& thread : running) thread.join();
      }};
  for (const balr::Path path : balr::supported_paths())
    for (const balr::Threads& how : {balr::Threads{}, threads})
      for (const std::int64_t length : {n, std::int64_t{1}, std::int64_t{15}, std::int64_t{33}}) {
        AdamState state{param, m, v}, wanted{param, m, v};
        balr::adam_step_on(path, state.param.data(), grad.data(), state.m.data(), state.v.data(),
                           length, {}, 7, how);
        std::copy_n(single.param.begin(), length, wanted.param.begin());
        std::copy_n(single.m.begin(), length, wanted.m.begin());
        std::copy_n(single.v.begin(), length, wanted.v.begin());
        SCOPED_TRACE(testing::Message() << balr::path_name(path) << " " << length);
        EXPECT_TRUE(state.param == wanted.param && state.m == wanted.m && state.v == wanted.v);
        EXPECT_FALSE(state.param == param);
      }
  balr::adam_step(nullptr, nullptr, nullptr, nullptr, 0, {}, 1, threads);
}

TEST(ColumnSum, AddsInTheOrderOfTheRows) {
  // 1e8 + 1 - 1e8: the order decides; gaps between rows are left out.
  const Floats x = {1e8f, 1.0f, 99.0f, 1.0f, 1e8f, 99.0f, -1e8f, -1e8f, 99.0f};
  Floats sums(2, 5.0f);
  balr::column_sum(x.data(), 3, 2, 3, sums.data());
  EXPECT_EQ(sums, (Floats{0.0f, 0.0f}));
  const Floats y = {1e8f, 1.0f, -1e8f, -1e8f, 1.0f, 1e8f};
  balr::column_sum(y.data(), 3, 2, 2, sums.data());
  EXPECT_EQ(sums, (Floats{1.0f, 0.0f}));
  balr::column_sum(nullptr, 0, 2, 2, sums.data());
  EXPECT_EQ(sums, (Floats{0.0f, 0.0f}));
}

// The tree over 0 .. n - 1 written out, as text, by a rule of its own: ((0+1)+(2+3))+4.
std::string tree_text(std::vector<std::string> level) {
  while (level.size() > 1) {
    std::vector<std::string> next;
    for (std::size_t i = 0; i < level.size(); i += 2)
      next.push_back(i + 1 < level.size() ? "(" + level[i] + "+" + level[i + 1] + ")" : level[i]);
    level = next;
  }
  return level.empty() ? "" : level[0];
}

float evaluate(const std::string& text, std::size_t& at, const Floats& values) {
  if (text[at] != '(') {
    std::size_t used = 0;
    const int index = std::stoi(text.substr(at), &used);
    at += used;
    return values[static_cast<std::size_t>(index)];
  }
  const float left = evaluate(text, ++at, values);
  const float right = evaluate(text, ++at, values);
  ++at;
  return left + right;
}

TEST(TreeSum, IsTheFixedTree) {
  EXPECT_EQ(tree_text({"0", "1", "2", "3", "4"}), "(((0+1)+(2+3))+4)");
  for (std::size_t count = 1; count <= 17; ++count) {
    Floats first, both;
    std::vector<std::string> leaves;
    for (std::size_t i = 0; i < count; ++i) {
      first.push_back(std::pow(-3.0f, static_cast<float>(i % 11)) + 0.1f);
      both.insert(both.end(), {first.back(), 2.0f * first.back()});
      leaves.push_back(std::to_string(i));
    }
    balr::tree_sum(both.data(), static_cast<std::int64_t>(count), 2);
    std::size_t at = 0;
    const float wanted = evaluate(tree_text(leaves), at, first);
    EXPECT_EQ(both[0], wanted) << count;
    EXPECT_EQ(both[1], 2.0f * wanted) << count;
  }
  balr::tree_sum(static_cast<float*>(nullptr), 0, 3);
  std::vector<double> doubles = {1.0, 1e-17, 1e-17};
  balr::tree_sum(doubles.data(), 3, 1);
  EXPECT_EQ(doubles[0], 1.0);
}

}  // namespace
