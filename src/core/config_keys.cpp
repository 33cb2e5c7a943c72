// The table of all keys: what a user may set, what it means, and whether it changes numbers.
#include "balr/core/config.hpp"

namespace balr {
namespace {

// clang-format off
constexpr auto kInt = KeyType::kInt;
constexpr auto kFloat = KeyType::kFloat;
constexpr auto kBool = KeyType::kBool;
constexpr auto kText = KeyType::kText;
constexpr auto kOptionalText = KeyType::kOptionalText;
constexpr auto kTextList = KeyType::kTextList;
constexpr auto kOptionalPath = KeyType::kOptionalPath;
using Roles = std::vector<KeyRole>;

const Roles& runtime() { static const Roles roles = {KeyRole::kRuntime}; return roles; }
const Roles& extract() { static const Roles roles = {KeyRole::kExtractIdentity}; return roles; }
const Roles& train() { static const Roles roles = {KeyRole::kTrainIdentity}; return roles; }
const Roles& score() { static const Roles roles = {KeyRole::kScoreIdentity}; return roles; }

void add_run_keys(std::vector<KeyInfo>& keys) {
  keys.insert(keys.end(), {
    {"save_dir", kOptionalPath, "null", runtime(), "folder of the results (option --save-dir)"},
    {"model_dir", kOptionalPath, "null", runtime(), "of the Python balr, which never reads it"},
    {"device", kText, "cpu", runtime(), "cpu, cuda or cuda:N (option --device)"},
    {"audio_formats", kTextList, "[flac,mp3,m4a,ogg,opus,wav,wma]", runtime(),
     "suffixes of the files taken from a folder (option --audio-formats)"},
    {"save_output", kBool, "true", runtime(), "write the results (option --save-output)"},
    {"exist_ok", kBool, "false", runtime(), "use an existing folder (option --exist-ok)"},
    {"num_threads", kInt, "0", runtime(),
     "CPU threads of each rank; 0: the cores it may use, shared among the ranks of the node"},
    {"watchdog_seconds", kFloat, "600", runtime(),
     "seconds until a rank that waits for another ends the run"},
  });
}

void add_embedding_keys(std::vector<KeyInfo>& keys) {
  const std::string model = "embeddings.model.";
  const std::string features = model + "features.";
  keys.insert(keys.end(), {
    {model + "model_repo", kText, "Wespeaker/wespeaker-voxceleb-resnet34-LM", runtime(),
     "repository of the model on the Hugging Face hub, or a folder"},
    {model + "model_name", kText, "avg_model", runtime(),
     "file of the weights in it, .pt or none added"},
    {model + "config_name", kText, "config.yaml", runtime(), "file of the architecture in it"},
    {model + "model_dir", kOptionalText, "null", runtime(),
     "folder of a model that is taken where model_repo is not in the cache"},
    {model + "revision", kText, "main", runtime(),
     "branch, tag or commit of the repository, as balr model fetch got it"},
    {features + "frontend", kText, "fbank", extract(), "kind of features", {"fbank"}},
    {features + "num_mel_bins", kInt, "80", extract(), "mel channels"},
    {features + "frame_length", kInt, "25", extract(), "window, in ms"},
    {features + "frame_shift", kInt, "10", extract(), "step between windows, in ms"},
    {features + "dither", kFloat, "0.0", extract(),
     "standard deviation of noise added to the samples"},
    {features + "scale", kFloat, "1.0", extract(), "factor on the samples before the filterbank"},
    {"embeddings.precision", kText, "auto", extract(),
     "of the network; auto: fp32 on the CPU (which has no other), tf32 on CUDA",
     {"auto", "fp32", "tf32", "bf16", "fp16"}},
    {"embeddings.convolution", kText, "auto", extract(),
     "on the CPU; auto: winograd, half the time of direct, errors of 1e-5", {"auto", "winograd", "direct"}},
    {"embeddings.max_failed_fraction", kFloat, "0.01", runtime(),
     "largest share of rows that may fail before the run ends with 65"},
    {"embeddings.decode_timeout", kFloat, "600", runtime(),
     "seconds until a file that is being decoded is taken for one that hangs"},
    {"embeddings.long", kText, "whole", extract(),
     "audio above max_seconds: as a whole (up to 4 hours), refused, its beginning alone, or the mean "
     "over chunks of that length of their embeddings divided by their norms",
     {"whole", "refuse", "truncate", "chunk"}},
    {"embeddings.max_seconds", kFloat, "300", extract(), "what counts as long, in seconds"},
    {"embeddings.short", kText, "fail", extract(),
     "audio that is too short (below 9 frames, or min_seconds): fails, or is repeated",
     {"fail", "repeat"}},
    {"embeddings.min_seconds", kFloat, "0", extract(), "shortest audio taken, in seconds"},
    {"embeddings.format", kText, "hdf5", runtime(),
     "hdf5: the store; pkl, txt: the Python balr's vector files besides",
     {"hdf5", "pkl", "txt"}},
  });
}

void add_data_keys(std::vector<KeyInfo>& keys) {
  keys.insert(keys.end(), {
    {"data.batch_size", kInt, "64", train(),
     "rows of a batch; in extract: utterances at once on a device"},
    {"data.num_workers", kInt, "1", runtime(), "threads that decode audio; has no use in train"},
    {"data.shuffle", kBool, "true", train(), "draw rows in random order"},
    {"data.normalize_mean", kBool, "true", extract(),
     "subtract the mean over time from each mel channel"},
    {"data.normalize_var", kBool, "false", extract(),
     "divide each mel channel by its deviation over time"},
    {"data.sampler", kOptionalText, "balr.samplers.nxm_samplers.RandomNxMSampler", train(),
     "class of the Python balr that draws batches; null: rows in order or shuffled"},
    {"data.N_classes_per_batch", kInt, "8", train(), "speakers in a batch"},
    {"data.M_samples_per_class", kInt, "8", train(), "rows of each of them"},
    {"data.drop_last", kBool, "false", train(),
     "leave out an incomplete last batch, or the speakers that do not fill one"},
    {"data.sampler_rng", kText, "philox", train(),
     "generator of batches; numpy: the order of the Python balr on several GPUs",
     {"philox", "numpy"}},
  });
}

void add_trainer_keys(std::vector<KeyInfo>& keys) {
  keys.insert(keys.end(), {
    {"trainer.input_dim", kInt, "256", train(), "length of an embedding"},
    {"trainer.internal_dim", kInt, "512", train(), "number of binary attributes"},
    {"trainer.learning_rate", kFloat, "0.001", train(), "of Adam"},
    {"trainer.schedule", kText, "constant", train(),
     "how the learning rate goes on after the warm-up", {"constant", "cosine", "step"}},
    {"trainer.warmup_steps", kInt, "0", train(), "steps in which it rises from 0"},
    {"trainer.schedule_final", kFloat, "0.0", train(), "cosine: its share left at the end"},
    {"trainer.schedule_epochs", kInt, "30", train(), "step: epochs between two drops"},
    {"trainer.schedule_factor", kFloat, "0.1", train(), "step: share that a drop leaves"},
    {"trainer.clip_norm", kFloat, "0.0", train(),
     "longest gradient, all parameters together; 0: any"},
    {"trainer.early_stopping", kInt, "0", train(),
     "epochs without a better validation after which training ends; 0: never"},
    {"trainer.epochs", kInt, "64", train(), "passes of rows / batch size batches"},
    {"trainer.seed", kInt, "1234", train(), "of weights and batches"},
    {"trainer.save_period", kInt, "0", runtime(), "epochs between epoch<e>.pt files; 0: none"},
    {"trainer.log_period", kInt, "2", runtime(), "epochs between training scalars; 0: none"},
    {"trainer.val_period", kInt, "10", train(), "epochs between validations; 0: none"},
    {"trainer.validation", kText, "full", train(),
     "rows of a validation: all, or random batches as the Python balr", {"full", "sampled"}},
    {"trainer.batch_mode", kText, "global", train(),
     "data.batch_size counts the rows of all ranks, or of each", {"global", "per_rank"}},
    {"trainer.canonical_sums", kText, "auto", train(),
     "same bytes on any number of ranks; auto: true on the CPU, false on devices",
     {"auto", "true", "false"}},
    {"trainer.precision", kText, "fp32", train(), "of products on a GPU", {"fp32", "tf32"}},
    {"trainer.cuda_graph", kBool, "true", runtime(),
     "a GPU replays the step as one piece; false: operation by operation"},
    {"trainer.checkpoint_seconds", kFloat, "60", runtime(), "seconds between checkpoints"},
  });
  const std::string triplets = "pairs the miner keeps: all, hard, semihard or easy";
  const std::string losses = "trainer.losses.";
  keys.insert(keys.end(), {
    {losses + "mse.weight", kFloat, "1.0", train(),
     "factor of the reconstruction error", {}, {"mse"}},
    {losses + "triplet.margin", kFloat, "0.3", train(),
     "of the miner", {}, {"triplet"}},
    {losses + "triplet.loss_margin", kFloat, "0.05", train(),
     "of the loss", {}, {"triplet"}},
    {losses + "triplet.type_of_triplets", kText, "all", train(), triplets, {}, {"triplet"}},
    {losses + "triplet.weight", kFloat, "1.0", train(),
     "factor of the triplet loss", {}, {"triplet"}},
    {losses + "sparsity.weight", kFloat, "0.0001", train(),
     "factor of the sparsity loss", {}, {"sparsity"}},
    {losses + "sparsity.mode", kText, "differentiable", train(),
     "differentiable; reference: without any gradient, as the Python balr",
     {"differentiable", "reference"},
     {"sparsity"}},
    {losses + "arcface.margin", kFloat, "0.3", train(), "of the miner", {}, {"arcface"}},
    {losses + "arcface.type_of_triplets", kText, "all", train(), triplets, {}, {"arcface"}},
    {losses + "arcface.weight", kFloat, "0.001", train(),
     "factor of the ArcFace loss", {}, {"arcface"}},
  });
}

void add_score_keys(std::vector<KeyInfo>& keys) {
  keys.insert(keys.end(), {
    {"encoder.model.checkpoint_path", kText, "resources/models/BAE/BAE_mse.pt", score(),
     "weights of the auto-encoder, relative to the working folder"},
    {"encoder.model.input_dim", kInt, "256", score(), "length of an embedding"},
    {"encoder.model.internal_dim", kInt, "512", score(), "number of binary attributes"},
    {"scorer.checkpoint_path", kOptionalText, "null", score(), "fitted scorer"},
    {"scorer.n_iterations", kInt, "100", score(), "steps of the fit"},
    {"scorer.n_attributes", kInt, "512", score(), "number of binary attributes"},
    {"scorer.K", kInt, "2", score(), "values of an attribute", {}, {"beta"}},
    {"scorer.drop_in", kFloat, "0.12", score(),
     "probability of an attribute that appears", {}, {"dna", "speech"}},
    {"scorer.typicality_threshold", kFloat, "1e-4", score(),
     "smallest typicality", {}, {"dna", "speech"}},
    {"scorer.f", kFloat, "0.5", score(), "start of the fit", {}, {"maxllr"}},
    {"scorer.p", kFloat, "0.9", score(), "start of the fit, at least q", {}, {"maxllr"}},
    {"scorer.q", kFloat, "0.1", score(), "start of the fit", {}, {"maxllr"}},
    {"scorer.dim", kInt, "1", score(), "dimension of the similarity", {}, {"cosine"}},
    {"scorer.eps", kFloat, "1e-8", score(), "smallest divisor", {}, {"beta", "cosine"}},
    {"scorer.mean", kOptionalPath, "null", score(),
     "embeddings whose mean is subtracted from those of the test; null: nothing", {},
     {"embedding_cosine"}},
    {"population", kOptionalText, "null", runtime(),
     "whom the data stand for, in your words; kept with scorers, metrics and calibrations"},
    {"propositions", kOptionalText, "null", runtime(),
     "what the likelihood ratios compare, in your words; kept likewise"},
  });
}

std::vector<KeyInfo> make_schema() {
  std::vector<KeyInfo> keys;
  add_run_keys(keys);
  add_embedding_keys(keys);
  add_data_keys(keys);
  add_trainer_keys(keys);
  add_score_keys(keys);
  return keys;
}

// clang-format on

}  // namespace

std::span<const KeyInfo> Config::schema() {
  static const std::vector<KeyInfo> keys = make_schema();
  return keys;
}

}  // namespace balr
