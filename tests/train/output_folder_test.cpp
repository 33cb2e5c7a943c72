#include "train/output_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "balr/core/error.hpp"
#include "balr/run/run_state.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// What stands in the folders before the command, the command, and what must come of it.
struct Case {
  const char* about;
  enum Content { kAbsent, kEmpty, kFiles, kSameUnfinished, kSameFinished, kOther } first, second;  // mse, mse2
  bool exist_ok, resume, must_resume;
  const char* job;       // of this command; the unfinished runs were started by job 7
  const char* folder;    // expected; null: ConfigError
  FolderState state;
};

constexpr auto kFresh = FolderState::kFresh, kResume = FolderState::kResume, kFinished = FolderState::kFinished;
using C = Case;
const Case kCases[] = {
    {"nothing there", C::kAbsent, C::kAbsent, false, true, false, "", "mse", kFresh},
    {"an empty folder", C::kEmpty, C::kAbsent, false, true, false, "", "mse", kFresh},
    {"other files", C::kFiles, C::kAbsent, false, true, false, "", "mse2", kFresh},
    {"other files, exist-ok", C::kFiles, C::kAbsent, true, true, false, "", "mse", kFresh},
    {"same run, unfinished", C::kSameUnfinished, C::kAbsent, false, true, false, "", "mse", kResume},
    {"same run, unfinished, exist-ok", C::kSameUnfinished, C::kAbsent, true, true, false, "", "mse", kResume},
    {"same run, unfinished, no-resume", C::kSameUnfinished, C::kAbsent, false, false, false, "", "mse2", kFresh},
    {"same run, unfinished, no-resume, another job", C::kSameUnfinished, C::kAbsent, false, false, false, "8", "mse2", kFresh},
    {"no-resume, but Slurm starts the same job again", C::kSameUnfinished, C::kAbsent, false, false, false, "7", "mse", kResume},
    {"same run, unfinished, no-resume, exist-ok", C::kSameUnfinished, C::kAbsent, true, false, false, "", nullptr, kFresh},
    {"same run, finished", C::kSameFinished, C::kAbsent, false, true, false, "", "mse", kFinished},
    {"same run, finished, must-resume", C::kSameFinished, C::kAbsent, false, true, true, "", "mse", kFinished},
    {"another run", C::kOther, C::kAbsent, false, true, false, "", "mse2", kFresh},
    {"another run, its neighbour in use", C::kOther, C::kOther, false, true, false, "", "mse3", kFresh},
    {"another run, ours beside it", C::kOther, C::kSameUnfinished, false, true, false, "", "mse2", kResume},
    {"another run, ours finished beside it", C::kOther, C::kSameFinished, false, true, false, "", "mse2", kFinished},
    {"another run, exist-ok", C::kOther, C::kAbsent, true, true, false, "", nullptr, kFresh},
    {"must-resume", C::kSameUnfinished, C::kAbsent, false, true, true, "", "mse", kResume},
    {"must-resume, nothing there", C::kAbsent, C::kAbsent, false, true, true, "", nullptr, kFresh},
    {"must-resume, another run", C::kOther, C::kAbsent, false, true, true, "", nullptr, kFresh},
    {"must-resume and no-resume", C::kAbsent, C::kAbsent, false, false, true, "", nullptr, kFresh},
};

void prepare(const fs::path& folder, Case::Content content) {
  if (content == Case::kAbsent) return;
  fs::create_directory(folder);
  if (content == Case::kEmpty) return;
  if (content == Case::kFiles) {
    std::ofstream(folder / "notes.txt") << "mine";
    return;
  }
  RunState state = started_state("train", content == Case::kOther ? "other" : "same", {.id = "7", .restart_count = 0, .end = {}});
  if (content == Case::kSameFinished) state.state = "complete";
  write_run_state(folder, state);
}

TEST(OutputFolder, FollowsTheTable) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.about);
    const test::TempDir parent;
    prepare(parent.path() / "mse", c.first);
    prepare(parent.path() / "mse2", c.second);
    const FolderRequest request{parent.path() / "mse", "same", c.job, c.exist_ok, c.resume, c.must_resume};
    if (!c.folder) {
      EXPECT_THROW(choose_folder(request), ConfigError);
      continue;
    }
    const FolderChoice choice = choose_folder(request);
    EXPECT_EQ(choice.folder.filename(), c.folder);
    EXPECT_EQ(choice.state, c.state);
  }
}

TEST(OutputFolder, LookingCreatesNothing) {
  const test::TempDir parent;
  choose_folder({parent.path() / "deep" / "mse", "same", ""});
  EXPECT_TRUE(fs::is_empty(parent.path()));
}

TEST(OutputFolder, TakesOnlyNamesThatAreNumbers) {
  const test::TempDir parent;
  prepare(parent.path() / "mse", Case::kOther);
  for (const char* name : {"mse02", "mse-2", "mse2b", "mse1"}) prepare(parent.path() / name, Case::kSameUnfinished);
  const FolderChoice choice = choose_folder({parent.path() / "mse", "same", ""});
  EXPECT_EQ(choice.folder.filename(), "mse2");
  EXPECT_EQ(choice.state, kFresh);
}

TEST(OutputFolder, AFileIsRefusedAndATrailingSlashDoesNotMatter) {
  const test::TempDir parent;
  std::ofstream(parent.path() / "file") << "x";
  EXPECT_THROW(choose_folder({parent.path() / "file", "same", ""}), ConfigError);
  prepare(parent.path() / "mse", Case::kSameUnfinished);
  const FolderChoice choice = choose_folder({parent.path() / "mse" / "", "same", ""});
  EXPECT_EQ(choice.folder, parent.path() / "mse");
  EXPECT_EQ(choice.state, kResume);
}

TEST(OutputFolder, RemovesOnlyTemporaries) {
  const test::TempDir parent;
  prepare(parent.path() / "mse", Case::kSameUnfinished);
  const fs::path folder = parent.path() / "mse";
  fs::create_directories(folder / "checkpoints" / ".step-3.tmp-host-1-0");
  fs::create_directories(folder / "checkpoints" / "step-2");
  std::ofstream(folder / ".last.pt.tmp-host-1-1") << "half";
  std::ofstream(folder / ".mine") << "keep";
  remove_temporaries(folder);
  EXPECT_FALSE(fs::exists(folder / "checkpoints" / ".step-3.tmp-host-1-0"));
  EXPECT_FALSE(fs::exists(folder / ".last.pt.tmp-host-1-1"));
  EXPECT_TRUE(fs::exists(folder / "checkpoints" / "step-2"));
  EXPECT_TRUE(fs::exists(folder / ".mine"));
  EXPECT_TRUE(fs::exists(folder / "run.json"));
}

TEST(OutputFolder, ARunThatDiedAfterTakingItsLeaseLeavesTheFolderFree) {
  const test::TempDir parent;
  fs::create_directory(parent.path() / "mse");
  std::ofstream(parent.path() / "mse" / ".balr-lease") << "{}";
  const FolderChoice choice = choose_folder({parent.path() / "mse", "same", ""});
  EXPECT_EQ(choice.folder.filename(), "mse");
  EXPECT_EQ(choice.state, kFresh);
}

TEST(OutputFolder, ARunThatCannotBeUnderstoodIsSomebodyElses) {
  const test::TempDir parent;
  fs::create_directory(parent.path() / "mse");
  std::ofstream(parent.path() / "mse" / "run.json") << "not JSON";
  EXPECT_EQ(choose_folder({parent.path() / "mse", "same", ""}).folder.filename(), "mse2");
}

}  // namespace
}  // namespace balr
