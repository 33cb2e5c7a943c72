// Expected values: hydra 1.3.2 with omegaconf 2.3.0 and the Python balr's configuration.
#include "core/interpolation.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "balr/core/config.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

using Texts = std::vector<std::string>;

// What data.sampler becomes; "refused: ..." where the argument is refused.
std::string sampler(const std::string& value, const Texts& others = {}) {
  Config config;
  Texts overrides = others;
  overrides.push_back("data.sampler=" + value);
  try {
    config.apply_overrides(overrides);
  } catch (const ConfigError& error) {
    return "refused: " + std::string(error.what());
  }
  return config.optional_text("data.sampler").value_or("null");
}

TEST(Interpolation, FollowsOtherKeys) {
  EXPECT_EQ(sampler("${trainer.epochs}"), "64");
  EXPECT_EQ(sampler("${trainer.epochs}", {"trainer.epochs=7"}), "7");
  EXPECT_EQ(sampler("${trainer.learning_rate}"), "0.001");
  EXPECT_EQ(sampler("'x${trainer.epochs}y${scorer.checkpoint_path}z${data.shuffle}'"),
            "x64yNonezTrue");
  EXPECT_EQ(sampler("${scorer.checkpoint_path}"), "null");
  EXPECT_EQ(sampler("'${.batch_size}'"), "64");
  EXPECT_EQ(sampler("'${..trainer.seed}'"), "1234");
  EXPECT_EQ(sampler("'${trainer[epochs]}'"), "64");
  EXPECT_EQ(sampler("'${ trainer.epochs }'"), "64");
  EXPECT_EQ(sampler("'${audio_formats[1]}${audio_formats.0}'"), "mp3flac");
  EXPECT_EQ(sampler("'${scorer._target_}'"), "balr.scoring.beta.DirichletMultinomialScorer");
  EXPECT_EQ(sampler("'${trainer.${foo}}'", {"+foo=seed"}), "1234");
  EXPECT_EQ(sampler("${foo.b.1}", {"+foo={b:[1,'${..c}'],c:5}"}), "5");
}

TEST(Interpolation, Escapes) {
  EXPECT_EQ(sampler(R"('\${x}')"), "${x}");
  EXPECT_EQ(sampler(R"(\${x})"), "${x}");
  EXPECT_EQ(sampler(R"('\\${trainer.epochs}')"), R"(\64)");
  EXPECT_EQ(sampler(R"('\\\${x}')"), R"(\${x})");
  EXPECT_EQ(sampler(R"('a\b${trainer.epochs}')"), R"(a\b64)");
  EXPECT_EQ(sampler("'${trainer.epochs}}'"), "64}");
  EXPECT_EQ(sampler("'$${trainer.epochs}'"), "$64");
}

class Nothing : public InterpolationSource {
 public:
  std::optional<OverrideValue> find(const NodePath&) override { return std::nullopt; }
};

TEST(Interpolation, EscapedTextResolvesToItself) {
  for (const std::string text : {"${", R"(\${)", R"(\\${a}\)", "a${b}c${d}", R"(\\\\${x}\${y}$)"}) {
    Nothing nothing;
    const OverrideValue value = resolve_interpolation(escape_interpolation(text), {"x"}, nothing);
    EXPECT_EQ(value.text, text);
    EXPECT_EQ(value.kind, OverrideValue::Kind::kText);
  }
}

TEST(Interpolation, Resolvers) {
  ::setenv("BALR_TEST_NAME", "va lue", 1);
  ::unsetenv("BALR_TEST_NONE");
  EXPECT_EQ(sampler("'${oc.env:BALR_TEST_NAME}'"), "va lue");
  EXPECT_EQ(sampler("'${oc.env:BALR_TEST_NONE,a b}'"), "a b");
  EXPECT_EQ(sampler("'${oc.env: BALR_TEST_NONE , 1e3 }'"), "1000.0");
  EXPECT_EQ(sampler("'${oc.env:BALR_TEST_NONE,null}'"), "null");
  EXPECT_EQ(sampler(R"('${oc.env:BALR_TEST_NONE,"q,${trainer.epochs}"}')"), "q,64");
  EXPECT_EQ(sampler("'${oc.env:BALR_TEST_NONE,a:b}'"), "a:b");
  EXPECT_EQ(sampler("'${oc.select:trainer.nope,5}'"), "5");
  EXPECT_EQ(sampler("'${oc.select:nope}'"), "null");
  EXPECT_EQ(sampler("'${oc.select:.batch_size}'"), "64");
  EXPECT_EQ(sampler(R"('${oc.decode:"1e3"}')"), "1000.0");
  EXPECT_EQ(sampler("'x${oc.create:5}'"), "x5");
}

TEST(Interpolation, RefusalsNameKeyAndReason) {
  struct Case {
    const char* value;
    const char* reason;
  };
  for (const Case& c :
       {Case{"${trainer.nothing}", "there is no key trainer.nothing"},
        Case{"'${a'", "malformed at character"}, Case{"'${}'", "malformed"},
        Case{"'${a${b}}'", "malformed"}, Case{"'${nope:x}'", "knows no resolver nope"},
        Case{"'${oc.env:BALR_TEST_NONE}'", "BALR_TEST_NONE is not set"},
        Case{"'${oc.env:}'", "wrong number"}, Case{"'${oc.env:5}'", "needs a name"},
        Case{"${data.sampler}", "refers to itself"}, Case{"${data}", "refers to itself"},
        Case{"${trainer}", "a set of keys, but data.sampler must be text"},
        Case{"'a${trainer}'", "cannot be a part of a text"}, Case{"'${....a}'", "above the root"},
        Case{"'${trainer.${trainer.epochs}}'", "must be text"}}) {
    const std::string message = sampler(c.value);
    EXPECT_NE(message.find(c.reason), std::string::npos) << c.value << " -> " << message;
    EXPECT_NE(message.find("data.sampler"), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
}

TEST(Interpolation, ResultsTakeTheTypeOfTheirKey) {
  Config config;
  for (const Texts& bad :
       {Texts{"trainer.seed=${data.sampler}"}, Texts{"trainer.seed=${scorer.checkpoint_path}"},
        Texts{"save_dir=${trainer.epochs}"},
        Texts{"trainer.seed=${trainer.epochs}", "trainer.epochs=${trainer.seed}"}})
    EXPECT_THROW(config.apply_overrides(bad), ConfigError) << bad[0];
  config.apply_overrides(Texts{"trainer.learning_rate=${trainer.epochs}", "save_dir=x/${device}",
                               "data.shuffle=${data.num_workers}",
                               R"(trainer.seed='${oc.decode:"12"}')"});
  EXPECT_EQ(config.real("trainer.learning_rate"), 64.0);
  EXPECT_EQ(config.optional_text("save_dir"), "x/cpu");
  EXPECT_TRUE(config.flag("data.shuffle"));
  // Values that change later are followed.
  config.set_from_option("device", "cuda", "option --device");
  EXPECT_EQ(config.optional_text("save_dir"), "x/cuda");
}

}  // namespace
}  // namespace balr
