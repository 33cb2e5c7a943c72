#include "doctor/folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

bool has_fault(const Findings& findings) {
  for (const Finding& finding : findings)
    if (finding.kind == Finding::Kind::kFault) return true;
  return false;
}

TEST(Folder, AGoodOneIsMeasuredAndLeftAsItWas) {
  const test::TempDir dir;
  std::ofstream(dir.path() / "mine") << "kept";
  const Findings found = examine_folder(dir.path(), "folder");
  ASSERT_FALSE(has_fault(found));
  EXPECT_NE(found[0].text.find("small files/s"), std::string::npos);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 1);
}

TEST(Folder, OneThatWasNotThereIsNotLeftBehind) {
  const test::TempDir dir;
  EXPECT_FALSE(has_fault(examine_folder(dir.path() / "new", "folder")));
  EXPECT_FALSE(fs::exists(dir.path() / "new"));
}

TEST(Folder, OneThatCannotBeWrittenIsAFault) {
  const test::TempDir dir;
  std::ofstream(dir.path() / "file") << "no folder";
  for (const fs::path& bad : {dir.path() / "file", fs::path("/proc/balr")}) {
    const Findings found = examine_folder(bad, "folder");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].kind, Finding::Kind::kFault);
    EXPECT_NE(found[0].text.find("give a folder"), std::string::npos) << found[0].text;
  }
}

}  // namespace
}  // namespace balr
