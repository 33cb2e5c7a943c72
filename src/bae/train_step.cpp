#include "balr/bae/train_step.hpp"

#include <ATen/ATen.h>

#include <utility>

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

class TrainStep::Impl {
 public:
  Impl(const Autoencoder& model, const at::Device& device, TrainStepOptions options,
       Collective* collective)
      : model_(model.to(device)),
        parameters_(model_),
        options_(std::move(options)),
        ops_(options_.canonical ? make_canonical_ops(collective, options_.threads)
                                : make_device_ops(collective)),
        optimizer_(model_, options_.learning_rate, *ops_) {
    BALR_CHECK(!options_.losses.empty());
    BALR_CHECK(!options_.canonical || device.is_cpu());
  }

  StepResult run(const at::Tensor& x, std::span<const std::int64_t> labels);
  double evaluate(const at::Tensor& x) { return evaluate_mse(model_, x, *ops_); }

  const Autoencoder& model() const { return model_; }
  Optimizer& optimizer() { return optimizer_; }

 private:
  void prepare(std::int64_t batch);
  void compute_losses(const at::Tensor& own, std::span<const std::int64_t> labels);
  // From the losses' gradients back to the gradient of `normalized`, which ends up in grad_hidden.
  void backward_to_norm();
  void backward_through_norm(const at::Tensor& norm_totals);
  void weight_gradients(const at::Tensor& x);
  void layer_gradient(const char* layer, const at::Tensor& grad_output, const at::Tensor& input);
  at::Tensor loss_values(const at::Tensor& totals) const;

  Autoencoder model_;
  Parameters parameters_;
  TrainStepOptions options_;
  std::unique_ptr<StepOps> ops_;
  Optimizer optimizer_;
  StepBuffers buffers_;
  LossGradients loss_gradients_;
  BatchStatistics statistics_;
};

void TrainStep::Impl::prepare(std::int64_t batch) {
  if (batch < 2)
    throw DataError(
        "a training batch of one row has no variance to normalise with; choose data.batch_size so "
        "that no "
        "batch has one row");
  if (buffers_.plan.batch == batch) return;
  const auto losses = static_cast<std::int64_t>(options_.losses.size());
  buffers_ = StepBuffers(model_.shape(), losses, ops_->plan(batch), model_.flat().options());
}

StepResult TrainStep::Impl::run(const at::Tensor& x, std::span<const std::int64_t> labels) {
  prepare(x.size(0));
  const BatchPlan& plan = buffers_.plan;
  const at::Tensor own = x.narrow(0, plan.rows.begin, plan.rows.size());
  forward_hidden(parameters_, own, buffers_.activations, *ops_);
  ops_->moments(buffers_.activations.hidden, plan, buffers_.moments);
  statistics_ =
      ops_->statistics(ops_->total(buffers_.moments, plan, "batch statistics"), plan.batch);
  forward_rest(parameters_, statistics_, buffers_.activations, *ops_);

  compute_losses(own, labels);
  backward_to_norm();
  const auto losses = static_cast<std::int64_t>(options_.losses.size()),
             h = model_.shape().internal_dim;
  ops_->normalize_sums(buffers_.grad_hidden, buffers_.activations.hidden, statistics_.mean, plan,
                       buffers_.sums.narrow(1, losses, 2 * h));
  const at::Tensor totals = ops_->total(buffers_.sums, plan, "losses and batch-norm");
  const at::Tensor values = loss_values(totals.narrow(0, 0, losses));
  backward_through_norm(totals.narrow(0, losses, 2 * h));

  weight_gradients(x);
  ops_->reduce_gradients(optimizer_.gradients());
  ops_->normalize_parameter_grads(totals.narrow(0, losses, 2 * h), statistics_,
                                  optimizer_.gradient("encoder.2.weight"),
                                  optimizer_.gradient("encoder.2.bias"));
  const at::Tensor allowed = optimizer_.update(model_, values.select(0, 0));
  ops_->update_running(statistics_, plan.batch, allowed, model_.running_mean(),
                       model_.running_var(), model_.batches_tracked());
  return {values, allowed};
}

void TrainStep::Impl::compute_losses(const at::Tensor& own, std::span<const std::int64_t> labels) {
  const Activations& a = buffers_.activations;
  const LossInput input{buffers_.plan, own, a.recon, a.codes, a.z, labels};
  loss_gradients_ = {{buffers_.record.grad_decoder2}, {buffers_.grad_codes}, {buffers_.grad_z}};
  std::int64_t column = 0;
  for (const auto& loss : options_.losses)
    loss->compute(input, *ops_, buffers_.sums.narrow(1, column++, 1), loss_gradients_);
}

void TrainStep::Impl::backward_to_norm() {
  const Activations& a = buffers_.activations;
  const StepRecord& r = buffers_.record;
  if (!loss_gradients_.recon.written) r.grad_decoder2.zero_();
  ops_->product(r.grad_decoder2, parameters_.decoder2_weight, {}, r.grad_decoder0);
  ops_->tanh_backward(r.grad_decoder0, a.decoded);
  ops_->product(r.grad_decoder0, parameters_.decoder0_weight, {}, buffers_.grad_hidden);
  if (loss_gradients_.codes.written) buffers_.grad_hidden.add_(buffers_.grad_codes);
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

at::Tensor TrainStep::Impl::loss_values(const at::Tensor& totals) const {
  std::vector<at::Tensor> values = {at::zeros({}, totals.options())};
  for (std::size_t i = 0; i < options_.losses.size(); ++i) {
    const Loss& loss = *options_.losses[i];
    values.push_back(totals.select(0, static_cast<std::int64_t>(i)) *
                     loss.scale(buffers_.plan.batch, model_.shape().input_dim));
    values[0] = values[0] + values.back() * loss.weight();
  }
  return at::stack(values);
}

TrainStep::TrainStep(const Autoencoder& model, const at::Device& device, TrainStepOptions options,
                     Collective* collective)
    : impl_(std::make_unique<Impl>(model, device, std::move(options), collective)) {}
TrainStep::~TrainStep() = default;
TrainStep::TrainStep(TrainStep&&) noexcept = default;

StepResult TrainStep::run(const at::Tensor& x, std::span<const std::int64_t> labels) {
  return impl_->run(x, labels);
}
double TrainStep::evaluate(const at::Tensor& x) { return impl_->evaluate(x); }
const Autoencoder& TrainStep::model() const { return impl_->model(); }
StateDict TrainStep::gather_state() { return impl_->optimizer().gather_state(); }
void TrainStep::load_state(const StateDict& state) { impl_->optimizer().load_state(state); }

}  // namespace balr
