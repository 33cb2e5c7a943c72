#include "balr/app/command_line.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "app/commands/config.hpp"
#include "app/commands/extract.hpp"
#include "app/commands/model_init.hpp"
#include "app/commands/train.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

struct Result {
  std::optional<CommandLine> line;
  int exit_code = -1;
  std::string out, err;

  template <class C>
  const C& as() const {
    return dynamic_cast<const C&>(*line.value().command);
  }
  const ExtractCommand& extract() const { return as<ExtractCommand>(); }
  const TrainCommand& train() const { return as<TrainCommand>(); }
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
  EXPECT_EQ(result.extract().input, path("a.csv"));
  EXPECT_EQ(result.extract().save_dir, "emb");
  EXPECT_EQ(result.extract().device, "cuda");
  EXPECT_TRUE(result.extract().save_output);
  EXPECT_EQ(result.extract().config.text("embeddings.model.model_name"), "avg_models");
}

TEST_F(CommandLineTest, TheRecipesTrainCommand) {
  const Result result =
      parse({"train", "--save-dir", "train/mse", "--device", "cuda", path("a.csv"), path("v.csv"),
             "trainer.epochs=200", "trainer.losses=[mse]", "data.N_classes_per_batch=32",
             "data.M_samples_per_class=16", "data.batch_size=512", "data.num_workers=16"});
  ASSERT_TRUE(result.line) << result.err;
  EXPECT_EQ(result.train().train_input, path("a.csv"));
  EXPECT_EQ(result.train().test_input, path("v.csv"));
  EXPECT_EQ(result.train().config.integer("trainer.epochs"), 200);
  EXPECT_FALSE(result.train().config.has("trainer.losses.triplet"));
  EXPECT_TRUE(result.train().resume && !result.train().must_resume && !result.train().exist_ok);
}

TEST_F(CommandLineTest, DefaultsOfEachCommand) {
  const Result train = parse({"train", path("a.csv"), path("v.csv")});
  ASSERT_TRUE(train.line) << train.err;
  EXPECT_EQ(train.train().save_dir, "runs/train");
  EXPECT_EQ(train.train().device, "cpu");
  EXPECT_EQ(train.train().audio_formats.size(), 7u);
  EXPECT_FALSE(train.train().stop_before_end_minutes.has_value());
  const Result extract = parse({"extract", path("a.csv")});
  ASSERT_TRUE(extract.line) << extract.err;
  EXPECT_FALSE(extract.extract().save_dir.has_value());
  EXPECT_TRUE(extract.extract().save_output);
  EXPECT_FALSE(extract.extract().force);
}

TEST_F(CommandLineTest, AnyOrderAndEqualSigns) {
  const Result result = parse({"train", path("a.csv"), "--device=cuda:1", path("v.csv"),
                               "--no-resume", "trainer.seed=5", "--save-dir=out=x, (1)",
                               "--log-level", "debug", "--stop-before-end=2.5", "scorer=dna"});
  ASSERT_TRUE(result.line) << result.err;
  EXPECT_EQ(result.train().device, "cuda:1");
  EXPECT_EQ(result.train().save_dir, "out=x, (1)");
  EXPECT_FALSE(result.train().resume);
  EXPECT_EQ(result.train().log.level, "debug");
  EXPECT_EQ(result.train().stop_before_end_minutes, 2.5);
  EXPECT_EQ(result.train().config.integer("trainer.seed"), 5);
  EXPECT_TRUE(result.train().config.has("scorer.dna"));
}

TEST_F(CommandLineTest, TheLastSwitchWins) {
  EXPECT_FALSE(parse({"extract", "--force", path("a.csv"), "--no-force"}).extract().force);
  EXPECT_TRUE(parse({"extract", "--no-force", path("a.csv"), "--force"}).extract().force);
  EXPECT_FALSE(parse({"extract", path("a.csv"), "--no-save-output"}).extract().save_output);
}

TEST_F(CommandLineTest, RepeatedFormatsAndValuesThatLookSpecial) {
  const Result result = parse({"extract", "--audio-formats", "wav", "--audio-formats", ".FLAC",
                               path("a.csv"), "--root-dir", "[x]"});
  ASSERT_TRUE(result.line) << result.err;
  EXPECT_EQ(result.extract().audio_formats, (std::vector<std::string>{"wav", "FLAC"}));
  EXPECT_EQ(result.extract().root_dir, "[x]");
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
  EXPECT_EQ(parse({"extract", "--save-dir=--odd", "a.csv"}).extract().save_dir, "--odd");
  std::filesystem::current_path(before);
}

TEST_F(CommandLineTest, UsageErrors) {
  const std::string a = path("a.csv"), v = path("v.csv"), absent = path("absent");
  refuses({"extract"}, "Missing argument 'INPUT'");
  refuses({"train", a}, "Missing argument 'VAL'");
  refuses({"extract", absent}, "Invalid value for 'INPUT': Path '" + absent + "' does not exist.");
  refuses({"train", a, absent}, "Invalid value for 'VAL': Path '" + absent + "' does not exist.");
  refuses({"extract", a, "--save-output=false"}, "does not take a value");
  refuses({"extract", a, "--force=true"}, "does not take a value");
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
  refuses({"extract", a, "+embeddings.model.model_dir=/m"}, "HF_HUB_CACHE");
  refuses({"extract", a, "nonsense"}, "has no '='");
  refuses({"train", a, v, "trainer.epoch=2"}, "did you mean trainer.epochs?");
  refuses({"train", a, v, "--must-resume", "--no-resume"}, "exclude each other");
  refuses({"tarin"}, "No such command 'tarin'; did you mean train?");
  refuses({"--frobnicate"}, "'--frobnicate'");
  refuses({"model"}, "Missing command; balr model has: init");
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
  const auto& init = result.as<ModelInitCommand>();
  EXPECT_EQ(init.folder, "m");
  EXPECT_EQ(init.audio, path("a.csv"));
  EXPECT_EQ(init.seed, 7u);
  EXPECT_EQ(init.model, "ResNet18");
}

TEST_F(CommandLineTest, FileThenOverridesThenOptions) {
  std::ofstream(path("c.yaml"))
      << "device: cuda\nsave_dir: from_file\ntrainer: {epochs: 5, seed: 6}\n";
  const std::vector<std::string> start = {"train", path("a.csv"), path("v.csv"), "--config-path",
                                          path("c.yaml")};
  const Result file = parse(start);
  ASSERT_TRUE(file.line) << file.err;
  EXPECT_EQ(file.train().device, "cuda");
  EXPECT_EQ(file.train().save_dir, "from_file");
  auto more = start;
  more.insert(more.end(), {"trainer.epochs=7", "save_dir=from_override", "--device", "cpu"});
  const Result all = parse(more);
  ASSERT_TRUE(all.line) << all.err;
  EXPECT_EQ(all.train().config.integer("trainer.epochs"), 7);
  EXPECT_EQ(all.train().config.integer("trainer.seed"), 6);
  EXPECT_EQ(all.train().save_dir, "from_override");
  EXPECT_EQ(all.train().device, "cpu");
  EXPECT_EQ(all.train().config.origin("device"), "option --device");
  EXPECT_TRUE(
      parse({"config", "--config-path", folder_.path().string(), "--config-name", "c"}).line);
}

TEST_F(CommandLineTest, PresetsAreValid) {
  const std::filesystem::path presets =
      std::filesystem::path(std::getenv("BALR_SOURCE_DIR")) / "configs";
  const Result recipe =
      parse({"config", "--config-path", presets.string(), "--config-name", "recipe"});
  ASSERT_TRUE(recipe.line) << recipe.err;
  EXPECT_EQ(recipe.as<ConfigCommand>().config.integer("data.batch_size"), 512);
  EXPECT_FALSE(recipe.as<ConfigCommand>().config.has("trainer.losses.triplet"));
  const Result smoke =
      parse({"config", "--config-path", presets.string(), "--config-name", "smoke"});
  ASSERT_TRUE(smoke.line) << smoke.err;
  EXPECT_EQ(smoke.as<ConfigCommand>().config.integer("trainer.epochs"), 2);
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
  EXPECT_TRUE(parse({"config", "--json"}).as<ConfigCommand>().json);
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
