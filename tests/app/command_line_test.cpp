// What balr adds to the reference's command line, and the order of the configuration's sources.
#include "app/commands/config.hpp"
#include "app/commands/model_init.hpp"
#include "command_line_fixture.hpp"

namespace balr {
namespace {

using CommandLineTest = CommandLineFixture;

TEST_F(CommandLineTest, TheRecipesExtractCommand) {
  const Outcome result =
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
  const Outcome result =
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
  const Outcome train = parse({"train", path("a.csv"), path("v.csv")});
  ASSERT_TRUE(train.line) << train.err;
  EXPECT_EQ(train.train().save_dir, "runs/train");
  EXPECT_EQ(train.train().device, "cpu");
  EXPECT_EQ(train.train().audio_formats.size(), 7u);
  EXPECT_FALSE(train.train().stop_before_end_minutes.has_value());
  const Outcome extract = parse({"extract", path("a.csv")});
  ASSERT_TRUE(extract.line) << extract.err;
  EXPECT_FALSE(extract.extract().save_dir.has_value());
  EXPECT_TRUE(extract.extract().save_output);
  EXPECT_FALSE(extract.extract().force);
}

TEST_F(CommandLineTest, AnyOrderAndEqualSigns) {
  const Outcome result = parse({"train", path("a.csv"), "--device=cuda:1", path("v.csv"),
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
  const Outcome result = parse({"extract", "--audio-formats", "wav", "--audio-formats", ".FLAC",
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
  refuses({"extract", a, "nonsense"}, "has no '='");
  refuses({"train", a, v, "trainer.epoch=2"}, "did you mean trainer.epochs?");
  refuses({"train", a, v, "--must-resume", "--no-resume"}, "exclude each other");
  refuses({"tarin"}, "No such command 'tarin'; did you mean train?");
  refuses({"--frobnicate"}, "'--frobnicate'");
  refuses({"model"}, "Missing command; balr model has: ");
  refuses({"model", "init", "m"}, "--audio");
  refuses({"model", "init", "m", "--audio", absent}, "'--audio'");
  refuses({"model", "init", "m", "x=1", "--audio", a}, "'x=1'");
  refuses({"extract", a, "--config-name", "absent"}, "absent");
  refuses({"extract", a, "--config-path", absent}, "--config-path");
}

TEST_F(CommandLineTest, ModelInit) {
  const Outcome result =
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
  const Outcome file = parse(start);
  ASSERT_TRUE(file.line) << file.err;
  EXPECT_EQ(file.train().device, "cuda");
  EXPECT_EQ(file.train().save_dir, "from_file");
  auto more = start;
  more.insert(more.end(), {"trainer.epochs=7", "save_dir=from_override", "--device", "cpu"});
  const Outcome all = parse(more);
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
  const Outcome recipe =
      parse({"config", "--config-path", presets.string(), "--config-name", "recipe"});
  ASSERT_TRUE(recipe.line) << recipe.err;
  EXPECT_EQ(recipe.as<ConfigCommand>().config.integer("data.batch_size"), 512);
  EXPECT_FALSE(recipe.as<ConfigCommand>().config.has("trainer.losses.triplet"));
  const Outcome smoke =
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
    const Outcome result = parse(arguments);
    EXPECT_FALSE(result.line.has_value());
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_FALSE(result.out.empty());
    EXPECT_EQ(result.err, "");
  }
  EXPECT_NE(parse({"--version"}).out.find(program_version()), std::string::npos);
  EXPECT_EQ(parse({}).exit_code, 2);
  EXPECT_TRUE(parse({"config", "--json"}).as<ConfigCommand>().json);
}

// Of many processes one speaks; but a path that only another node lacks is told by a process there.
TEST_F(CommandLineTest, OneRankSpeaks) {
  const std::vector<std::string> wrong = {"extract", "a.csv", "data.foo=1"};
  for (const char* rank : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    setenv(rank, "3", 1);
    const Outcome other = parse(wrong);
    EXPECT_EQ(other.exit_code, 2);
    EXPECT_EQ(other.out + other.err, "");
    EXPECT_EQ(parse({"train", "--help"}).out, "");
    EXPECT_EQ(parse({"--version"}).out, "");
    EXPECT_EQ(parse({}).err, "");
    EXPECT_EQ(parse({"score", "--help"}).out, "");
    setenv(rank, "0", 1);
    EXPECT_NE(parse(wrong).err, "");
    EXPECT_NE(parse({"--version"}).out, "");
    unsetenv(rank);
  }
  const auto [global, local] = std::pair("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK");
  setenv(global, "3", 1);
  setenv(local, "1", 1);
  EXPECT_EQ(parse({"extract", "absent"}).err, "");
  setenv(local, "0", 1);  // the first of another node
  EXPECT_TRUE(parse({"extract", "absent"}).err.starts_with("error: on "));
  EXPECT_EQ(parse({"extract", "absent"}).exit_code, 2);
  setenv(global, "0", 1);
  EXPECT_TRUE(parse({"extract", "absent"}).err.starts_with("error: Invalid value for 'INPUT'"));
}

TEST_F(CommandLineTest, TheNearestCommandIsNamed) {
  refuses({"scroe"}, "No such command 'scroe'; did you mean score?");
  refuses({"extrac"}, "did you mean extract?");
  refuses({"score", "trian"}, "No such command 'score trian'; did you mean train?");
  refuses({"model", "int"}, "No such command 'model int'; did you mean init?");
  refuses({"help", "tarin"}, "No such command 'tarin'; did you mean train?");
  refuses({"help", "train", "x"}, "unexpected extra argument 'x'");
  refuses({"photosynthesis"}, "No such command 'photosynthesis'; `balr --help` lists them");
  refuses({"--versoin"}, "No such option '--versoin'; did you mean --version?");
  refuses({""}, "No such command ''");
  refuses({"score", "-", "--help"}, "No such command 'score -'");
  refuses({"score", "--", "--help"}, "No such command 'score --'");
  refuses({"score", "--save-dir", "x", "train"}, "No such option '--save-dir' of balr score; ");
}

TEST_F(CommandLineTest, AKeyGivenAsAnOptionIsToldHow) {
  refuses({"train", "a.csv", "v.csv", "--epochs", "5"}, "write trainer.epochs=VALUE");
  refuses({"train", "a.csv", "v.csv", "--batch-size=5"}, "write data.batch_size=VALUE");
  refuses({"extract", "a.csv", "--embeddings.model.model-name=x"}, "model_name=VALUE");
  refuses({"config", "--num_threads", "5"}, "write num_threads=VALUE");
}

}  // namespace
}  // namespace balr
