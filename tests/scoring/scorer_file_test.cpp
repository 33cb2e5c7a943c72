#include "balr/scoring/scorer_file.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "scoring/small_sets.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using test::settings_of;

ScorerCard some_card(const Fit& fit, ScorerKind kind) {
  ScorerCard card;
  card.settings = settings_of(kind);
  card.attributes = 7;
  card.speakers = 10;
  card.recordings = 40;
  card.report = fit.report;
  card.population = "Dutch \"men\", 2011\n";
  card.speaker_hashes = {name_hash("a"), name_hash("b")};
  card.data_source = "not \xff UTF-8";
  return card;
}

std::string error_of(const fs::path& file, ScorerKind kind) {
  try {
    read_scorer(file, kind);
  } catch (const DataError& e) {
    return e.what();
  }
  return "";
}

TEST(ScorerFile, WhatIsWrittenIsRead) {
  const SpeakerCounts counts = test::random_counts(10, 7, 8, 1);
  for (const ScorerKind kind : test::kFitted) {
    const test::TempDir dir;
    const Fit fit = fit_scorer(counts, settings_of(kind));
    write_scorer(dir.path(), fit.buffers, some_card(fit, kind));
    const LoadedScorer loaded = read_scorer(dir.path() / "scorer.pt", kind);
    const std::vector<std::int32_t> e{1, 0, 1, 1, 0, 0, 1}, t{0, 0, 1, 1, 0, 1, 1};
    EXPECT_NEAR(loaded.scorer->score({e, 1}, {t, 1}),
                make_scorer(kind, fit.buffers)->score({e, 1}, {t, 1}),
                kind == ScorerKind::kMaxLlr ? 0 : 1e-5);
    ASSERT_TRUE(loaded.card);
    EXPECT_EQ(loaded.card->population, "Dutch \"men\", 2011\n");
    EXPECT_EQ(loaded.card->speaker_hashes, some_card(fit, kind).speaker_hashes);
    EXPECT_EQ(loaded.card->recordings, 40);
    // A scorer of another kind.
    for (const ScorerKind other : test::kFitted)
      if (other != kind) {
        EXPECT_NE(error_of(dir.path() / "scorer.pt", other), "");
      }
  }
}

TEST(ScorerFile, ACardOfAnotherFileIsRefused) {
  const test::TempDir dir, other;
  const SpeakerCounts counts = test::random_counts(10, 7, 8, 1);
  const Fit fit = fit_scorer(counts, settings_of(ScorerKind::kBeta));
  write_scorer(dir.path(), fit.buffers, some_card(fit, ScorerKind::kBeta));
  const Fit second = fit_scorer(test::random_counts(10, 7, 8, 2), settings_of(ScorerKind::kBeta));
  write_scorer(other.path(), second.buffers, some_card(second, ScorerKind::kBeta));
  fs::copy_file(other.path() / "scorer.json", dir.path() / "scorer.json",
                fs::copy_options::overwrite_existing);
  EXPECT_NE(error_of(dir.path() / "scorer.pt", ScorerKind::kBeta).find("another file"),
            std::string::npos);
  for (const char* text : {"", "{}", "[]", "null", "{\"format\": \"balr scorer\"}", "\xff\xfe"}) {
    write_file_atomically(dir.path() / "scorer.json", text);
    EXPECT_NE(error_of(dir.path() / "scorer.pt", ScorerKind::kBeta).find("scorer.json"),
              std::string::npos)
        << text;
  }
  fs::remove(dir.path() / "scorer.json");
  EXPECT_EQ(error_of(dir.path() / "scorer.pt", ScorerKind::kBeta), "");
}

// The files that the Python balr wrote; its beta fit on 3 speakers is NaN.
TEST(ScorerFile, FilesOfThePythonBalr) {
  BALR_NEEDS_TEST_DATA();
  const fs::path run = test::test_data_folder() / "golden" / "scoring-run";
  for (const ScorerKind kind : test::kFitted) {
    const LoadedScorer loaded =
        read_scorer(run / (scorer_name(kind) + "-train") / "scorer.pt", kind);
    EXPECT_EQ(loaded.scorer->attributes(), 512);
    EXPECT_FALSE(loaded.card);
  }
  EXPECT_NE(error_of(run / "few-train" / "scorer.pt", ScorerKind::kBeta).find("alpha"),
            std::string::npos);
}

}  // namespace
}  // namespace balr
