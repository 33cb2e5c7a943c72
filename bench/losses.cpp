// The pairwise losses of one batch on one thread, beside one product of the same size: value and
// gradient of the triplet loss, and of ArcFace. Ratios are of processor time, the best of several
// runs, each measured right after a product. Usage: bench_losses [rows] [repetitions] [speakers]
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <vector>

#include "bae/loss_case.hpp"

namespace balr {
namespace {

double milliseconds(const std::function<void()>& work) {
  const std::clock_t start = std::clock();
  work();
  return 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

// The medians of both, and of their ratio, over pairs of runs.
void compare(const char* name, int repetitions, const std::function<void()>& product,
             const std::function<void()>& work) {
  std::vector<double> products, works, ratios;
  for (int i = 0; i < repetitions; ++i) {
    products.push_back(milliseconds(product));
    works.push_back(milliseconds(work));
    ratios.push_back(works.back() / products.back());
  }
  const auto median = [](std::vector<double>& values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                     values.end());
    return values[values.size() / 2];
  };
  std::printf("  %-34s %8.3f ms, product %8.3f ms, ratio %6.2f (least %.2f)\n", name, median(works),
              median(products), median(ratios), *std::min_element(ratios.begin(), ratios.end()));
}

void measure(std::int64_t rows, int repetitions, std::int64_t speakers) {
  at::set_num_threads(1);
  const std::int64_t h = 512;
  const auto ops = make_canonical_ops(nullptr, {});
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < rows; ++i) labels.push_back(i / 16);
  const BatchLabels sorted = test::labels_of(labels);
  // Rows of a class differ in some tenths of their bits, as codes of speakers do.
  const at::Tensor centres = at::randn({rows, h});
  const at::Tensor z = at::randn({rows, h}) * 0.7 + centres.index_select(0, sorted.classes);
  const at::Tensor codes = z.gt(0).to(at::kFloat), head = at::randn({speakers, h});
  const at::Tensor square = at::randn({h, h}), out = at::empty({rows, h});
  const auto product = [&] { ops->product(codes, square, {}, out); };
  const BatchPlan plan = ops->plan(rows);
  const at::Tensor partials = at::zeros({plan.blocks, 2}, at::kDouble);
  LossGradients gradients;
  const auto run = [&](const Loss& loss, const at::Tensor& of_loss) {
    const CodePairs pairs = ops->code_pairs(codes, plan);
    const LossInput input{plan, {}, {}, codes, z, &sorted, &pairs, of_loss, loss.constants()};
    gradients.unit_codes = {out, false};
    if (of_loss.defined()) gradients.head = at::empty_like(of_loss);
    loss.compute(input, *ops, partials.narrow(1, 0, loss.columns()), &gradients);
    ops->normalize_rows_backward(out, codes, pairs.inverse_norms, true);
  };
  std::printf("%ld rows of %ld bits, one thread; product %ld x %ld x %ld\n",
              static_cast<long>(rows), static_cast<long>(h), static_cast<long>(rows),
              static_cast<long>(h), static_cast<long>(h));
  for (const auto& [name, type] :
       {std::pair{"triplet, all", TripletType::kAll}, {"triplet, semihard", TripletType::kSemihard},
        {"triplet, easy", TripletType::kEasy}}) {
    const auto loss = make_triplet_loss({.type = type});
    compare(name, repetitions, product, [&, &l = *loss] { run(l, {}); });
  }
  compare("  of it: distances", repetitions, product, [&] { ops->code_pairs(codes, plan); });
  const CodePairs pairs = ops->code_pairs(codes, plan);
  compare("  of it: counts", repetitions, product, [&] {
    ops->triplet_counts(pairs, sorted, plan, mined(TripletType::kAll, 0.05));
  });
  const auto arcface = make_arcface_loss({.classes = speakers});
  compare("ArcFace", std::max(3, repetitions / 10), product, [&] { run(*arcface, head); });
}

}  // namespace
}  // namespace balr

int main(int argc, char** argv) {
  balr::measure(argc > 1 ? std::atoll(argv[1]) : 512, argc > 2 ? std::atoi(argv[2]) : 100,
                argc > 3 ? std::atoll(argv[3]) : 5994);
}
