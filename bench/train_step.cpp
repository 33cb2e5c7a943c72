// One training step of the auto-encoder (batch 512, MSE) beside its 11 matrix products alone, by our
// kernels, MKL (at::mm) and oneDNN, and beside an eager LibTorch step (autograd, torch.optim.Adam's
// operations one by one); and the step's other operations, grouped. Everything is measured in turn,
// round by round, so that a ratio compares neighbours. On AMD processors MKL stays on AVX2;
// MKL_ENABLE_INSTRUCTIONS=AVX2 shows elsewhere what that costs an eager step.
// Usage: bench_train_step [batch] [rounds]
#include "balr/bae/train_step.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "bae/step_buffers.hpp"
#include "balr/core/thread_pool.hpp"
#include "peers.hpp"

namespace balr {
namespace {

struct Work {
  std::string name;
  std::function<void()> run;
  // Of each round, ms: on the clock, and of processor time, which tells more on a machine that
  // others use too.
  std::vector<double> wall = {}, cpu = {};
};

// Each twice in a row, the second time on the clock: with its own data in the caches, as in a loop of
// steps, and not those of its neighbour.
void run_in_turn(std::vector<Work>& works, int rounds) {
  for (int round = -2; round < rounds; ++round)  // the first two warm up
    for (Work& work : works) {
      work.run();
      const auto start = std::chrono::steady_clock::now();
      const std::clock_t cpu = std::clock();
      work.run();
      const double of_cpu = 1e3 * static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
      const std::chrono::duration<double, std::milli> passed =
          std::chrono::steady_clock::now() - start;
      if (round < 0) continue;
      work.wall.push_back(passed.count());
      work.cpu.push_back(of_cpu);
    }
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double least(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}

// Of processor time: the median of the rounds' ratios.
double ratio(const Work& work, const Work& to) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < work.cpu.size(); ++i) ratios.push_back(work.cpu[i] / to.cpu[i]);
  return median(ratios);
}

// What the Python balr does on the CPU, in LibTorch.
class EagerStep {
 public:
  explicit EagerStep(const Autoencoder& model) {
    for (const ParameterPlace& place : parameter_places(model.shape())) {
      values_.push_back(model.parameter(place.name).clone().set_requires_grad(true));
      first_.push_back(at::zeros_like(values_.back()).detach());
      second_.push_back(at::zeros_like(values_.back()).detach());
    }
    mean_ = model.running_mean().clone();
    var_ = model.running_var().clone();
  }

  void run(const at::Tensor& x) {
    const auto& p = values_;
    const at::Tensor hidden = at::relu(at::linear(x, p[0], p[1]));
    const at::Tensor normalized =
        at::batch_norm(hidden, p[2], p[3], mean_, var_, true, 0.1, 1e-5, false);
    const at::Tensor z = at::linear(normalized, p[4], p[5]).tanh();
    at::Tensor codes = z.gt(0).to(at::kFloat).detach().set_requires_grad(true);
    const at::Tensor recon = at::linear(at::linear(codes, p[6], p[7]).tanh(), p[8], p[9]);
    at::mse_loss(recon, x).backward();
    z.backward(codes.grad().clamp(-1, 1));
    ++step_;
    for (std::size_t i = 0; i < values_.size(); ++i) adam(i);
  }

 private:
  void adam(std::size_t i) {
    const at::Tensor grad = values_[i].grad();
    at::Tensor value = values_[i].detach();
    first_[i].lerp_(grad, 0.1);
    second_[i].mul_(0.999).addcmul_(grad, grad, 0.001);
    const double correction1 = 1 - std::pow(0.9, step_), correction2 = 1 - std::pow(0.999, step_);
    value.addcdiv_(first_[i], (second_[i].sqrt() / std::sqrt(correction2)).add_(1e-8),
                   -1e-3 / correction1);
    values_[i].mutable_grad().reset();
  }

  std::vector<at::Tensor> values_, first_, second_;
  at::Tensor mean_, var_;
  int step_ = 0;
};

// The 11 products of a step, on a step's own memory.
struct Product {
  at::Tensor a, b, bias, out;
};

std::vector<Product> products_of(const Autoencoder& model, const at::Tensor& x,
                                 const StepBuffers& buffers, const at::Tensor& gradients) {
  const Parameters p(model);
  const Activations& a = buffers.activations;
  const StepRecord& r = buffers.record;
  const std::int64_t h = model.shape().internal_dim, d = model.shape().input_dim;
  const auto gradient = [&](std::int64_t rows, std::int64_t cols) {
    return gradients.narrow(0, 0, rows * cols).view({rows, cols});
  };
  return {{x, p.encoder0_weight.t(), p.encoder0_bias, a.hidden},
          {a.normalized, p.encoder3_weight.t(), p.encoder3_bias, a.z},
          {a.codes, p.decoder0_weight.t(), p.decoder0_bias, a.decoded},
          {a.decoded, p.decoder2_weight.t(), p.decoder2_bias, a.recon},
          {r.grad_decoder2, p.decoder2_weight, {}, r.grad_decoder0},
          {r.grad_decoder0, p.decoder0_weight, {}, buffers.grad_hidden},
          {r.grad_encoder3, p.encoder3_weight, {}, buffers.grad_hidden},
          {r.grad_encoder0.t(), x, {}, gradient(h, d)},
          {r.grad_encoder3.t(), a.normalized, {}, gradient(h, h)},
          {r.grad_decoder0.t(), a.codes, {}, gradient(h, h)},
          {r.grad_decoder2.t(), a.decoded, {}, gradient(d, h)}};
}

// What else a step does, grouped.
std::vector<Work> other_parts(const Autoencoder& model, const at::Tensor& x, StepOps& ops,
                              const StepBuffers& b, const AdamPart& adam) {
  const Parameters p(model);
  const Activations& a = b.activations;
  const StepRecord& r = b.record;
  const BatchStatistics statistics{model.running_mean(), model.running_var(), model.running_var()};
  const at::Tensor totals = at::ones({2 * model.shape().internal_dim}, at::kDouble),
                   steps = at::zeros({}, at::kDouble), zero = at::zeros({}, at::kDouble);
  return {{"2 tanh", [=, &ops] { ops.tanh(a.z), ops.tanh(a.decoded); }},
          {"other element-wise",
           [=, &ops] {
             ops.relu(a.hidden);
             ops.codes(a.z, a.codes);
             ops.normalize(a.hidden, statistics, p.gamma, p.beta, a.normalized);
             ops.difference(a.recon, x, 1e-5, r.grad_decoder2);
             ops.tanh_backward(r.grad_decoder0, a.decoded);
             ops.straight_through(b.grad_hidden, {}, a.z, r.grad_encoder3);
             ops.normalize_backward(b.grad_hidden, a.hidden, statistics, p.gamma, totals, x.size(0),
                                    r.grad_encoder0);
           }},
          {"sums over rows",
           [=, &ops] {
             ops.moments(a.hidden, b.plan, b.moments);
             ops.normalize_sums(b.grad_hidden, a.hidden, statistics.mean, b.plan, b.moments);
             ops.square_difference(a.recon, x, b.plan, b.sums.narrow(1, 0, 1));
             for (const at::Tensor& grads :
                  {r.grad_encoder0, r.grad_encoder3, r.grad_decoder0, r.grad_decoder2})
               ops.column_sums(grads, b.plan, adam.gradients.narrow(0, 0, grads.size(1)));
           }},
          {"check and Adam", [=, &ops] {
             ops.adam({&adam, 1}, steps, at::scalar_tensor(1e-3, at::kDouble), ops.update_allowed(adam.gradients, adam.owned, zero));
           }}};
}

void print(const std::vector<Work>& works) {
  for (const Work& work : works)
    std::printf("  %-28s %8.2f %8.2f %8.2f\n", work.name.c_str(), least(work.wall),
                least(work.cpu), median(work.cpu));
}

void print_ratio(const char* name, const Work& work, const Work& to) {
  std::printf("  %-44s %.3f (least on the clock: %.3f)\n", name, ratio(work, to),
              least(work.wall) / least(to.wall));
}

void measure(int threads, std::int64_t batch, int rounds) {
  at::set_num_threads(threads);
  ThreadPool pool(threads);
  const Threads parallel{threads, pool.runner()};
  const Autoencoder model = Autoencoder::random({}, 1234);
  const at::Tensor x = at::randn({batch, model.shape().input_dim});
  const auto ops = make_canonical_ops(nullptr, parallel);
  const StepBuffers buffers(model.shape(), 1, ops->plan(batch), ops->gathers(),
                            at::TensorOptions().dtype(at::kFloat));
  const at::Tensor gradients = at::full_like(model.flat(), 1e-3);
  const std::vector<Product> products = products_of(model, x, buffers, gradients);
  for (const Product& product : products) product.out.fill_(1e-3);
  for (const at::Tensor& t : {buffers.activations.normalized, buffers.activations.codes,
                              buffers.record.grad_encoder3, buffers.record.grad_encoder0,
                              buffers.record.grad_decoder2})
    t.fill_(1e-3);
  TrainStepOptions options{.learning_rate = 1e-3,
                           .canonical = true,
                           .threads = parallel,
                           .losses = {make_mse_loss(1.0)}};
  TrainStep canonical(model, at::kCPU, options, nullptr);
  options.canonical = false;
  TrainStep device(model, at::kCPU, options, nullptr);
  EagerStep eager(model);
  const auto by = [&products](const std::function<void(const Product&)>& one) {
    return [&products, one] {
      for (const Product& product : products) one(product);
    };
  };
  std::vector<Work> works = {
      {"11 products, our kernels", by([&](auto& p) { ops->product(p.a, p.b, p.bias, p.out); })},
      {"11 products, MKL", by([](auto& p) {
         at::Tensor out = p.out;
         at::mm_out(out, p.a, p.b);
       })},
      {"11 products, oneDNN", by([](auto& p) { bench::onednn_linear(p.a, p.b.t()); })},
      {"canonical step", [&] { canonical.run(x, {}); }},
      {"eager LibTorch (autograd)", [&] { eager.run(x); }},
      {"step of ATen operations", [&] { device.run(x, {}); }}};
  run_in_turn(works, rounds);
  const std::vector<Range> all = {{0, gradients.numel()}};
  const AdamPart adam{model.flat(), gradients, at::zeros_like(gradients), at::zeros_like(gradients),
                      all};
  std::vector<Work> parts = other_parts(model, x, *ops, buffers, adam);
  run_in_turn(parts, rounds);
  std::printf("%d thread%s, batch %ld, %d rounds, ms%14s%9s%9s\n", threads, threads == 1 ? "" : "s",
              static_cast<long>(batch), rounds, "clock", "cpu", "median");
  print(works);
  print(parts);
  const Work& fastest =
      *std::min_element(works.begin(), works.begin() + 3, [](const Work& a, const Work& b) {
        return least(a.cpu) < least(b.cpu);
      });
  print_ratio(("step over the fastest products," + fastest.name.substr(12)).c_str(), works[3],
              fastest);
  print_ratio("eager over step", works[4], works[3]);
}

}  // namespace
}  // namespace balr

int main(int argc, char** argv) {
  const std::int64_t batch = argc > 1 ? std::atoll(argv[1]) : 512;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 40;
  std::printf("%s\n", balr::bench::processor().c_str());
  for (const int threads : {1, 2}) balr::measure(threads, batch, rounds);
}
