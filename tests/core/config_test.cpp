#include "balr/core/config.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "balr/core/error.hpp"

namespace balr {
namespace {

using Texts = std::vector<std::string>;

Config with(const Texts& overrides) {
  Config config;
  config.apply_overrides(overrides);
  return config;
}

std::string error(const Texts& overrides) {
  try {
    with(overrides);
  } catch (const ConfigError& caught) {
    return caught.what();
  }
  return "";
}

TEST(Config, Defaults) {
  const Config config;
  EXPECT_EQ(config.integer("trainer.epochs"), 64);
  EXPECT_EQ(config.real("trainer.learning_rate"), 0.001);
  EXPECT_TRUE(config.flag("data.shuffle"));
  EXPECT_EQ(config.text("embeddings.model.model_name"), "avg_model");
  EXPECT_EQ(config.optional_text("data.sampler"), "balr.samplers.nxm_samplers.RandomNxMSampler");
  EXPECT_EQ(config.optional_text("scorer.checkpoint_path"), std::nullopt);
  EXPECT_EQ(config.list("audio_formats"),
            (Texts{"flac", "mp3", "m4a", "ogg", "opus", "wav", "wma"}));
  EXPECT_EQ(config.text("trainer.canonical_sums"), "auto");
  EXPECT_TRUE(config.has("trainer.losses.mse") && config.has("trainer.losses.triplet.margin"));
  EXPECT_FALSE(config.has("trainer.losses.arcface") || config.has("trainer.losses.arcface.weight"));
  EXPECT_TRUE(config.has("scorer.beta") && config.has("scorer.K") && !config.has("scorer.f"));
  EXPECT_FALSE(config.was_set("trainer.epochs"));
}

TEST(Config, SchemaIsConsistent) {
  std::set<std::string> names;
  for (const KeyInfo& key : Config::schema()) {
    EXPECT_TRUE(names.insert(key.name).second) << key.name;
    EXPECT_FALSE(key.help.empty() || key.roles.empty()) << key.name;
    EXPECT_EQ(key.help.find('\n'), std::string::npos) << key.name;
  }
}

TEST(Config, TheRecipe) {
  const Config config =
      with({"trainer.epochs=200", "trainer.losses=[mse]", "data.N_classes_per_batch=32",
            "data.M_samples_per_class=16", "data.batch_size=512", "data.num_workers=16"});
  EXPECT_EQ(config.integer("trainer.epochs"), 200);
  EXPECT_EQ(config.integer("data.batch_size"), 512);
  EXPECT_TRUE(config.has("trainer.losses.mse"));
  EXPECT_FALSE(config.has("trainer.losses.triplet"));
  EXPECT_TRUE(config.was_set("data.batch_size") && config.was_set("trainer.losses"));
  EXPECT_EQ(config.origin("data.batch_size"), "override");
}

TEST(Config, SelectionsComeFirstAndKeepTheGroupsOrder) {
  const Config config = with({"trainer.losses.arcface.weight=1", "trainer.losses=[arcface,mse]"});
  EXPECT_EQ(config.real("trainer.losses.arcface.weight"), 1.0);
  const std::string yaml = config.to_yaml();
  EXPECT_LT(yaml.find("mse:"), yaml.find("arcface:"));
  EXPECT_EQ(with({"+trainer.losses=[sparsity]"}).text("trainer.losses.sparsity.mode"),
            "differentiable");
  EXPECT_FALSE(with({"trainer.losses.mse=null"}).has("trainer.losses.mse"));
  EXPECT_EQ(with({"scorer.f=0.1", "scorer=maxllr"}).real("scorer.f"), 0.1);
}

// A value of an option that is selected no longer does not come back with it.
TEST(Config, DeselectingForgets) {
  Config config = with({"scorer=maxllr", "scorer.f=0.1"});
  config.apply_overrides(Texts{"scorer=beta"});
  config.apply_overrides(Texts{"scorer=maxllr"});
  EXPECT_EQ(config.real("scorer.f"), 0.5);
}

TEST(Config, ErrorsNameKeyTypeAndNearestKey) {
  struct Case {
    const char* argument;
    const char* reason;
  };
  for (const Case& c : {Case{"trainer.epoch=3", "did you mean trainer.epochs?"},
                        Case{"epochs=3", "did you mean trainer.epochs?"},
                        Case{"data.batchsize=3", "did you mean data.batch_size?"},
                        Case{"zzzzzzzzzzzz=3", "lists all keys"},
                        Case{"a=3", "lists all keys"},
                        Case{"trainer.loses=[mse]", "did you mean trainer.losses?"},
                        Case{"data.foo=1", "unknown key data.foo; data has the keys batch_size, "},
                        Case{"TRAINER.Epochs=1", "did you mean trainer.epochs?"},
                        Case{"trainer.epochs=2.7", "trainer.epochs must be an integer, not '2.7'"},
                        Case{"trainer.epochs=", "must be an integer, not ''"},
                        Case{"trainer.epochs=null", "not null"},
                        Case{"trainer.epochs=true", "not true"},
                        Case{"trainer.epochs=[1]", "not a list"},
                        Case{"trainer.epochs=???", "mark for a missing one"},
                        Case{"save_dir=12", "save_dir must be a path (in quotes: '\"12\"')"},
                        Case{"trainer.learning_rate=int(1e308)0", "unexpected character"},
                        Case{"trainer.learning_rate=x", "must be a number"},
                        Case{"data.shuffle=maybe", "true or false"},
                        Case{"data.shuffle=0.0", "true or false"},
                        Case{"trainer.validation=most", "one of full, sampled"},
                        Case{"trainer.losses=[MSE]", "no option 'MSE'"},
                        Case{"scorer=null", "not null"},
                        Case{"scorer._target_=x", "select by name"},
                        Case{"data={batch_size:3,foo:1}", "unknown key data.foo"},
                        Case{"+data={foo:1}", "unknown key data.foo"},
                        Case{"+trainer.epochs.x=1", "holds no keys"},
                        Case{"+trainer.losses.arcface.foo=1", "select it first"},
                        Case{"~data.foo", "no key data.foo to remove"},
                        Case{"~data", "cannot be removed"},
                        Case{"++scorer=dna", "without +"},
                        Case{"+trainer=foo", "has no option 'foo'"},
                        Case{"embeddings.model.model_dir=/m", "+embeddings.model.model_dir=DIR"},
                        Case{"scorer=[dna,speech]", "one option only"},
                        Case{"trainer.losses.arcface.weight=1", "trainer.losses=[arcface]"},
                        Case{"scorer.f=1", "scorer=maxllr"},
                        Case{"trainer=batrainer", "holds keys"},
                        Case{"~trainer.epochs", "cannot be removed"},
                        Case{"~trainer.losses", "cannot be removed"},
                        Case{"+trainer.epochs=3", "without +"},
                        Case{"device=cuda", "--device"},
                        Case{"input=/z", "INPUT"},
                        Case{"save_output=false", "--save-output"},
                        Case{"exist_ok=true", "--exist-ok"},
                        Case{"audio_formats=[wav]", "--audio-formats"},
                        Case{"hydra.foo=x", "hydra has no key"},
                        Case{"~hydra.job.name", "cannot be removed"}}) {
    const std::string message = error({c.argument});
    EXPECT_NE(message.find(c.reason), std::string::npos) << c.argument << " -> " << message;
    EXPECT_NE(message.find(c.argument), std::string::npos) << message;
  }
}

TEST(Config, ARefusedListChangesNothing) {
  Config config;
  EXPECT_THROW(config.apply_overrides(Texts{"trainer.epochs=3", "scorer=dna", "data.foo=1"}),
               ConfigError);
  EXPECT_EQ(config.to_yaml(true), Config().to_yaml(true));
}

TEST(Config, WrongAccessIsAProgrammerError) {
  const Config config;
  EXPECT_THROW(config.integer("trainer.learning_rate"), InternalError);
  EXPECT_THROW(config.text("no.such.key"), InternalError);
  EXPECT_THROW(config.real("trainer.losses.arcface.weight"), InternalError);
  EXPECT_THROW(config.text("data.shuffle"), InternalError);
}

TEST(Config, OptionsTakeAnyText) {
  Config config;
  for (const char* path :
       {"a,b", "data (1)", "[x]", "null", "12", "true", "dé #1", "~/x", "out=x"}) {
    config.set_from_option("save_dir", path, "option --save-dir");
    EXPECT_EQ(config.optional_text("save_dir"), path);
  }
  EXPECT_EQ(config.origin("save_dir"), "option --save-dir");
  config.set_from_option("audio_formats", "wav,flac", "option --audio-formats");
  EXPECT_EQ(config.list("audio_formats"), (Texts{"wav", "flac"}));
}

TEST(Config, ChoicesInAnyCaseAndType) {
  EXPECT_EQ(with({"trainer.canonical_sums=true"}).text("trainer.canonical_sums"), "true");
  EXPECT_EQ(with({"trainer.canonical_sums=FALSE"}).text("trainer.canonical_sums"), "false");
  EXPECT_EQ(with({"trainer.batch_mode=Per_Rank"}).text("trainer.batch_mode"), "per_rank");
}

TEST(Config, IdentityHoldsWhatChangesNumbers) {
  const std::string train = Config().identity(KeyRole::kTrainIdentity);
  EXPECT_EQ(with({"data.num_workers=9", "trainer.checkpoint_seconds=5", "scorer=dna",
                  "embeddings.model.model_name=x"})
                .identity(KeyRole::kTrainIdentity),
            train);
  for (const char* change :
       {"trainer.seed=5", "data.batch_size=5", "trainer.losses=[mse]",
        "trainer.losses.mse.weight=2", "data.sampler=null", "trainer.canonical_sums=true"})
    EXPECT_NE(with({change}).identity(KeyRole::kTrainIdentity), train) << change;
  const std::string extract = Config().identity(KeyRole::kExtractIdentity);
  EXPECT_EQ(with({"trainer.seed=5", "data.batch_size=5", "num_threads=3"})
                .identity(KeyRole::kExtractIdentity),
            extract);
  for (const char* change : {"embeddings.model.features.scale=2", "embeddings.precision=fp32",
                             "data.normalize_var=true"})
    EXPECT_NE(with({change}).identity(KeyRole::kExtractIdentity), extract) << change;
  EXPECT_NE(with({"scorer=dna"}).identity(KeyRole::kScoreIdentity),
            with({"scorer=speech"}).identity(KeyRole::kScoreIdentity));
  // A line break in a value cannot imitate another key.
  EXPECT_NE(with({"data.sampler='a\nb=c'"}).identity(KeyRole::kTrainIdentity).find("a\\x0ab"),
            std::string::npos);
}

TEST(Config, JsonIsFlatAndValid) {
  const Config config =
      with({"trainer.learning_rate=inf", "trainer.epochs=-99999999999999999999",
            "data.sampler='é \"\\ 語'", "+foo={a:{b:[nan,{c:1}]},d:{}}", "scorer.eps=1e-300"});
  const std::string text = config.to_json();
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json.at("trainer.seed"), 1234);
  EXPECT_EQ(json.at("trainer.learning_rate"), "inf");
  EXPECT_TRUE(json.at("trainer.losses.arcface").is_null());
  EXPECT_EQ(json.at("audio_formats").size(), 7u);
  EXPECT_NE(text.find("\"trainer.epochs\": -99999999999999999999,"), std::string::npos);
  EXPECT_EQ(json.at("data.sampler"), "é \"\\ 語");
  EXPECT_EQ(json.at("foo.a.b").dump(), R"(["nan",{"c":1}])");
  EXPECT_EQ(json.at("foo.d").dump(), "{}");
  EXPECT_EQ(json.at("scorer.eps"), 1e-300);
  for (const auto& [key, value] : json.items())
    EXPECT_TRUE(!value.is_object() || value.empty()) << key;
  // Bytes that are not UTF-8, in a path for instance, become U+FFFD.
  Config odd;
  odd.set_from_option("save_dir", "a\xff", "option --save-dir");
  EXPECT_EQ(nlohmann::json::parse(odd.to_json()).at("save_dir"), "a\xef\xbf\xbd");
}

TEST(Config, OriginsAreShown) {
  Config config = with({"trainer.epochs=3", "scorer=dna", "+data.foo=1"});
  config.set_from_option("device", "cuda", "option --device");
  const std::string yaml = config.to_yaml(true);
  for (const char* line :
       {"  epochs: 3  # override\n", "  seed: 1234  # default\n",
        "device: cuda  # option --device\n",
        "  _target_: balr.scoring.llr.DNALLRScorer  # override\n", "  \"+foo\": 1  # override\n"})
    EXPECT_NE(yaml.find(line), std::string::npos) << line << yaml;
}

TEST(Config, NotesSayWhatHasNoEffect) {
  const Config config =
      with({"+data.bach_size=1", "hydra.run.dir=x", "+trainer=batrainer", "trainer.epochs=3"});
  ASSERT_EQ(config.notes().size(), 3u);
  EXPECT_NE(config.notes()[0].find("takes all losses away"), std::string::npos);
  EXPECT_NE(config.notes()[1].find("did you mean data.batch_size?"), std::string::npos);
  EXPECT_NE(config.notes()[2].find("without hydra"), std::string::npos);
  EXPECT_TRUE(with({"trainer.epochs=3", "++trainer.seed=5"}).notes().empty());
}

// Lines of hydra's outcomes (golden/hydra_overrides.jsonl, hydra 1.3.2), for where that file is
// not.
TEST(Config, SomeOutcomesOfHydra) {
  struct Case {
    const char* argument;
    const char* key;
    const char* json;
  };
  for (const Case& c :
       {Case{"+data.foo=1", "data.foo", "1"}, Case{"++data.foo=1", "data.foo", "1"},
        Case{"+trainer=batrainer", "trainer.losses.mse", "null"},
        Case{"trainer.seed=${trainer.epochs}", "trainer.seed", "64"},
        Case{"trainer.epochs=007", "trainer.epochs", "7"},
        Case{"trainer.epochs=1_000", "trainer.epochs", "1000"},
        Case{"trainer.epochs=str(3)", "trainer.epochs", "3"},
        Case{"trainer.learning_rate=1", "trainer.learning_rate", "1.0"},
        Case{"trainer.learning_rate=nan", "trainer.learning_rate", "\"nan\""},
        Case{"data.shuffle=2", "data.shuffle", "true"},
        Case{"data.sampler=true", "data.sampler", "\"True\""},
        Case{"data.sampler=NULL", "data.sampler", "null"}, Case{"save_dir=x", "save_dir", "\"x\""},
        Case{"~scorer", "scorer", "null"}, Case{"scorer=[dna]", "scorer.drop_in", "0.12"},
        Case{"trainer.losses.triplet={margin:0.1}", "trainer.losses.triplet.margin", "0.1"},
        Case{"+embeddings.model.model_dir=/m", "embeddings.model.model_dir", "\"/m\""}})
    EXPECT_EQ(nlohmann::json::parse(with({c.argument}).to_json()).at(c.key).dump(), c.json)
        << c.argument;
  EXPECT_NE(with({"trainer.epochs=99999999999999999999"}).to_json().find(": 99999999999999999999,"),
            std::string::npos);
}

}  // namespace
}  // namespace balr
