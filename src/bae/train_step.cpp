#include "balr/bae/train_step.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <map>
#include <utility>

#include "bae/batch_labels.hpp"
#include "bae/device_ops.hpp"
#include "bae/evaluate.hpp"
#include "bae/forward.hpp"
#include "bae/optimizer.hpp"
#include "bae/step_buffers.hpp"
#include "balr/core/error.hpp"

namespace balr {

std::vector<double> StepResult::values() const {
  const at::Tensor host = losses.to(at::kCPU).contiguous();
  const double* data = static_cast<const double*>(host.data_ptr());
  return {data, data + host.numel()};
}

bool StepResult::finite() const { return finite_flag.item<bool>(); }

namespace {

// ArcFace's matrix is arcface.W in the state dict.
std::string head_name(const Loss& loss) {
  std::string name = loss.name();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return name + ".W";
}

std::unique_ptr<StepOps> make_ops(const TrainStepOptions& options, const at::Device& device,
                                  Collective* collective) {
  if (!options.canonical) return make_device_ops(collective);
  if (options.as_device || !device.is_cpu()) return make_canonical_device_ops(collective);
  return make_canonical_ops(collective, options.threads);
}

}  // namespace

class TrainStep::Impl {
 public:
  Impl(const Autoencoder& model, const at::Device& device, TrainStepOptions options,
       Collective* collective)
      : model_(model.to(device)),
        parameters_(model_),
        options_(std::move(options)),
        ops_(make_ops(options_, device, collective)),
        heads_(make_heads()),
        optimizer_(model_, heads_, *ops_),
        learning_rate_(at::full({}, options_.learning_rate,
                                model_.flat().options().dtype(at::kDouble))) {
    for (const auto& loss : options_.losses) {
      constants_.push_back(loss->constants());
      if (constants_.back().defined()) constants_.back() = constants_.back().to(device);
    }
    BALR_CHECK(!options_.losses.empty());
  }

  StepResult run(const at::Tensor& x, const BatchLabels& labels, bool want_norm);
  // On the model's device, checked; undefined tensors unless a loss wants them.
  BatchLabels labels_of(std::span<const std::int64_t> labels, std::int64_t batch) const;
  bool needs_labels() const {
    return std::ranges::any_of(options_.losses, [](auto& loss) { return loss->needs_labels(); });
  }
  std::size_t loss_count() const { return options_.losses.size(); }
  void check(const BatchLabels& labels) const {
    for (const auto& loss : options_.losses) loss->check(labels);
  }
  void finish(const char* what) { ops_->finish(what); }
  Evaluation evaluate(const at::Tensor& x) { return evaluate_rows(model_, x, *ops_); }
  std::vector<double> evaluate_losses(const at::Tensor& x, std::span<const std::int64_t> labels,
                                      const std::vector<bool>& wanted);

  const at::Tensor& learning_rate() const { return learning_rate_; }
  const Autoencoder& model() const { return model_; }
  StateDict replicated() const;
  Optimizer& optimizer() { return optimizer_; }

 private:
  std::vector<Optimizer::Head> make_heads() const;
  std::int64_t loss_columns() const;
  void prepare(const at::Tensor& x);
  // Partial sums of the losses that `wanted` (null: all), with their gradients or not.
  void compute_losses(const at::Tensor& own, const Activations& activations,
                      const BatchPlan& plan, const BatchLabels& labels, const at::Tensor& sums,
                      LossGradients* gradients, const std::vector<bool>* wanted);
  // From the losses' gradients back to the gradient of `normalized`, which ends up in grad_hidden.
  void backward_to_norm();
  void backward_through_norm(const at::Tensor& norm_totals);
  void weight_gradients(const at::Tensor& x);
  void layer_gradient(const char* layer, const at::Tensor& grad_output, const at::Tensor& input);
  at::Tensor loss_values(const at::Tensor& totals, const BatchPlan& plan) const;

  Autoencoder model_;
  Parameters parameters_;
  TrainStepOptions options_;
  std::unique_ptr<StepOps> ops_;
  std::vector<Optimizer::Head> heads_;
  Optimizer optimizer_;
  at::Tensor learning_rate_;
  std::vector<at::Tensor> constants_;  // of each loss
  // By rows of a batch; kept, since a recorded step goes on writing to its own.
  std::map<std::int64_t, StepBuffers> all_buffers_;
  StepBuffers buffers_;  // of the batch at hand: the same tensors
  LossGradients loss_gradients_;
  CodePairs pairs_;
  BatchStatistics statistics_;
};

std::vector<Optimizer::Head> TrainStep::Impl::make_heads() const {
  std::vector<Optimizer::Head> heads;
  const std::int64_t h = model_.shape().internal_dim;
  for (const auto& loss : options_.losses) {
    if (loss->head_rows() == 0) continue;
    BALR_CHECK(heads.size() < options_.heads.size());
    const at::Tensor& initial = options_.heads[heads.size()];
    BALR_CHECK(initial.dim() == 2 && initial.size(0) == loss->head_rows() && initial.size(1) == h);
    heads.push_back({{head_name(*loss), 0, loss->head_rows(), h},
                     initial.to(model_.flat().options()).clone().contiguous()});
  }
  return heads;
}

StateDict TrainStep::Impl::replicated() const {
  StateDict all = model_.state_dict();
  for (const Optimizer::Head& head : heads_) all.emplace_back(head.place.name, head.value);
  return all;
}

std::int64_t TrainStep::Impl::loss_columns() const {
  std::int64_t columns = 0;
  for (const auto& loss : options_.losses) columns += loss->columns();
  return columns;
}

void TrainStep::Impl::prepare(const at::Tensor& x) {
  const std::int64_t batch = x.size(0);
  if (batch < 2)
    throw DataError(
        "a training batch of one row has no variance to normalise with; choose data.batch_size so "
        "that no batch has one row");
  if (buffers_.plan.batch == batch) return;
  StepBuffers& own = all_buffers_[batch];
  if (own.plan.batch != batch)
    own = StepBuffers(model_.shape(), loss_columns(), ops_->plan(batch), ops_->gathers(),
                      model_.flat().options());
  buffers_ = own;
}

BatchLabels TrainStep::Impl::labels_of(std::span<const std::int64_t> labels,
                                       std::int64_t batch) const {
  if (!needs_labels()) return {};
  BALR_CHECK(static_cast<std::int64_t>(labels.size()) == batch);
  BatchLabels sorted = sort_labels(labels);
  check(sorted);
  sorted.classes = sorted.classes.to(model_.flat().device());
  sorted.order = sorted.order.to(model_.flat().device());
  return sorted;
}

StepResult TrainStep::Impl::run(const at::Tensor& x, const BatchLabels& labels, bool want_norm) {
  prepare(x);
  const BatchPlan& plan = buffers_.plan;
  const at::Tensor own = x.narrow(0, plan.rows.begin, plan.rows.size());
  forward_hidden(parameters_, own, buffers_.activations, *ops_);
  ops_->moments(buffers_.activations.hidden, plan, buffers_.moments);
  statistics_ =
      ops_->statistics(ops_->total(buffers_.moments, plan, "batch statistics"), plan.batch);
  forward_rest(parameters_, statistics_, buffers_.activations, *ops_);

  loss_gradients_ = {{buffers_.record.grad_decoder2}, {buffers_.grad_z}, {buffers_.grad_codes}, {}};
  compute_losses(own, buffers_.activations, plan, labels, buffers_.sums, &loss_gradients_, nullptr);
  backward_to_norm();
  const std::int64_t columns = loss_columns(), h = model_.shape().internal_dim;
  ops_->normalize_sums(buffers_.grad_hidden, buffers_.activations.hidden, statistics_.mean, plan,
                       buffers_.sums.narrow(1, columns, 2 * h));
  const at::Tensor totals = ops_->total(buffers_.sums, plan, "losses and batch-norm");
  const at::Tensor values = loss_values(totals.narrow(0, 0, columns), plan);
  backward_through_norm(totals.narrow(0, columns, 2 * h));

  weight_gradients(x);
  ops_->reduce_gradients(optimizer_.gradients());
  ops_->normalize_parameter_grads(totals.narrow(0, columns, 2 * h), statistics_,
                                  optimizer_.gradient("encoder.2.weight"),
                                  optimizer_.gradient("encoder.2.bias"));
  at::Tensor norm;
  if (want_norm || options_.clip_norm > 0) norm = optimizer_.gradient_norm();
  if (options_.clip_norm > 0) optimizer_.clip(norm, options_.clip_norm);
  const at::Tensor allowed = optimizer_.update(learning_rate_, values.select(0, 0));
  ops_->update_running(statistics_, plan.batch, allowed, model_.running_mean(),
                       model_.running_var(), model_.batches_tracked());
  return {values, allowed, norm};
}

void TrainStep::Impl::compute_losses(const at::Tensor& own, const Activations& a,
                                     const BatchPlan& plan, const BatchLabels& labels,
                                     const at::Tensor& sums, LossGradients* gradients,
                                     const std::vector<bool>* wanted) {
  const auto skips = [&](std::size_t i) { return wanted && !(*wanted)[i]; };
  bool needs_pairs = false;
  for (std::size_t i = 0; i < options_.losses.size(); ++i)
    needs_pairs |= !skips(i) && options_.losses[i]->needs_pairs();
  if (needs_pairs) pairs_ = ops_->code_pairs(a.codes, plan);
  LossInput input{plan, own, a.recon, a.codes, a.z, &labels, &pairs_, {}, {}};
  std::int64_t column = 0;
  std::size_t head = 0;
  for (std::size_t i = 0; i < options_.losses.size(); ++i) {
    const Loss& loss = *options_.losses[i];
    input.constants = constants_[i];
    if (loss.head_rows() > 0) {
      input.head = heads_[head].value;
      if (gradients) gradients->head = optimizer_.head_gradient(head);
      ++head;
    }
    if (!skips(i))
      loss.compute(input, *ops_, sums.narrow(1, column, loss.columns()), gradients);
    column += loss.columns();
  }
}

std::vector<double> TrainStep::Impl::evaluate_losses(const at::Tensor& x,
                                                     std::span<const std::int64_t> labels,
                                                     const std::vector<bool>& wanted) {
  BALR_CHECK(wanted.size() == options_.losses.size());
  const BatchPlan plan = ops_->plan(x.size(0));
  const at::Tensor own = x.narrow(0, plan.rows.begin, plan.rows.size());
  const Activations activations = forward_eval(model_, own, *ops_);
  const at::Tensor sums =
      at::zeros({plan.blocks, loss_columns()}, x.options().dtype(at::kDouble));
  compute_losses(own, activations, plan, labels_of(labels, plan.batch), sums, nullptr, &wanted);
  const at::Tensor totals = ops_->total(sums, plan, "validation losses");
  ops_->finish("validation losses");
  std::vector<double> values = StepResult{loss_values(totals, plan), {}, {}}.values();
  values.erase(values.begin());  // the total
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (!wanted[i]) values[i] = std::numeric_limits<double>::quiet_NaN();
  return values;
}

void TrainStep::Impl::backward_to_norm() {
  const Activations& a = buffers_.activations;
  const StepRecord& r = buffers_.record;
  if (!loss_gradients_.recon.written) r.grad_decoder2.zero_();
  ops_->product(r.grad_decoder2, parameters_.decoder2_weight, {}, r.grad_decoder0);
  ops_->tanh_backward(r.grad_decoder0, a.decoded);
  ops_->product(r.grad_decoder0, parameters_.decoder0_weight, {}, buffers_.grad_hidden);
  if (loss_gradients_.unit_codes.written) {
    const BatchPlan& plan = buffers_.plan;
    ops_->normalize_rows_backward(
        buffers_.grad_codes, a.codes,
        pairs_.inverse_norms.narrow(0, plan.rows.begin, plan.rows.size()), /*divide=*/true);
    ops_->add(buffers_.grad_codes, buffers_.grad_hidden);
  }
  ops_->straight_through(buffers_.grad_hidden,
                         loss_gradients_.z.written ? buffers_.grad_z : at::Tensor(), a.z,
                         r.grad_encoder3);
  ops_->product(r.grad_encoder3, parameters_.encoder3_weight, {}, buffers_.grad_hidden);
}

void TrainStep::Impl::backward_through_norm(const at::Tensor& norm_totals) {
  ops_->normalize_backward(buffers_.grad_hidden, buffers_.activations.hidden, statistics_,
                           parameters_.gamma, norm_totals, buffers_.plan.batch,
                           buffers_.record.grad_encoder0);
}

void TrainStep::Impl::weight_gradients(const at::Tensor& x) {
  at::Tensor inputs = x, codes = buffers_.activations.codes;
  StepRecord all = buffers_.record;
  if (ops_->gathers()) {
    ops_->pack_codes(codes, all.code_bits);
    all = StepRecord(ops_->gather(all.rows, buffers_.plan, "gradients by row"), model_.shape());
    if (!buffers_.all_codes.defined())
      buffers_.all_codes = at::empty({x.size(0), codes.size(1)}, codes.options());
    codes = buffers_.all_codes;
    ops_->unpack_codes(all.code_bits, codes);
  } else {
    inputs = x.narrow(0, buffers_.plan.rows.begin, buffers_.plan.rows.size());
  }
  layer_gradient("encoder.0", all.grad_encoder0, inputs);
  layer_gradient("encoder.3", all.grad_encoder3, all.normalized);
  layer_gradient("decoder.0", all.grad_decoder0, codes);
  layer_gradient("decoder.2", all.grad_decoder2, all.decoded);
}

void TrainStep::Impl::layer_gradient(const char* layer, const at::Tensor& grad_output,
                                     const at::Tensor& input) {
  const Range owned = ops_->features(grad_output.size(1), ops_->rank());
  const at::Tensor grads = grad_output.narrow(1, owned.begin, owned.size());
  const std::string name = layer;
  ops_->product(grads.t(), input, {},
                optimizer_.gradient(name + ".weight").narrow(0, owned.begin, owned.size()));
  ops_->column_sums(grads, buffers_.plan,
                    optimizer_.gradient(name + ".bias").narrow(0, owned.begin, owned.size()));
}

at::Tensor TrainStep::Impl::loss_values(const at::Tensor& totals, const BatchPlan& plan) const {
  std::vector<at::Tensor> values = {at::zeros({}, totals.options())};
  std::int64_t column = 0;
  for (const auto& loss : options_.losses) {
    values.push_back(loss->value(totals.narrow(0, column, loss->columns()), plan.batch,
                                 model_.shape().input_dim));
    values[0] = values[0] + values.back() * loss->weight();
    column += loss->columns();
  }
  return at::stack(values);
}

TrainStep::TrainStep(const Autoencoder& model, const at::Device& device, TrainStepOptions options,
                     Collective* collective)
    : impl_(std::make_unique<Impl>(model, device, std::move(options), collective)) {}
TrainStep::~TrainStep() = default;
TrainStep::TrainStep(TrainStep&&) noexcept = default;

void TrainStep::set_learning_rate(double rate) { impl_->learning_rate().fill_(rate); }
at::Tensor TrainStep::learning_rate() const { return impl_->learning_rate(); }
StepResult TrainStep::run(const at::Tensor& x, std::span<const std::int64_t> labels,
                          bool want_gradient_norm) {
  return impl_->run(x, impl_->labels_of(labels, x.size(0)), want_gradient_norm);
}
StepResult TrainStep::queue(const at::Tensor& x, const BatchLabels& labels,
                            bool want_gradient_norm) {
  return impl_->run(x, labels, want_gradient_norm);
}
bool TrainStep::needs_labels() const { return impl_->needs_labels(); }
std::size_t TrainStep::loss_count() const { return impl_->loss_count(); }
void TrainStep::check(std::span<const std::int64_t> labels) const {
  if (impl_->needs_labels()) impl_->check(sort_labels(labels));
}
void TrainStep::finish(const char* what) { impl_->finish(what); }
Evaluation TrainStep::evaluate(const at::Tensor& x) { return impl_->evaluate(x); }
std::vector<double> TrainStep::evaluate_losses(const at::Tensor& x,
                                               std::span<const std::int64_t> labels,
                                               const std::vector<bool>& wanted) {
  return impl_->evaluate_losses(x, labels, wanted);
}
const Autoencoder& TrainStep::model() const { return impl_->model(); }
StateDict TrainStep::replicated() const { return impl_->replicated(); }
StateDict TrainStep::gather_state() { return impl_->optimizer().gather_state(); }
void TrainStep::load_state(const StateDict& state) { impl_->optimizer().load_state(state); }

}  // namespace balr
