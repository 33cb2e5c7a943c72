#include "balr/bae/queued_steps.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "bae/batch_labels.hpp"
#include "bae/device_graph.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

// Steps that run operation by operation before one is recorded: libraries make their workspaces and
// NCCL its connections.
constexpr int kStepsBeforeRecording = 3;

}  // namespace

class QueuedSteps::Impl {
 public:
  Impl(TrainStep& step, at::Tensor values, at::Tensor classes, QueuedStepsOptions options);
  void begin(const EpochOrder& order, std::int64_t first);
  void run();
  std::int64_t unread() const { return unread_; }
  std::vector<StepRow> read();

 private:
  void queue(std::int64_t rows);
  at::Tensor scalar(std::int64_t value) const;
  bool may_record() const { return options_.record && values_.is_cuda(); }

  TrainStep& step_;
  at::Tensor values_, classes_;
  QueuedStepsOptions options_;
  // On the device. The place in the epoch and in the ring: int64 [1].
  at::Tensor order_, rates_, cursor_, place_;
  at::Tensor ring_;  // float64 [ring_rows, losses ..., finite, norm]
  // On the host, in step with the device.
  std::vector<std::int64_t> sizes_;
  std::int64_t next_ = 0, unread_ = 0, first_unread_ = 0, largest_class_ = 0;
  int full_steps_ = 0;
  DeviceGraph graph_;
};

QueuedSteps::Impl::Impl(TrainStep& step, at::Tensor values, at::Tensor classes,
                        QueuedStepsOptions options)
    : step_(step), values_(std::move(values)), classes_(std::move(classes)), options_(options) {
  BALR_CHECK(options_.ring_rows >= 1);
  BALR_CHECK(!step_.needs_labels() || classes_.defined());
  cursor_ = scalar(0);
  place_ = scalar(0);
  const auto columns = static_cast<std::int64_t>(step_.loss_count()) + 3;
  ring_ = at::zeros({options_.ring_rows, columns}, values_.options().dtype(at::kDouble));
}

at::Tensor QueuedSteps::Impl::scalar(std::int64_t value) const {
  return at::full({1}, value, values_.options().dtype(at::kLong));
}

void QueuedSteps::Impl::begin(const EpochOrder& order, std::int64_t first) {
  BALR_CHECK(unread_ == 0);
  BALR_CHECK(order.sizes.size() == static_cast<std::size_t>(order.rows.size(0)));
  const auto move = [&](at::Tensor& to, const at::Tensor& from) {
    if (to.defined() && to.sizes() == from.sizes()) return to.copy_(from), void();
    to = from.to(values_.device(), from.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
    graph_.forget();  // it reads from the old one
  };
  move(order_, order.rows);
  move(rates_, order.rates);
  if (order.largest_class > largest_class_) {
    largest_class_ = order.largest_class;
    graph_.forget();
  }
  cursor_.fill_(first);
  sizes_ = order.sizes;
  next_ = first;
}

void QueuedSteps::Impl::run() {
  BALR_CHECK(unread_ < options_.ring_rows);
  const std::int64_t rows = sizes_.at(static_cast<std::size_t>(next_));
  if (rows != order_.size(1) || !may_record()) {
    queue(rows);
  } else if (full_steps_ < kStepsBeforeRecording) {
    ++full_steps_;
    queue(rows);
  } else {
    if (!graph_.recorded()) graph_.record([&] { queue(rows); });
    graph_.replay();
  }
  ++next_;
  ++unread_;
}

// One step, from the place in the epoch to a row of the ring. The same operations on the same
// tensors in every step: what can be recorded.
void QueuedSteps::Impl::queue(std::int64_t rows) {
  const at::Tensor of_batch = order_.index_select(0, cursor_).select(0, 0).narrow(0, 0, rows);
  BatchLabels labels;
  if (step_.needs_labels())
    labels = sort_labels(classes_.index_select(0, of_batch), std::min(largest_class_, rows));
  step_.learning_rate().copy_(rates_.index_select(0, cursor_).select(0, 0));
  const StepResult result =
      step_.queue(values_.index_select(0, of_batch), labels, /*want_gradient_norm=*/true);
  const at::Tensor flag = result.finite_flag.to(at::kDouble);
  const at::Tensor row =
      at::cat({result.losses, flag.view({1}), result.gradient_norm.view({1})}).unsqueeze(0);
  ring_.index_copy_(0, place_, row);
  cursor_.add_(1);
  place_.add_(1).remainder_(options_.ring_rows);
}

std::vector<StepRow> QueuedSteps::Impl::read() {
  std::vector<StepRow> found;
  if (unread_ == 0) return found;
  step_.finish("losses of the last steps");
  const at::Tensor host = ring_.to(at::kCPU);
  const std::int64_t columns = host.size(1);
  for (; unread_ > 0; --unread_) {
    const double* row = host.const_data_ptr<double>() + first_unread_ * columns;
    const std::int64_t losses = columns - 2;
    found.push_back({{row, row + losses}, row[losses] != 0, row[losses + 1]});
    first_unread_ = (first_unread_ + 1) % options_.ring_rows;
  }
  return found;
}

QueuedSteps::QueuedSteps(TrainStep& step, at::Tensor values, at::Tensor classes,
                         QueuedStepsOptions options)
    : impl_(std::make_unique<Impl>(step, std::move(values), std::move(classes), options)) {}
QueuedSteps::~QueuedSteps() = default;
void QueuedSteps::begin(const EpochOrder& order, std::int64_t first) { impl_->begin(order, first); }
void QueuedSteps::run() { impl_->run(); }
std::int64_t QueuedSteps::unread() const { return impl_->unread(); }
std::vector<StepRow> QueuedSteps::read() { return impl_->read(); }

}  // namespace balr
