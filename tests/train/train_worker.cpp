// Trains a small auto-encoder on a made-up table, as `balr train` would: the program that the tests start on several
// ranks, kill and start again. Usage: train_worker SAVE_DIR [name=value ...].
#include <cmath>
#include <cstdio>
#include <map>

#include "balr/core/log.hpp"
#include "balr/dist/world.hpp"
#include "balr/run/stop_flag.hpp"
#include "balr/train/trainer.hpp"

namespace balr {
namespace {

constexpr std::int64_t kDimension = 24;

// Uniform in [-1, 1), a function of `index` only (splitmix64).
float noise(std::uint64_t index) {
  std::uint64_t z = index * 0x9E3779B97F4A7C15ull + 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return static_cast<float>(static_cast<double>((z ^ (z >> 31)) >> 40) * 0x1p-23 - 1);
}

// Each speaker has a centre; rows scatter around it.
VectorTable make_table(int speakers, int rows_each, std::uint64_t seed, const char* name) {
  VectorTable table;
  table.dimension = kDimension;
  for (int s = 0; s < speakers; ++s) {
    table.label_names.push_back(name + std::to_string(100 + s));
    for (int i = 0; i < rows_each; ++i) {
      for (std::int64_t d = 0; d < kDimension; ++d) {
        const auto at = static_cast<std::uint64_t>((s * 1000 + i) * kDimension + d);
        table.values.push_back(noise(static_cast<std::uint64_t>(s * kDimension + d)) + 0.3f * noise(seed + at));
      }
      table.ids.push_back(table.label_names.back() + "-" + std::to_string(1000 + i));
      table.speakers.push_back(table.label_names.back());
      table.labels.push_back(s);
    }
  }
  table.content_hash = "made-up-" + std::to_string(seed);
  return table;
}

struct Arguments {
  std::map<std::string, std::string> values;
  std::int64_t get(const char* name, std::int64_t otherwise) const {
    const auto found = values.find(name);
    return found == values.end() ? otherwise : std::stoll(found->second);
  }
};

// losses=m, t, s, a or several of them.
LossSettings losses_of(const Arguments& arguments) {
  const auto found = arguments.values.find("losses");
  const std::string letters = found == arguments.values.end() ? "m" : found->second;
  const auto has = [&](char letter) { return letters.find(letter) != std::string::npos; };
  LossSettings losses;
  if (!has('m')) losses.mse_weight.reset();
  if (has('t')) losses.triplet.emplace();
  if (has('s')) losses.sparsity = {.weight = 0.01, .group_rows = 5};
  if (has('a')) losses.arcface = {.weight = 0.01};
  return losses;
}

TrainOptions make_options(const char* save_dir, const Arguments& arguments) {
  TrainOptions options;
  options.save_dir = save_dir;
  if (arguments.values.contains("device")) options.device = arguments.values.at("device");
  options.exist_ok = arguments.get("exist_ok", 0);
  options.resume = arguments.get("resume", 1);
  options.must_resume = arguments.get("must_resume", 0);
  TrainSettings& s = options.settings;
  s.input_dim = kDimension;
  s.internal_dim = 32;
  s.epochs = arguments.get("epochs", 10);
  s.classes_per_batch = arguments.get("classes", 4);
  s.samples_per_class = arguments.get("samples", 5);
  s.batch_size = arguments.get("batch_size", 20);
  s.sampler = "balr.samplers.nxm_samplers.RandomNxMSampler";
  s.val_period = arguments.get("val_period", 3);
  s.log_period = 1;
  s.save_period = arguments.get("save_period", 0);
  s.num_threads = arguments.get("threads", 1);
  s.learning_rate.rate = 0.003;
  if (arguments.values.contains("learning_rate")) s.learning_rate.rate = std::stod(arguments.values.at("learning_rate"));
  s.losses = losses_of(arguments);
  s.early_stopping = arguments.get("early_stopping", 0);
  s.learning_rate.warmup_steps = arguments.get("warmup_steps", 0);
  if (arguments.get("cosine", 0)) s.learning_rate.schedule = Schedule::kCosine;
  s.clip_norm = 1e-3 * static_cast<double>(arguments.get("clip_norm_thousandths", 0));
  if (arguments.get("shuffle_only", 0)) s.sampler = "";
  s.drop_last = arguments.get("drop_last", 0);
  s.checkpoint_seconds = static_cast<double>(arguments.get("checkpoint_ms", 60000)) * 1e-3;
  s.watchdog_seconds = 60;
  if (arguments.get("per_rank", 0)) s.batch_mode = BatchMode::kPerRank;
  if (arguments.get("sampled", 0)) s.validation = Validation::kSampled;
  s.tf32 = arguments.get("tf32", 0) != 0;
  if (arguments.values.contains("canonical")) s.canonical_sums = arguments.get("canonical", 1) != 0;
  options.config_yaml = "trainer:\n  epochs: " + std::to_string(s.epochs) + "\n";
  options.config_identity = "epochs=" + std::to_string(s.epochs) + " batch_size=" + std::to_string(s.batch_size) +
                            " losses=" + std::to_string(s.losses.names().size());
  return options;
}

int run(int argc, char** argv) {
  Arguments arguments;
  for (int i = 2; i < argc; ++i) {
    const std::string text = argv[i];
    arguments.values[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
  }
  StopFlag stop = StopFlag::install();
  const auto world = World::start(&argc, &argv);
  stop = StopFlag::install();
  init_log({.level = "info", .rank = world->rank(), .size = world->size(), .folder = {}});
  try {
    // 7 rows >= 5 drawn; 11 speakers: padded list
    VectorTable train = make_table(static_cast<int>(arguments.get("speakers", 11)),
                                   static_cast<int>(arguments.get("rows", 7)), 1, "speaker");
    VectorTable test = make_table(static_cast<int>(arguments.get("test_speakers", 5)), 9, 2,
                                  arguments.get("foreign", 0) ? "stranger" : "speaker");
    if (arguments.get("poison", 0)) train.values[100] = NAN;
    return static_cast<int>(train_on_tables(make_options(argv[1], arguments), std::move(train), std::move(test), *world, stop));
  } catch (const Error& e) {
    std::fprintf(stderr, "train_worker: error: %s\n", e.what());
    world->abort(static_cast<int>(e.code()), e.what());
    return static_cast<int>(e.code());
  }
}

}  // namespace
}  // namespace balr

int main(int argc, char** argv) { return balr::run(argc, argv); }
