// Configurations read from YAML: presets, files of the Python balr, and a run's own config.yaml.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "balr/core/config.hpp"
#include "balr/core/error.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

using Texts = std::vector<std::string>;

Config with(const Texts& overrides) {
  Config config;
  config.apply_overrides(overrides);
  return config;
}

class ConfigFile : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& text, const std::string& name = "c.yaml") {
    const auto file = folder_.path() / name;
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  std::string load_error(const std::string& text) {
    Config config;
    const std::string before = config.to_yaml(true);
    try {
      config.load_yaml(write(text));
    } catch (const ConfigError& caught) {
      EXPECT_EQ(config.to_yaml(true), before) << "changed by a refused file";
      return caught.what();
    }
    return "";
  }
  // Of the file and what its interpolations name.
  std::string load_error_of_all(const std::string& text) {
    Config config;
    try {
      config.load_yaml(write(text));
      config.apply_overrides({});
    } catch (const ConfigError& caught) {
      return caught.what();
    }
    return "";
  }
  test::TempDir folder_;
};

TEST_F(ConfigFile, ResolvedTreeReadsBackEqual) {
  Config config =
      with({"trainer.losses=[arcface,sparsity]", "scorer=cosine", "trainer.learning_rate=1e-05",
            "data.sampler='a \"b\" \\\\ #: 語'", "embeddings.model.model_name='12'",
            "embeddings.model.config_name='true'", "scorer.checkpoint_path=''", "trainer.seed=-7",
            "embeddings.max_seconds=inf", "~encoder.model"});
  config.set_from_option("save_dir", "line\nbreak\ttab\x01", "option");
  config.set_from_option("audio_formats", "wav,1e3,yes,a b", "option");
  Config again;
  again.load_yaml(write(config.to_yaml()));
  EXPECT_EQ(again.to_yaml(), config.to_yaml());
  EXPECT_EQ(again.to_json(), config.to_json());
  EXPECT_EQ(again.optional_text("save_dir"), "line\nbreak\ttab\x01");
  EXPECT_TRUE(std::isinf(again.real("embeddings.max_seconds")));
  again = Config();
  again.load_yaml(write(config.to_yaml(true)));  // comments change nothing
  EXPECT_EQ(again.to_yaml(), config.to_yaml());
}

// config.yaml of a run holds every default; these must not count as set (batch size "choose" in
// extract).
TEST_F(ConfigFile, RepeatedDefaultsAreNotSet) {
  Config config;
  config.load_yaml(write(with({"trainer.epochs=3"}).to_yaml()));
  EXPECT_TRUE(config.was_set("trainer.epochs"));
  EXPECT_EQ(config.origin("trainer.epochs"), "file c.yaml");
  EXPECT_FALSE(config.was_set("data.batch_size"));
}

TEST_F(ConfigFile, OverridesWinOverTheFile) {
  Config config;
  config.load_yaml(write("trainer:\n  epochs: 5\n  seed: 6\n  losses: [mse]\n"));
  config.apply_overrides(Texts{"trainer.epochs=7"});
  EXPECT_EQ(config.integer("trainer.epochs"), 7);
  EXPECT_EQ(config.integer("trainer.seed"), 6);
  EXPECT_FALSE(config.has("trainer.losses.triplet"));
}

TEST_F(ConfigFile, WaysToSelect) {
  Config config;
  config.load_yaml(
      write("scorer: dna\ntrainer:\n  losses:\n    arcface: {weight: 2}\n    mse: null\n"));
  EXPECT_TRUE(config.has("scorer.dna") && config.has("trainer.losses.triplet"));
  EXPECT_FALSE(config.has("trainer.losses.mse"));
  EXPECT_EQ(config.real("trainer.losses.arcface.weight"), 2.0);
  config.load_yaml(write("scorer:\n  p: 0.8\n  _target_: balr.scoring.llr.MaxLLRScorer\n"));
  EXPECT_EQ(config.real("scorer.p"), 0.8);
  config.load_yaml(write(""));
  config.load_yaml(write("# nothing\n"));
}

TEST_F(ConfigFile, ErrorsNameFileLineAndKey) {
  struct Case {
    const char* text;
    const char* reason;
  };
  for (const Case& c :
       {Case{"trainer:\n  epoch: 3\n",
             "c.yaml:2: unknown key trainer.epoch; did you mean trainer.epochs?"},
        Case{"trainer:\n  epochs: x\n", "c.yaml:2: trainer.epochs must be an integer, not 'x'"},
        Case{"trainer: 5\n", "trainer holds keys"},
        Case{"data:\n  batch_size: {a: 1}\n", "c.yaml:2: data.batch_size must be an integer"},
        Case{"a: [1\n", "not valid YAML"},
        Case{"- 1\n", "c.yaml:1: the file must be a map"},
        Case{"data:\n  shuffle: true\n  shuffle: false\n",
             "c.yaml:3: data.shuffle stands there twice"},
        Case{"+a: {b: 1, b: 2}\n", "c.yaml:1: b stands there twice"},
        Case{"trainer: {epochs: 1}\n---\ntrainer: {epochs: 2}\n", "a second document begins"},
        Case{"data:\n  foo: 1\n", "c.yaml:2: unknown key data.foo; data has the keys batch_size"},
        Case{"data:\n  +batch_size: 1\n", "c.yaml:2: data.batch_size is there already"},
        Case{"data:\n  shuffle: !!python/name:os.system x\n", "c.yaml:2: the tag"},
        Case{"data: !foo {shuffle: true}\n", "the tag !foo is not known"},
        Case{"data:\n  <<: {shuffle: true}\n", "merge keys"},
        Case{"data:\n  ~: 1\n", "a key must be a name"},
        Case{"data:\n  [1]: 1\n", "a key must be a name"},
        Case{"defaults: [other]\n", "defaults may name config, _self_ and groups"},
        Case{"defaults: [{scorr: dna}]\n", "no group scorr; did you mean scorer?"},
        Case{"defaults: [{scorer: foo}]\n", "scorer has no option 'foo'"},
        Case{"trainer: {seed: '${trainer.epochs'}\n", "malformed"},
        Case{"save_dir: 12\n", "save_dir must be a path"},
        Case{"trainer:\n  epochs: yes\n", "trainer.epochs must be an integer, not true"},
        Case{"data:\n  shuffle: 1.0\n", "data.shuffle must be true or false, not '1.0'"},
        Case{"audio_formats: [[wav]]\n", "a list of texts"},
        Case{"trainer:\n  losses: [MSE]\n", "no option 'MSE'"},
        Case{"scorer:\n  _target_: os.system\n", "no known class"},
        Case{"trainer:\n  _target_: os.system\n", "no known class"},
        Case{"input: x\n", "command line"},
        Case{"audio_formats: wav\n", "a list"},
        Case{"x: &a [*a]\n", ""},
        Case{"scorer:\n  f: 1\n", "scorer=maxllr"}}) {
    const std::string message = load_error(c.text);
    EXPECT_FALSE(message.empty()) << c.text;
    EXPECT_NE(message.find(c.reason), std::string::npos) << c.text << " -> " << message;
  }
  Config config;
  EXPECT_THROW(config.load_yaml(folder_.path() / "absent.yaml"), ConfigError);
  EXPECT_THROW(config.load_yaml(folder_.path()), ConfigError);
}

// YAML can ask for much in few bytes: aliases of aliases, depth. It ends soon, with an error.
TEST_F(ConfigFile, HostileFilesAreRefused) {
  std::string bomb = "+a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "+a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j == 0 ? "" : ", ") + before;
    bomb += "]\n";
  }
  EXPECT_NE(load_error(bomb).find("too many values"), std::string::npos) << load_error(bomb);
  EXPECT_NE(load_error("+a: " + std::string(300, '[') + std::string(300, ']')).find("too deeply"),
            std::string::npos);
  EXPECT_NE(load_error("+a: " + std::string(200000, '[')), "");
  EXPECT_NE(load_error("+a: " + std::string(1 << 20, 'x')).find("larger than 1 MiB"),
            std::string::npos);
  EXPECT_NE(load_error("+a: &a [*a]\n"), "");
  EXPECT_NE(load_error(",a: 1\n b: 2\n"), "");  // yaml-cpp's LoadAll would never end
  EXPECT_NE(load_error("+a: *b\n").find("not valid YAML"), std::string::npos);
  // An alias as such is welcome.
  Config config;
  config.load_yaml(write("trainer: {epochs: &n 7, seed: *n}\n"));
  EXPECT_EQ(config.integer("trainer.seed"), 7);
}

// A text that names itself, or names that double at each step, are followed within bounds.
TEST_F(ConfigFile, HostileInterpolationsAreRefused) {
  EXPECT_NE(load_error_of_all("trainer: {seed: '${trainer.seed}'}\n").find("refers to itself"),
            std::string::npos);
  EXPECT_NE(load_error_of_all("trainer:\n  seed: ${nothing}\n")
                .find("c.yaml:2: trainer.seed is '${nothing}'"),
            std::string::npos);
  EXPECT_NE(load_error_of_all("data:\n  +foo: [1, '${nothing}']\n").find("c.yaml:2: data.foo.1 is"),
            std::string::npos);
  std::string text = "+b0: xxxxxxxxxx\n";
  for (int i = 1; i < 40; ++i)
    text += "+b" + std::to_string(i) + ": '${b" + std::to_string(i - 1) + "}${b" +
            std::to_string(i - 1) + "}'\n";
  EXPECT_NE(load_error_of_all(text), "");
}

TEST_F(ConfigFile, ScalarsAsOmegaConfReadsThem) {
  Config config;
  config.load_yaml(
      write("data: {shuffle: No, batch_size: 0x10, N_classes_per_batch: 010, num_workers: 1_0}\n"
            "trainer: {learning_rate: 1e-3, epochs: 1:30, seed: '12'}\n"
            "embeddings: {model: {model_name: yes, config_name: !!str 012}}\n"
            "model_dir: ~\n"));
  EXPECT_FALSE(config.flag("data.shuffle"));
  EXPECT_EQ(config.integer("data.batch_size"), 16);
  EXPECT_EQ(config.integer("data.N_classes_per_batch"), 8);
  EXPECT_EQ(config.integer("data.num_workers"), 10);
  EXPECT_EQ(config.integer("trainer.epochs"), 90);
  EXPECT_EQ(config.integer("trainer.seed"), 12);
  EXPECT_EQ(config.text("embeddings.model.model_name"), "True");
  EXPECT_EQ(config.text("embeddings.model.config_name"), "012");
}

// What a file of the Python balr looks like.
TEST_F(ConfigFile, HydrasDefaultsList) {
  Config config;
  config.load_yaml(
      write("defaults:\n  - config\n  - override scorer: maxllr\n  - trainer.losses: [mse]\n"
            "  - override hydra/job_logging: disabled\n  - _self_\n"
            "scorer: {p: 0.8}\ntrainer: {seed: '${.epochs}'}\n"));
  config.apply_overrides({});
  EXPECT_EQ(config.real("scorer.p"), 0.8);
  EXPECT_EQ(config.integer("trainer.seed"), 64);
  EXPECT_FALSE(config.has("trainer.losses.triplet"));
}

// config.yaml of a run, with all that overrides can bring, gives the same tree again.
TEST_F(ConfigFile, AnyTreeReadsBackEqual) {
  Config config =
      with({"trainer.epochs=99999999999999999999", "+data.foo={a: [1, 'x y'], b.c: null}",
            "+foo=[${data.batch_size}, '\\${x}']", "trainer.seed=${trainer.log_period}",
            "data.sampler='\\${a} \\\\${trainer.log_period} \\\\\\${b}'",
            "trainer.learning_rate=nan", "+embeddings.model.model_dir=/m", "model_dir=a//b/"});
  config.set_from_option("save_dir", "out/${x}", "option --save-dir");
  config.load_yaml(write("'+a${b': {'${c}': 1}\n"));
  Config again;
  again.load_yaml(write(config.to_yaml(true)));
  again.apply_overrides({});
  EXPECT_EQ(again.to_yaml(), config.to_yaml());
  EXPECT_EQ(again.to_json(), config.to_json());
  EXPECT_EQ(again.optional_text("save_dir"), "out/${x}");
  EXPECT_EQ(again.optional_text("data.sampler"), "${a} \\2 \\${b}");
  EXPECT_EQ(again.optional_text("model_dir"), "a/b");
  EXPECT_EQ(again.integer("trainer.seed"), 2);
  EXPECT_THROW(again.integer("trainer.epochs"), ConfigError);
}

// Every preset says what its name says.
TEST(ConfigPresets, SelectWhatTheyAreNamedAfter) {
  const char* source = std::getenv("BALR_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  const std::map<std::string, Texts> losses = {
      {"recipe", {"mse"}},
      {"smoke", {"mse"}},
      {"mse", {"mse"}},
      {"mse_triplet", {"mse", "triplet"}},
      {"mse_arcface", {"mse", "arcface"}},
      {"mse_sparsity", {"mse", "sparsity"}},
      {"all_losses", {"mse", "triplet", "sparsity", "arcface"}}};
  std::set<std::string> names;
  for (const auto& file :
       std::filesystem::directory_iterator(std::filesystem::path(source) / "configs")) {
    const std::string name = file.path().stem().string();
    SCOPED_TRACE(name);
    names.insert(name);
    Config config;
    ASSERT_NO_THROW(config.load_yaml(file.path()));
    config.apply_overrides({});
    if (name.starts_with("scorer_")) {
      EXPECT_TRUE(config.has("scorer." + name.substr(7)));
      continue;
    }
    ASSERT_EQ(losses.count(name), 1u);
    for (const char* loss : {"mse", "triplet", "sparsity", "arcface"})
      EXPECT_EQ(config.has(std::string("trainer.losses.") + loss),
                std::ranges::count(losses.at(name), loss) == 1)
          << loss;
    const std::int64_t rows =
        config.integer("data.N_classes_per_batch") * config.integer("data.M_samples_per_class");
    EXPECT_EQ(config.integer("data.batch_size"), rows);
    if (name == "smoke") continue;
    EXPECT_EQ(config.integer("trainer.epochs"), 200);
    EXPECT_EQ(rows, 512);
  }
  for (const char* wanted :
       {"recipe", "smoke", "mse", "mse_triplet", "mse_arcface", "mse_sparsity", "all_losses",
        "scorer_beta", "scorer_dna", "scorer_speech", "scorer_maxllr", "scorer_cosine"})
    EXPECT_EQ(names.count(wanted), 1u) << wanted;
}

}  // namespace
}  // namespace balr
