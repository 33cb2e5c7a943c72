// One training step of the auto-encoder (batch 512, MSE): the canonical one in parts, beside its 11
// products alone and beside an eager LibTorch step (autograd, torch.optim.Adam's operations one by
// one). Usage: bench_train_step [batch] [repetitions]
#include "balr/bae/train_step.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "bae/step_buffers.hpp"
#include "balr/core/thread_pool.hpp"

namespace balr {
namespace {

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

// The best of several runs: of the clock on the wall, and of the processor time of all threads,
// which tells more on a machine that others use too.
struct Time {
  double wall = 1e9, cpu = 1e9;  // ms
};

Time best_of(int repetitions, const std::function<void()>& work) {
  Time best;
  for (int i = 0; i < repetitions; ++i) {
    const auto wall = std::chrono::steady_clock::now();
    const std::clock_t cpu = std::clock();
    work();
    best.cpu = std::min(best.cpu, 1e3 * static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC);
    best.wall = std::min(
        best.wall,
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - wall).count());
  }
  return best;
}

void print(const char* name, const Time& time) {
  std::printf("  %-28s %8.2f %8.2f\n", name, time.wall, time.cpu);
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

struct Part {
  const char* name;
  std::function<void()> work;
};

// The operations of a step, grouped, on a step's own memory.
std::vector<Part> parts_of(const Autoencoder& model, const at::Tensor& x, StepOps& ops,
                           const StepBuffers& b, const AdamPart& adam, const at::Tensor& steps) {
  const at::Tensor& gradients = adam.gradients;
  const Parameters p(model);
  const auto& a = b.activations;
  const auto& r = b.record;
  const std::int64_t h = model.shape().internal_dim;
  const auto gradient = [=](std::int64_t from, std::int64_t rows, std::int64_t cols) {
    return gradients.narrow(0, from, rows * cols).view({rows, cols});
  };
  const BatchStatistics statistics{model.running_mean(), model.running_var(), model.running_var()};
  const at::Tensor allowed = at::scalar_tensor(true, at::kBool),
                   totals = at::ones({2 * h}, at::kDouble);
  const auto products = [=, &ops] {
    ops.product(x, p.encoder0_weight.t(), p.encoder0_bias, a.hidden);
    ops.product(a.normalized, p.encoder3_weight.t(), p.encoder3_bias, a.z);
    ops.product(a.codes, p.decoder0_weight.t(), p.decoder0_bias, a.decoded);
    ops.product(a.decoded, p.decoder2_weight.t(), p.decoder2_bias, a.recon);
    ops.product(r.grad_decoder2, p.decoder2_weight, {}, r.grad_decoder0);
    ops.product(r.grad_decoder0, p.decoder0_weight, {}, b.grad_hidden);
    ops.product(r.grad_encoder3, p.encoder3_weight, {}, b.grad_hidden);
    ops.product(r.grad_encoder0.t(), x, {}, gradient(0, h, x.size(1)));
    ops.product(r.grad_encoder3.t(), a.normalized, {}, gradient(0, h, h));
    ops.product(r.grad_decoder0.t(), a.codes, {}, gradient(0, h, h));
    ops.product(r.grad_decoder2.t(), a.decoded, {}, gradient(0, x.size(1), h));
  };
  return {{"11 products", products},
          {"2 tanh", [=, &ops] { ops.tanh(a.z), ops.tanh(a.decoded); }},
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
               ops.column_sums(grads, b.plan, gradients.narrow(0, 0, grads.size(1)));
           }},
          {"check and Adam", [=, &ops, &adam] {
             ops.adam({&adam, 1}, steps, 1e-3,
                      ops.update_allowed(gradients, adam.owned, at::zeros({}, at::kDouble)));
           }}};
}

void measure(int threads, std::int64_t batch, int repetitions) {
  at::set_num_threads(threads);
  ThreadPool pool(threads);
  const Threads parallel{threads, pool.runner()};
  const Autoencoder model = Autoencoder::random({}, 1234);
  const at::Tensor x = at::randn({batch, model.shape().input_dim});
  std::printf("%d thread%s, batch %ld, best of %d, ms%21s%9s\n", threads, threads == 1 ? "" : "s",
              static_cast<long>(batch), repetitions, "wall", "cpu");

  const TrainStepOptions options{.learning_rate = 1e-3,
                                 .canonical = true,
                                 .threads = parallel,
                                 .losses = {make_mse_loss(1.0)}};
  TrainStep canonical(model, at::kCPU, options, nullptr);
  TrainStepOptions plain = options;
  plain.canonical = false;
  TrainStep device(model, at::kCPU, plain, nullptr);
  EagerStep eager(model);
  const auto ops = make_canonical_ops(nullptr, parallel);
  const StepBuffers buffers(model.shape(), 1, ops->plan(batch), ops->gathers(),
                            at::TensorOptions().dtype(at::kFloat));
  const Activations& a = buffers.activations;
  const StepRecord& r = buffers.record;
  for (const at::Tensor& t :
       {r.grad_encoder0, r.grad_encoder3, r.grad_decoder0, r.grad_decoder2, a.normalized, a.decoded,
        a.hidden, a.z, a.codes, a.recon, buffers.grad_hidden})
    t.fill_(1e-3);
  const at::Tensor gradients = at::full_like(model.flat(), 1e-3);
  const std::vector<Range> all = {{0, gradients.numel()}};
  const AdamPart adam{model.flat(), gradients, at::zeros_like(gradients), at::zeros_like(gradients),
                      all};
  const at::Tensor steps = at::zeros({}, at::kDouble);
  Time products, sum{0, 0};
  for (const Part& part : parts_of(model, x, *ops, buffers, adam, steps)) {
    const Time time = best_of(repetitions, part.work);
    if (sum.wall == 0) products = time;
    sum = {sum.wall + time.wall, sum.cpu + time.cpu};
    print(part.name, time);
  }
  print("sum of these parts", sum);
  const Time step = best_of(repetitions, [&] { canonical.run(x, {}); });
  print("canonical step", step);
  std::printf("  %-28s %8.2f %8.2f\n", "  over its products", step.wall / products.wall,
              step.cpu / products.cpu);
  print("step of ATen operations", best_of(repetitions, [&] { device.run(x, {}); }));
  print("eager LibTorch (autograd)", best_of(repetitions, [&] { eager.run(x); }));
}

}  // namespace
}  // namespace balr

int main(int argc, char** argv) {
  const std::int64_t batch = argc > 1 ? std::atoll(argv[1]) : 512;
  const int repetitions = argc > 2 ? std::atoi(argv[2]) : 30;
  std::printf("%s\n", balr::cpu_name().c_str());
  for (const int threads : {1, 2}) balr::measure(threads, batch, repetitions);
}
