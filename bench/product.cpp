// GFLOPS of the matrix products of one training step (batch 512), on one thread: each of our paths,
// MKL (at::mm) and oneDNN (mkldnn::_linear_pointwise with dense operands). Compare figures of one
// run only.
#include "balr/kernels/product.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "peers.hpp"

namespace {

constexpr double kSecondsEach = 0.15;

// The best of as many runs as fit into the time: other programs only ever make a run slower.
double best_seconds(const std::function<void()>& run) {
  using Clock = std::chrono::steady_clock;
  double best = 1e30, total = 0;
  for (int i = 0; i < 3 || total < kSecondsEach; ++i) {
    const auto start = Clock::now();
    run();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, seconds);
    total += seconds;
  }
  return best;
}

balr::ConstMatrix view(const at::Tensor& x) {
  return {x.data_ptr<float>(), x.size(0), x.size(1), x.stride(0), x.stride(1)};
}

struct Shape {
  const char* name;
  at::Tensor a, b;
  int times;  // in one step
};

std::vector<Shape> step_shapes() {
  const at::Tensor x = at::randn({512, 256}), h = at::randn({512, 512}), w = at::randn({512, 512});
  const at::Tensor narrow = at::randn({512, 256}), last = at::randn({256, 512}),
                   out = at::randn({512, 256});
  return {{"forward  512x256 . 256x512", x, narrow.t(), 1},
          {"forward  512x512 . 512x512", h, w.t(), 2},
          {"forward  512x512 . 512x256", h, last.t(), 1},
          {"inputs   512x512 . 512x512", h, w, 2},
          {"inputs   512x256 . 256x512", out, last, 1},
          {"weights  512x512 . 512x256", h.t(), x, 1},
          {"weights  512x512 . 512x512", h.t(), w, 2},
          {"weights  256x512 . 512x512", out.t(), h, 1}};
}

}  // namespace

int main() {
  at::set_num_threads(1);
  std::printf("%s, one thread, GFLOPS (active path: %s)\n%-28s", balr::bench::processor().c_str(),
              balr::path_name(balr::active_path()), "");
  const std::vector<balr::Path> paths = balr::supported_paths();
  std::vector<std::string> names;
  for (const balr::Path path : paths)
    if (path != balr::Path::kPlain) names.push_back(balr::path_name(path));
  names.insert(names.end(), {"MKL", "oneDNN"});
  for (const std::string& name : names) std::printf("%9s", name.c_str());
  std::printf("\n");

  std::vector<double> sums(names.size());
  for (const Shape& shape : step_shapes()) {
    at::Tensor c = at::empty({shape.a.size(0), shape.b.size(1)});
    std::vector<double> seconds;
    for (const balr::Path path : paths)
      if (path != balr::Path::kPlain)
        seconds.push_back(best_seconds([&] {
          balr::product_on(path, view(shape.a), view(shape.b), c.data_ptr<float>(), c.size(1));
        }));
    seconds.push_back(best_seconds([&] { at::mm_out(c, shape.a, shape.b); }));
    seconds.push_back(best_seconds([&] { balr::bench::onednn_linear(shape.a, shape.b.t()); }));
    const double flops = 2.0 * static_cast<double>(shape.a.numel() * shape.b.size(1));
    std::printf("%-28s", shape.name);
    for (std::size_t i = 0; i < seconds.size(); ++i) {
      std::printf("%9.1f", flops / seconds[i] * 1e-9);
      sums[i] += shape.times * seconds[i];
    }
    std::printf("\n");
  }
  std::printf("%-28s", "11 products of a step, ms");
  for (const double sum : sums) std::printf("%9.2f", sum * 1e3);
  std::printf("\n");
}
