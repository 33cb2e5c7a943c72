// Triplets of the canonical operations: each rank compares the codes of its own rows with all, and
// counts for its own anchors; integers are gathered.
#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "bae/canonical_ops.hpp"
#include "bae/element_wise.hpp"
#include "bae/pair_loops.hpp"
#include "bae/rows.hpp"

namespace balr {

namespace ew = element_wise;

namespace {

constexpr std::int64_t kMostRows = std::numeric_limits<std::int16_t>::max();

std::int16_t* shorts_of(const at::Tensor& t) {
  BALR_CHECK(t.scalar_type() == at::kShort && t.is_contiguous());
  return static_cast<std::int16_t*>(t.data_ptr());
}

// The rows of each class, next to each other.
class ClassRows {
 public:
  explicit ClassRows(const BatchLabels& labels)
      : order_(labels.order.const_data_ptr<std::int64_t>()), of_(labels.classes.size(0)) {
    const std::int64_t* classes = labels.classes.const_data_ptr<std::int64_t>();
    const auto batch = static_cast<std::int64_t>(of_.size());
    for (std::int64_t begin = 0, end = 0; begin < batch; begin = end) {
      while (end < batch && classes[order_[end]] == classes[order_[begin]]) ++end;
      for (std::int64_t i = begin; i < end; ++i)
        of_[static_cast<std::size_t>(order_[i])] = {begin, end};
    }
  }
  // All rows of the class of this row, itself included.
  std::span<const std::int64_t> of(std::int64_t row) const {
    const Range range = of_[static_cast<std::size_t>(row)];
    return {order_ + range.begin, static_cast<std::size_t>(range.size())};
  }

 private:
  const std::int64_t* order_;
  std::vector<Range> of_;
};

// One anchor's counts, see LossOps::triplet_counts.
void count_anchor(std::int64_t anchor, std::span<const std::int64_t> of_class,
                  const float* distances, const TripletRange& range, std::int16_t* counts,
                  std::int64_t n) {
  thread_local std::vector<float> negatives, positives;
  thread_local std::vector<std::int64_t> places;
  thread_local std::vector<std::int32_t> of_positive, of_negative;
  negatives.assign(distances, distances + n);
  places.assign(of_class.begin(), of_class.end());
  for (const std::int64_t row : places)
    negatives[static_cast<std::size_t>(row)] = std::numeric_limits<float>::infinity();
  std::erase(places, anchor);
  positives.clear();
  for (const std::int64_t row : places) positives.push_back(distances[row]);
  of_positive.assign(positives.size(), 0);
  of_negative.assign(static_cast<std::size_t>(n), 0);
  pair_loops::count_triplets(positives, negatives.data(), range, of_positive.data(),
                             of_negative.data(), n);
  std::copy(of_negative.begin(), of_negative.end(), counts);
  for (const std::int64_t row : of_class) counts[row] = 0;
  for (std::size_t p = 0; p < places.size(); ++p)
    counts[places[p]] = static_cast<std::int16_t>(of_positive[p]);
}

// to [cols, rows] = transpose of `from`, a view of `rows` rows `stride` apart.
void transpose(const std::int16_t* from, std::int64_t rows, std::int64_t cols, std::int64_t stride,
               std::int16_t* to) {
  constexpr std::int64_t kTile = 32;
  for (std::int64_t top = 0; top < rows; top += kTile)
    for (std::int64_t left = 0; left < cols; left += kTile)
      for (std::int64_t j = left; j < std::min(left + kTile, cols); ++j)
        for (std::int64_t i = top; i < std::min(top + kTile, rows); ++i)
          to[j * rows + i] = from[i * stride + j];
}

}  // namespace

at::Tensor CanonicalOps::everywhere(const at::Tensor& rows, const BatchPlan& plan,
                                    const char* what) {
  return gather(rows.contiguous(), plan, what);
}

CodePairs CanonicalOps::code_pairs(const at::Tensor& codes, const BatchPlan& plan) {
  const std::int64_t h = codes.size(1), n = plan.batch;
  const at::Tensor own_bits = at::empty({codes.size(0), bit_columns(h)}, at::kFloat);
  pack_codes(codes, own_bits);
  const at::Tensor bits = everywhere(own_bits, plan, "codes");
  CodePairs pairs{codes, at::empty({n}, at::kFloat), at::empty({plan.rows.size(), n}, at::kFloat)};
  if (gathers()) {
    pairs.codes = at::empty({n, h}, at::kFloat);
    unpack_codes(bits, pairs.codes);
  }
  const pair_loops::BitColumns columns(floats_of(bits), n, bits.size(1), h);
  std::vector<double> squares, inverses;
  for (std::int64_t j = 0; j < n; ++j) {
    const pair_loops::CodeLength length = pair_loops::code_length(columns.ones(j));
    squares.push_back(length.square);
    inverses.push_back(length.inverse);
    floats_of(pairs.inverse_norms)[j] =
        length.inverse > 0 ? static_cast<float>(length.inverse) : ew::kLargestInverseNorm;
  }
  for_rows(plan.rows.size(), [&, out = rows_of(pairs.distances)](std::int64_t i) {
    thread_local std::vector<std::int32_t> common;
    common.resize(static_cast<std::size_t>(n));
    const std::int64_t row = plan.rows.begin + i;
    columns.common(row, common.data());
    const auto at = static_cast<std::size_t>(row);
    pair_loops::distances({squares[at], inverses[at]}, squares.data(), inverses.data(),
                          common.data(), out[i], n);
  });
  return pairs;
}

at::Tensor CanonicalOps::triplet_counts(const CodePairs& pairs, const BatchLabels& labels,
                                        const BatchPlan& plan, const TripletRange& range) {
  BALR_CHECK(plan.batch <= kMostRows);
  const ClassRows classes(labels);
  const at::Tensor own = at::empty({plan.rows.size(), plan.batch}, at::kShort);
  for_rows(plan.rows.size(), [&, d = rows_of(pairs.distances)](std::int64_t i) {
    const std::int64_t anchor = plan.rows.begin + i;
    count_anchor(anchor, classes.of(anchor), d[i], range, shorts_of(own) + i * plan.batch,
                 plan.batch);
  });
  return everywhere(own, plan, "triplets");
}

void CanonicalOps::triplet_sums(const CodePairs& pairs, const at::Tensor& counts,
                                const BatchLabels& labels, double margin, const BatchPlan& plan,
                                const at::Tensor& partials) {
  const ClassRows classes(labels);
  const Rows d = rows_of(pairs.distances);
  const std::int64_t n = plan.batch;
  double* out = doubles_of(partials);
  for_blocks(d.rows, plan.block_rows,
             [&, stride = partials.stride(0)](auto block, auto begin, auto end) {
               double sum = 0, number = 0;
               for (std::int64_t i = begin; i < end; ++i) {
                 const std::int64_t anchor = plan.rows.begin + i;
                 const std::int16_t* c = shorts_of(counts) + anchor * n;
                 // All columns as negatives; a positive's is taken back and added.
                 double of_row = -pair_loops::dot(c, d[i], n);
                 for (const std::int64_t p : classes.of(anchor)) {
                   const double times = c[p];
                   of_row += 2 * times * static_cast<double>(d[i][p]);
                   number += times;
                 }
                 sum += of_row;
               }
               out[block * stride] = sum + margin * number;
               out[block * stride + 1] = number;
             });
}

void CanonicalOps::triplet_pull(const CodePairs& pairs, const at::Tensor& counts,
                                const BatchLabels& labels, double factor, const BatchPlan& plan,
                                const at::Tensor& out) {
  const ClassRows classes(labels);
  const std::int64_t n = plan.batch, rows = plan.rows.size();
  const std::int16_t* c = shorts_of(counts);
  double number = 0;
  for (std::int64_t a = 0; a < n; ++a)
    for (const std::int64_t p : classes.of(a)) number += c[a * n + p];
  const auto each = static_cast<float>(factor / std::max(number, 1.0));
  std::vector<std::int16_t> backward(static_cast<std::size_t>(rows * n));
  const float* inverse_norms = floats_of(pairs.inverse_norms);
  const Rows d = rows_of(pairs.distances), o = rows_of(out);
  constexpr std::int64_t kTogether = 32;
  for_blocks(rows, kTogether, [&](auto, auto begin, auto end) {
    // The counts of all anchors for these rows: columns of `counts`.
    std::int16_t* columns = backward.data() + begin * n;
    transpose(c + plan.rows.begin + begin, n, end - begin, n, columns);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t anchor = plan.rows.begin + i;
      pair_loops::pull(c + anchor * n, columns + (i - begin) * n, each, inverse_norms, d[i], o[i],
                       n);
      for (const std::int64_t p : classes.of(anchor)) o[i][p] = -o[i][p];
    }
  });
}

at::Tensor CanonicalOps::triplet_shares(const at::Tensor& counts, const BatchLabels& labels) {
  const ClassRows classes(labels);
  const std::int64_t n = counts.size(0);
  const std::int16_t* c = shorts_of(counts);
  std::vector<std::int32_t> times(static_cast<std::size_t>(n));
  for (std::int64_t a = 0; a < n; ++a) {
    pair_loops::add_counts(c + a * n, times.data(), n);
    for (const std::int64_t p : classes.of(a)) times[static_cast<std::size_t>(a)] += c[a * n + p];
  }
  const std::int32_t most = *std::max_element(times.begin(), times.end());
  at::Tensor shares = at::ones({n}, at::kFloat);
  if (most > 0)
    for (std::int64_t j = 0; j < n; ++j)
      floats_of(shares)[j] =
          static_cast<float>(times[static_cast<std::size_t>(j)]) / static_cast<float>(most);
  return shares;
}

}  // namespace balr
