#include "balr/train/trainer.hpp"

#include <ATen/Parallel.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "balr/bae/train_step.hpp"
#include "balr/core/atomic_file.hpp"
#include "balr/core/thread_pool.hpp"
#include "balr/dist/collective.hpp"
#include "balr/dist/world.hpp"
#include "balr/run/stop_flag.hpp"
#include "train/device.hpp"
#include "train/output_folder.hpp"
#include "train/progress_log.hpp"
#include "train/shared_state.hpp"
#include "train/training_run.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// Everything that is known before anything is created.
struct Plan {
  at::Device device = at::kCPU;
  bool canonical = true;
  int threads = 1;
  std::unique_ptr<Batches> train, test;
  RunIdentity identity;
};

std::string slurm_job() {
  const char* job = std::getenv("SLURM_JOB_ID");
  return job ? job : "";
}

void check_ranks_fit(const at::Device& device, const World& world) {
  if (device.is_cuda() && world.local_size() > count_gpus())
    throw ConfigError(std::to_string(world.local_size()) + " ranks run on " + world.host() + ", which shows " +
                      std::to_string(count_gpus()) + " GPUs; start one rank per GPU");
}

Plan make_plan(const TrainOptions& options, const VectorTable& train, const VectorTable& test, const World& world) {
  const TrainSettings& settings = options.settings;
  Plan plan;
  plan.device = choose_device(options.device, world.local_rank(), count_gpus());
  check_ranks_fit(plan.device, world);
  plan.canonical = settings.canonical_sums.value_or(plan.device.is_cpu());
  if (plan.canonical && !plan.device.is_cpu())
    throw ConfigError("trainer.canonical_sums=true works with --device cpu only; leave it out on a GPU");
  plan.threads = settings.num_threads > 0 ? static_cast<int>(settings.num_threads)
                                          : std::max(1, usable_cores() / world.local_size());
  const int ranks = settings.batch_mode == BatchMode::kPerRank ? world.size() : 1;
  plan.train = std::make_unique<Batches>(train, settings, ranks, true, "training");
  plan.test = std::make_unique<Batches>(test, settings, 1, settings.validation == Validation::kSampled, "validation");
  plan.identity = {.identity = run_identity(options.config_identity, train.content_hash, test.content_hash),
                   .train_hash = train.content_hash,
                   .test_hash = test.content_hash,
                   .arithmetic = "canonical",
                   .program_version = options.program_version};
  return plan;
}

// Every rank has read the same tables and got the same configuration.
void check_ranks_agree(World& world, const std::string& identity) {
  const auto all = world.all_gather(identity, "identity of the run");
  for (std::size_t rank = 0; rank < all.size(); ++rank)
    if (all[rank] != all[0])
      throw DataError("rank " + std::to_string(rank) + " has read other data, or another configuration, than rank 0; check "
                      "that all nodes see the same files");
}

FolderChoice agree_on_folder(const TrainOptions& options, const std::string& identity, World& world) {
  std::string text;
  all_agree(world, "choice of the output folder", [&] {
    if (world.rank() != 0) return;
    const FolderChoice choice = choose_folder(
        {options.save_dir, identity, slurm_job(), options.exist_ok, options.resume, options.must_resume});
    text = static_cast<char>('0' + static_cast<int>(choice.state)) + choice.folder.string() + '\0' + choice.note;
  });
  text = world.broadcast(text, 0, "output folder");
  const std::size_t end = text.find('\0');
  return {text.substr(1, end - 1), static_cast<FolderState>(text[0] - '0'), text.substr(end + 1)};
}

void prepare_folder(const TrainOptions& options, const FolderChoice& choice, const std::string& identity) {
  create_run_folder(choice.folder, identity, slurm_job());
  remove_temporaries(choice.folder);
  write_file_atomically(choice.folder / "config.yaml", options.config_yaml);
}

void tell_about_resume(const CheckpointMeta& meta, const RunIdentity& identity, const World& world) {
  if (world.rank() != 0) return;
  spdlog::info("resuming at epoch {}, batch {} (step {})", meta.epoch, meta.next_batch, meta.step);
  if (meta.arithmetic != identity.arithmetic)
    spdlog::warn("the checkpoint was made with {} arithmetic, this run goes on with {}: not bit for bit", meta.arithmetic,
                 identity.arithmetic);
  else if (meta.world_size != world.size() && identity.arithmetic != "canonical")
    spdlog::warn("the checkpoint was made by {} ranks, this run has {}: not bit for bit", meta.world_size, world.size());
}

// Computation of one run in its folder; true: to the end, false: stopped.
bool train_in_folder(const TrainOptions& options, Plan& plan, const fs::path& folder, World& world, const StopFlag& stop) {
  const TrainSettings& settings = options.settings;
  const auto collective = make_collective(world, plan.device);
  if (!plan.canonical)
    plan.identity.arithmetic = collective->name() + " " + std::to_string(world.size()) + " " + plan.device.str().substr(0, 4);
  // In the canonical step ATen works on small pieces, in the threads of our own pool.
  at::set_num_threads(plan.canonical ? 1 : plan.threads);
  ThreadPool pool(plan.canonical ? plan.threads : 1);
  plan.train->move_to(plan.device);
  plan.test->move_to(plan.device);

  std::optional<Checkpoint> start;
  all_agree(world, "checkpoint", [&] {
    if (world.rank() == 0) start = load_newest_checkpoint(folder);
  });
  start = broadcast_checkpoint(world, std::move(start));

  const Autoencoder model = start ? Autoencoder::from_state_dict(start->model)
                                  : Autoencoder::random({settings.input_dim, settings.internal_dim}, settings.seed);
  TrainStepOptions step_options;
  step_options.learning_rate = settings.learning_rate;
  step_options.canonical = plan.canonical;
  step_options.threads = {pool.size(), pool.runner()};
  step_options.losses = {make_mse_loss(settings.mse_weight)};
  TrainStep step(model, plan.device, std::move(step_options), collective.get());
  if (start) step.load_state(start->optimizer);

  std::optional<CheckpointMeta> meta;
  if (start) meta = start->meta;
  std::unique_ptr<RunFiles> files;
  all_agree(world, "files of the run", [&] {
    if (world.rank() == 0) files = std::make_unique<RunFiles>(folder, TrainingRun::loss_names(), meta);
  });
  std::unique_ptr<ProgressLog> progress;
  RunEvents events{.step = [](std::int64_t) {}, .epoch = [](const EpochReport&) {}};
  if (world.rank() == 0) {
    const std::int64_t ranks = settings.batch_mode == BatchMode::kPerRank ? world.size() : 1;
    progress = std::make_unique<ProgressLog>(settings.epochs, plan.train->count(), settings.batch_size * ranks, meta ? meta->step : 0);
    events.step = [&](std::int64_t steps) { progress->step(steps); };
    events.epoch = [&](const EpochReport& report) { progress->epoch(report); };
  }
  TrainingRun run(settings, plan.identity, world, *plan.train, *plan.test, step, files.get(),
                  StepControl(world, settings.checkpoint_seconds, [&stop] { return stop.requested(); }), std::move(events));
  if (meta) {
    tell_about_resume(*meta, plan.identity, world);
    run.resume(*meta);
  }
  return run.run();
}

void tell_the_end(const fs::path& folder, bool finished) {
  if (finished) {
    spdlog::info("training is finished: {}", folder.string());
    spdlog::info("tensorboard --logdir {}", folder.string());
  } else {
    spdlog::info("stopped on request; the same command goes on from the checkpoint in {}", folder.string());
  }
}

}  // namespace

ExitCode train_on_tables(const TrainOptions& options, VectorTable train, VectorTable test, World& world, const StopFlag& stop) {
  Plan plan;
  all_agree(world, "check of arguments and data", [&] { plan = make_plan(options, train, test, world); });
  check_ranks_agree(world, plan.identity.identity);
  const FolderChoice choice = agree_on_folder(options, plan.identity.identity, world);
  const bool speaks = world.rank() == 0;
  if (speaks && !choice.note.empty()) {
    if (choice.state == FolderState::kFresh)
      spdlog::warn("{}", choice.note);
    else
      spdlog::info("{}", choice.note);
  }
  if (choice.state == FolderState::kFinished) return ExitCode::kOk;
  all_agree(world, "output folder", [&] {
    if (speaks) prepare_folder(options, choice, plan.identity.identity);
  });
  const bool finished = train_in_folder(options, plan, choice.folder, world, stop);
  all_agree(world, "end of the run", [&] {
    if (speaks && finished) mark_finished(choice.folder);
  });
  if (speaks) tell_the_end(choice.folder, finished);
  return finished || !speaks ? ExitCode::kOk : ExitCode::kStopped;
}

ExitCode train(const TrainOptions& options, World& world, const StopFlag& stop) {
  VectorTable train, test;
  all_agree(world, "reading the embeddings", [&] {
    choose_device(options.device, world.local_rank(), count_gpus());  // a missing GPU need not wait for the data
    const Busy busy(world, "reading the embeddings");
    train = open_vectors(options.train_input, options.root_dir, true);
    test = open_vectors(options.test_input, options.root_dir, true);
  });
  for (const auto& [name, table] : {std::pair("training", &train), std::pair("validation", &test)}) {
    if (world.rank() != 0) continue;
    spdlog::info("{} data: {} embeddings of {} speakers from {} ({})", name, table->rows(), table->label_names.size(),
                 table->source, table->model);
    if (table->dropped > 0) spdlog::warn("{} {} rows are left out: their extraction failed", table->dropped, name);
  }
  return train_on_tables(options, std::move(train), std::move(test), world, stop);
}

}  // namespace balr
