#include "balr/train/trainer.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <spdlog/spdlog.h>

#include "balr/bae/train_step.hpp"
#include "balr/core/partition.hpp"
#include "balr/core/thread_pool.hpp"
#include "balr/dist/collective.hpp"
#include "balr/dist/cores.hpp"
#include "balr/dist/device.hpp"
#include "balr/dist/gpu.hpp"
#include "balr/dist/world.hpp"
#include "balr/run/identity.hpp"
#include "balr/run/stop_flag.hpp"
#include "train/hyper_parameters.hpp"
#include "train/progress_log.hpp"
#include "train/run_folder.hpp"
#include "train/shared_state.hpp"
#include "train/step_loop.hpp"
#include "train/training_run.hpp"
#include "train/validation.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// Everything that is known before anything is created.
struct Plan {
  at::Device device = at::kCPU;
  bool canonical = true;
  int threads = 1;
  std::unique_ptr<Batches> train, test;
  bool speakers_are_known = false;  // every validation speaker is a training speaker
  std::int64_t speakers = 0;        // in the training data
  RunIdentity identity;
};

Plan make_plan(const TrainOptions& options, const Table& train, Table& test, const World& world) {
  const TrainSettings& settings = options.settings;
  Plan plan;
  plan.device = choose_device(options.device, world.local_rank(), count_gpus());
  plan.canonical = settings.canonical_sums.value_or(plan.device.is_cpu());
  if (settings.tf32 && plan.device.is_cpu())
    throw ConfigError("trainer.precision=tf32 is for GPUs; leave it out with --device cpu");
  const int ranks = settings.batch_mode == BatchMode::kPerRank ? world.size() : 1;
  plan.train = std::make_unique<Batches>(train, settings, ranks, BatchUse::kSampled, "training");
  plan.speakers = static_cast<std::int64_t>(train.label_names.size());
  if (auto known = training_labels(train, test)) {
    test.labels = std::move(*known);
    plan.speakers_are_known = true;
  }
  plan.test = std::make_unique<Batches>(test, settings, 1, ValidationPass::use(settings), "validation");
  plan.identity.train_hash = train.content_hash;
  plan.identity.test_hash = test.content_hash;
  plan.identity.program_version = options.program_version;
  return plan;
}

void tell_about_resume(const CheckpointMeta& meta, const RunIdentity& identity, const World& world) {
  if (world.rank() != 0) return;
  spdlog::info("resuming at epoch {}, batch {} (step {})", meta.epoch, meta.next_batch, meta.step);
  if (meta.arithmetic != identity.arithmetic)
    spdlog::warn("the checkpoint was made with {} arithmetic, this run goes on with {}: not bit for bit", meta.arithmetic,
                 identity.arithmetic);
  else if (meta.world_size != world.size() && !identity.arithmetic.starts_with("canonical"))
    spdlog::warn("the checkpoint was made by {} ranks, this run has {}: not bit for bit", meta.world_size, world.size());
}

// Collective. The newest checkpoint in the folder, read by rank 0.
std::optional<Checkpoint> find_checkpoint(const fs::path& folder, World& world) {
  std::optional<Checkpoint> start;
  all_agree(world, "checkpoint", [&] {
    if (world.rank() == 0) start = load_newest_checkpoint(folder);
  });
  return broadcast_checkpoint(world, std::move(start));
}

std::vector<std::shared_ptr<const Loss>> make_losses(const LossSettings& settings,
                                                     std::int64_t internal_dim) {
  std::vector<std::shared_ptr<const Loss>> losses;
  if (settings.mse_weight) losses.push_back(make_mse_loss(*settings.mse_weight));
  if (settings.triplet) losses.push_back(make_triplet_loss(*settings.triplet));
  if (settings.sparsity) losses.push_back(make_sparsity_loss(*settings.sparsity, internal_dim));
  if (settings.arcface) losses.push_back(make_arcface_loss(*settings.arcface));
  return losses;
}

TrainStep make_step(const TrainSettings& settings, const Plan& plan, const std::optional<Checkpoint>& start, ThreadPool& pool,
                    Collective& collective) {
  // One generator draws the model, then ArcFace's matrix, as in the Python balr.
  at::Generator generator = at::detail::createCPUGenerator(settings.seed);
  Autoencoder model = Autoencoder::random({settings.input_dim, settings.internal_dim}, generator);
  LossSettings losses = settings.losses;
  TrainStepOptions options;
  if (losses.arcface) {
    losses.arcface->classes = plan.speakers;
    options.heads = {draw_arcface_head(plan.speakers, settings.internal_dim, generator)};
  }
  if (start) model = Autoencoder::from_state_dict(start->model);
  options.learning_rate = settings.learning_rate.rate;
  options.canonical = plan.canonical;
  options.threads = {pool.size(), pool.runner()};
  options.losses = make_losses(losses, settings.internal_dim);
  options.clip_norm = settings.clip_norm;
  TrainStep step(model, plan.device, std::move(options), &collective);
  if (start) step.load_state(start->optimizer);
  return step;
}

void tell_the_start(const TrainSettings& settings, const Plan& plan, const World& world) {
  if (world.rank() != 0) return;
  spdlog::info("training: {} epochs of {} steps, {} rows each, on {}, {} ranks, {} threads each", settings.epochs,
               plan.train->count(), plan.train->rows_per_step(), plan.device.str(), world.size(), plan.threads);
  const std::int64_t blocks = block_count(plan.train->rows_per_step());
  if (plan.canonical && plan.device.is_cpu() && world.size() > blocks)
    spdlog::warn("a batch of {} rows has {} blocks: {} of the {} ranks have no rows to compute", plan.train->rows_per_step(),
                 blocks, world.size() - blocks, world.size());
  if (settings.losses.arcface && !plan.speakers_are_known)
    spdlog::warn("the validation speakers are not all training speakers: validation leaves the ArcFace loss out");
}

// What decides whether a resumed run goes on bit for bit.
std::string arithmetic_of(const Plan& plan, const Collective& collective) {
  if (plan.canonical && plan.device.is_cpu()) return "canonical";
  return (plan.canonical ? "canonical" : collective.name()) + " on " + c10::DeviceTypeName(plan.device.type(), true);
}

// Collective. Computes the run in its folder; returns whether all epochs are done.
bool train_in_folder(const TrainOptions& options, Plan& plan, RunFolder& folder, World& world, const StopFlag& stop) {
  const TrainSettings& settings = options.settings;
  use_own_stream(plan.device);
  at::globalContext().setAllowTF32CuBLAS(settings.tf32);
  const auto collective = make_collective(world, plan.device);
  plan.identity.arithmetic = arithmetic_of(plan, *collective);
  // In the canonical step ATen works on small pieces, in the threads of our own pool.
  const bool own_kernels = plan.canonical && plan.device.is_cpu();
  at::set_num_threads(own_kernels ? 1 : plan.threads);
  ThreadPool pool(own_kernels ? plan.threads : 1);
  plan.train->move_to(plan.device);
  plan.test->move_to(plan.device);
  const auto start = find_checkpoint(folder.path, world);
  TrainStep step = make_step(settings, plan, start, pool, *collective);
  const std::unique_ptr<StepLoop> loop =
      own_kernels
          ? make_direct_loop(step, *plan.train, settings)
          : make_queued_loop(step, *plan.train, settings, settings.cuda_graph);

  std::optional<CheckpointMeta> meta;
  if (start) meta = start->meta;
  std::unique_ptr<RunFiles> files;
  all_agree(world, "files of the run", [&] {
    if (world.rank() == 0)
      files = std::make_unique<RunFiles>(folder.path, TrainingRun::loss_names(settings.losses), meta, folder.state, [&folder] { folder.check_owned(); });
  });
  all_agree(world, "hyper-parameters", [&] {
    if (files && !meta) files->add_hyper_parameters(hyper_parameters(settings));
  });
  tell_the_start(settings, plan, world);
  ProgressLog progress(settings.epochs, plan.train->count(), meta ? meta->step : 0, world.rank() == 0);
  RunEvents events{.step = [&](std::int64_t steps) { progress.step(steps); },
                   .epoch = [&](const EpochReport& report) { progress.epoch(report); }};
  TrainingRun run(settings, plan.identity, world, *plan.train,
                  ValidationPass(settings, *plan.test, plan.speakers_are_known), step, *loop, files.get(),
                  StepControl(world, settings.checkpoint_seconds, [&stop] { return stop.requested(); }), std::move(events));
  if (meta) {
    tell_about_resume(*meta, plan.identity, world);
    run.resume(*meta);
  }
  const bool finished = run.run();
  folder.state.done = run.epochs_done();
  folder.state.per_second = progress.steps_per_second() / static_cast<double>(plan.train->count());
  return finished;
}

void note_failure(RunFolder& folder, const char* reason) {
  folder.state.state = "failed";
  folder.state.stop_reason = reason;
  try {
    if (folder.lease && folder.lease->still_owned()) write_run_state(folder.path, folder.state);
  } catch (const IoError&) {
    // The error that is on its way to the user matters more.
  }
}

void end_run(RunFolder& folder, bool finished, const StopFlag& stop) {
  folder.state.state = finished ? "complete" : "stopped";
  folder.state.stop_reason = finished ? "" : stop.requested() ? stop.reason() : "a signal to another rank";
  write_run_state(folder.path, folder.state);
  if (finished) {
    spdlog::info("training is finished: {}", folder.path.string());
    spdlog::info("tensorboard --logdir {}", folder.path.string());
  } else {
    spdlog::info("stopped by {}; the same command goes on from the checkpoint in {}", folder.state.stop_reason, folder.path.string());
  }
}

}  // namespace

namespace {

ExitCode train_tables(const TrainOptions& options, const Table& train, Table test, World& world, const StopFlag& stop) {
  Plan plan;
  all_agree(world, "check of arguments and data", [&] { plan = make_plan(options, train, test, world); });
  std::vector<IdentityPart> parts{{"the configuration", options.config_identity},
                                  {"the training data", train.content_hash},
                                  {"the validation data", test.content_hash}};
  plan.identity.identity = identity_hash(parts);
  parts.push_back({"the program version", options.program_version});  // of the ranks, not of the run
  agree_identity(world, parts);
  const int cores = cores_of_rank(world);
  plan.threads = options.settings.num_threads > 0 ? static_cast<int>(options.settings.num_threads) : cores;
  RunFolder folder = open_run_folder(options, plan.identity.identity, world);
  if (folder.finished) return ExitCode::kOk;
  const bool speaks = world.rank() == 0;
  bool finished = false;
  try {
    finished = train_in_folder(options, plan, folder, world, stop);
  } catch (const std::exception& e) {
    if (speaks) note_failure(folder, e.what());
    throw;
  }
  all_agree(world, "end of the run", [&] {
    if (speaks) end_run(folder, finished, stop);
  });
  return finished || !speaks ? ExitCode::kOk : ExitCode::kStopped;
}

}  // namespace

ExitCode train_on_tables(const TrainOptions& options, VectorTable train, VectorTable test, World& world, const StopFlag& stop) {
  Table train_table, test_table;
  all_agree(world, "check of the data", [&] {
    check_finite(train, "training");
    check_finite(test, "validation");
    train_table = make_table(std::move(train));
    test_table = make_table(std::move(test));
  });
  return train_tables(options, train_table, std::move(test_table), world, stop);
}

ExitCode train(const TrainOptions& options, World& world, const StopFlag& stop) {
  world.set_watchdog({.watchdog_seconds = options.settings.watchdog_seconds});
  // A missing or shared GPU need not wait for the data.
  c10::Device device(c10::kCPU);
  all_agree(world, "choice of the device", [&] { device = choose_device(options.device, world.local_rank(), count_gpus()); });
  refuse_shared_gpus(world, device);
  const Table train = open_table(options.train_input, options.root_dir, "training", world);
  const Table test = open_table(options.test_input, options.root_dir, "validation", world);
  for (const auto& [name, table] : {std::pair("training", &train), std::pair("validation", &test)}) {
    if (world.rank() != 0) continue;
    spdlog::info("{} data: {} embeddings of {} speakers from {} ({})", name, table->rows(), table->label_names.size(),
                 table->source, table->model);
    if (table->dropped > 0) spdlog::warn("{} {} rows are left out: their extraction failed", table->dropped, name);
  }
  return train_tables(options, train, test, world, stop);
}

}  // namespace balr
