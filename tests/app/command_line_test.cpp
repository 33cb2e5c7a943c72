#include "balr/app/command_line.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "support/golden.hpp"

namespace balr {
namespace {

struct Result {
  std::optional<CommandLine> line;
  int exit_code = -1;
  std::string out, err;
};

class CommandLineTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"a.csv", "v.csv"}) std::ofstream(path(name)) << "audio\n";
    for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"})
      unsetenv(name);
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  Result parse(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "balr");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    Result result;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    result.line =
        parse_command_line(static_cast<int>(arguments.size()), argv.data(), result.exit_code);
    result.out = testing::internal::GetCapturedStdout();
    result.err = testing::internal::GetCapturedStderr();
    return result;
  }
  // Expects exit 2 and one line on stderr that holds `reason`.
  void refuses(const std::vector<std::string>& arguments, const std::string& reason) const {
    const Result result = parse(arguments);
    std::string shown;
    for (const std::string& argument : arguments) shown += argument + " ";
    EXPECT_FALSE(result.line.has_value()) << shown;
    EXPECT_EQ(result.exit_code, 2) << shown;
    EXPECT_EQ(result.out, "") << shown;
    EXPECT_TRUE(result.err.starts_with("error: ")) << shown << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_NE(result.err.find(reason), std::string::npos) << shown << "-> " << result.err;
  }
  test::TempDir folder_;
};

TEST_F(CommandLineTest, TheRecipesExtractCommand) {
  const Result result =
      parse({"extract", "--save-dir", "emb", "--device", "cuda", "--save-output", path("a.csv"),
             "embeddings.model.model_repo=Wespeaker/wespeaker-voxceleb-resnet34-LM",
             "embeddings.model.model_name=avg_models"});
  ASSERT_TRUE(result.line) << result.err;
  EXPECT_EQ(result.line->command, "extract");
  EXPECT_EQ(result.line->inputs, std::vector<std::filesystem::path>{path("a.csv")});
  EXPECT_EQ(result.line->save_dir, "emb");
  EXPECT_EQ(result.line->device, "cuda");
  EXPECT_TRUE(result.line->save_output);
  EXPECT_EQ(result.line->config.text("embeddings.model.model_name"), "avg_models");
}

TEST_F(CommandLineTest, TheRecipesTrainCommand) {
  const Result result =
      parse({"train", "--save-dir", "train/mse", "--device", "cuda", path("a.csv"), path("v.csv"),
             "trainer.epochs=200", "trainer.losses=[mse]", "data.N_classes_per_batch=32",
             "data.M_samples_per_class=16", "data.batch_size=512", "data.num_workers=16"});
  ASSERT_TRUE(result.line) << result.err;
  EXPECT_EQ(result.line->inputs.size(), 2u);
  EXPECT_EQ(result.line->config.integer("trainer.epochs"), 200);
  EXPECT_FALSE(result.line->config.has("trainer.losses.triplet"));
  EXPECT_TRUE(result.line->resume && !result.line->must_resume && !result.line->exist_ok);
}

TEST_F(CommandLineTest, DefaultsOfEachCommand) {
  const Result train = parse({"train", path("a.csv"), path("v.csv")});
  ASSERT_TRUE(train.line) << train.err;
  EXPECT_EQ(train.line->save_dir, "runs/train");
  EXPECT_EQ(train.line->device, "cpu");
  EXPECT_EQ(train.line->audio_formats.size(), 7u);
  EXPECT_FALSE(train.line->stop_before_end_minutes.has_value());
  const Result extract = parse({"extract", path("a.csv")});
  ASSERT_TRUE(extract.line) << extract.err;
  EXPECT_FALSE(extract.line->save_dir.has_value());
  EXPECT_TRUE(extract.line->save_output);
  EXPECT_FALSE(extract.line->force);
}

TEST_F(CommandLineTest, AnyOrderAndEqualSigns) {
  const Result result = parse({"train", path("a.csv"), "--device=cuda:1", path("v.csv"),
                               "--no-resume", "trainer.seed=5", "--save-dir=out=x, (1)",
                               "--log-level", "debug", "--stop-before-end=2.5", "scorer=dna"});
  ASSERT_TRUE(result.line) << result.err;
  EXPECT_EQ(result.line->device, "cuda:1");
  EXPECT_EQ(result.line->save_dir, "out=x, (1)");
  EXPECT_FALSE(result.line->resume);
  EXPECT_EQ(result.line->log_level, "debug");
  EXPECT_EQ(result.line->stop_before_end_minutes, 2.5);
  EXPECT_EQ(result.line->config.integer("trainer.seed"), 5);
  EXPECT_TRUE(result.line->config.has("scorer.dna"));
}

TEST_F(CommandLineTest, TheLastSwitchWins) {
  EXPECT_FALSE(parse({"extract", "--force", path("a.csv"), "--no-force"}).line->force);
  EXPECT_TRUE(parse({"extract", "--no-force", path("a.csv"), "--force"}).line->force);
  EXPECT_FALSE(parse({"extract", path("a.csv"), "--no-save-output"}).line->save_output);
}

TEST_F(CommandLineTest, RepeatedFormatsAndValuesThatLookSpecial) {
  const Result result = parse({"extract", "--audio-formats", "wav", "--audio-formats", ".FLAC",
                               path("a.csv"), "--root-dir", "[x]"});
  ASSERT_TRUE(result.line) << result.err;
  EXPECT_EQ(result.line->audio_formats, (std::vector<std::string>{"wav", "FLAC"}));
  EXPECT_EQ(result.line->root_dir, "[x]");
}

// Names that a parser might take for commands, overrides or options.
TEST_F(CommandLineTest, OddPathsAreInputs) {
  for (const char* name : {"train", "config", "a=b,c", "[x]", "é #.csv", "~x", "--odd"}) {
    std::ofstream(path(name)) << "audio\n";
    EXPECT_TRUE(parse({"extract", path(name)}).line) << name;
  }
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  EXPECT_TRUE(parse({"extract", "train"}).line);
  EXPECT_TRUE(parse({"extract", "[x]"}).line);
  EXPECT_TRUE(parse({"extract", "--force", "--", "--odd", "num_threads=2"}).line);
  EXPECT_FALSE(parse({"extract", "--odd"}).line);
  EXPECT_EQ(parse({"extract", "--save-dir=--odd", "a.csv"}).line->save_dir, "--odd");
  std::filesystem::current_path(before);
}

TEST_F(CommandLineTest, UsageErrors) {
  const std::string a = path("a.csv"), v = path("v.csv"), absent = path("absent");
  refuses({"extract"}, "Missing argument 'INPUT'");
  refuses({"train", a}, "Missing argument 'VAL'");
  refuses({"extract", absent}, "Invalid value for 'INPUT': Path '" + absent + "' does not exist.");
  refuses({"train", a, absent}, "Invalid value for 'VAL': Path '" + absent + "' does not exist.");
  refuses({"extract", a, "--save-output=false"}, "takes no value");
  refuses({"extract", a, "--force=true"}, "takes no value");
  refuses({"extract", a, "--frobnicate"}, "'--frobnicate'");
  refuses({"extract", a, "--exist-ok"}, "'--exist-ok'");
  refuses({"extract", a, "--save-dir"}, "--save-dir");
  refuses({"extract", a, "--save-dir", ""}, "--save-dir");
  refuses({"extract", a, "--device", "tpu"}, "'tpu'");
  refuses({"extract", a, "--device", "0,1"}, "mpirun");
  refuses({"extract", a, "--log-level", "loud"}, "'loud'");
  refuses({"extract", a, "--stop-before-end", "-1"}, "--stop-before-end");
  refuses({"extract", a, "--stop-before-end", "soon"}, "--stop-before-end");
  refuses({"extract", a, "device=cuda"}, "--device");
  refuses({"extract", a, "~embeddings.model"}, "needs embeddings.model");
  refuses({"extract", a, "embeddings.model.model_dir=/m"}, "HF_HUB_CACHE");
  refuses({"extract", a, "nonsense"}, "has no '='");
  refuses({"train", a, v, "trainer.epoch=2"}, "did you mean trainer.epochs?");
  refuses({"train", a, v, "--must-resume", "--no-resume"}, "exclude each other");
  refuses({"binarize", a}, "is not part of this version yet");
  refuses({"score", "train", a}, "is not part of this version yet");
  refuses({"scroe"}, "no command 'scroe'");
  refuses({"--frobnicate"}, "'--frobnicate'");
  refuses({"model"}, "model init");
  refuses({"model", "init", "m"}, "--audio");
  refuses({"model", "init", "m", "--audio", absent}, "'--audio'");
  refuses({"model", "init", "m", "x=1", "--audio", a}, "'x=1'");
  refuses({"extract", a, "--config-name", "absent"}, "absent");
  refuses({"extract", a, "--config-path", absent}, "--config-path");
}

TEST_F(CommandLineTest, ModelInit) {
  const Result result =
      parse({"model", "init", "m", "--seed", "7", "--audio", path("a.csv"), "--model=ResNet18"});
  ASSERT_TRUE(result.line) << result.err;
  EXPECT_EQ(result.line->command, "model_init");
  EXPECT_EQ(result.line->inputs.at(0), "m");
  EXPECT_EQ(result.line->audio, path("a.csv"));
  EXPECT_EQ(result.line->seed, 7u);
  EXPECT_EQ(result.line->model, "ResNet18");
}

TEST_F(CommandLineTest, FileThenOverridesThenOptions) {
  std::ofstream(path("c.yaml"))
      << "device: cuda\nsave_dir: from_file\ntrainer: {epochs: 5, seed: 6}\n";
  const std::vector<std::string> start = {"train", path("a.csv"), path("v.csv"), "--config-path",
                                          path("c.yaml")};
  const Result file = parse(start);
  ASSERT_TRUE(file.line) << file.err;
  EXPECT_EQ(file.line->device, "cuda");
  EXPECT_EQ(file.line->save_dir, "from_file");
  auto more = start;
  more.insert(more.end(), {"trainer.epochs=7", "save_dir=from_override", "--device", "cpu"});
  const Result all = parse(more);
  ASSERT_TRUE(all.line) << all.err;
  EXPECT_EQ(all.line->config.integer("trainer.epochs"), 7);
  EXPECT_EQ(all.line->config.integer("trainer.seed"), 6);
  EXPECT_EQ(all.line->save_dir, "from_override");
  EXPECT_EQ(all.line->device, "cpu");
  EXPECT_EQ(all.line->config.origin("device"), "option --device");
  EXPECT_TRUE(
      parse({"config", "--config-path", folder_.path().string(), "--config-name", "c"}).line);
}

TEST_F(CommandLineTest, PresetsAreValid) {
  const std::filesystem::path presets =
      std::filesystem::path(std::getenv("BALR_SOURCE_DIR")) / "configs";
  const Result recipe =
      parse({"config", "--config-path", presets.string(), "--config-name", "recipe"});
  ASSERT_TRUE(recipe.line) << recipe.err;
  EXPECT_EQ(recipe.line->config.integer("data.batch_size"), 512);
  EXPECT_FALSE(recipe.line->config.has("trainer.losses.triplet"));
  const Result smoke =
      parse({"config", "--config-path", presets.string(), "--config-name", "smoke"});
  ASSERT_TRUE(smoke.line) << smoke.err;
  EXPECT_EQ(smoke.line->config.integer("trainer.epochs"), 2);
}

TEST_F(CommandLineTest, HelpAndVersion) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--help"},
                                                    {"--version"},
                                                    {"extract", "--help"},
                                                    {"train", "x", "--help"},
                                                    {"model", "init", "--help"},
                                                    {"config", "-h"}}) {
    const Result result = parse(arguments);
    EXPECT_FALSE(result.line.has_value());
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_FALSE(result.out.empty());
    EXPECT_EQ(result.err, "");
  }
  EXPECT_NE(parse({"--version"}).out.find(program_version()), std::string::npos);
  EXPECT_EQ(parse({}).exit_code, 2);
  EXPECT_TRUE(parse({"config", "--json"}).line->json);
}

// Of many processes one speaks; but a path that only this machine lacks is told by whoever lacks
// it.
TEST_F(CommandLineTest, OneRankSpeaks) {
  setenv("OMPI_COMM_WORLD_RANK", "3", 1);
  EXPECT_EQ(parse({"extract", path("a.csv"), "data.foo=1"}).err, "");
  EXPECT_EQ(parse({"extract", path("a.csv"), "data.foo=1"}).exit_code, 2);
  EXPECT_NE(parse({"extract", path("absent")}).err, "");
  setenv("OMPI_COMM_WORLD_RANK", "0", 1);
  EXPECT_NE(parse({"extract", path("a.csv"), "data.foo=1"}).err, "");
  unsetenv("OMPI_COMM_WORLD_RANK");
}

}  // namespace
}  // namespace balr
