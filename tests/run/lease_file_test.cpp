#include "run/lease_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "balr/core/hash.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

struct LeaseFileTest : ::testing::Test {
  test::TempDir dir;
  LeaseFile file{dir.path()};

  static std::string text(const std::string& token) {
    LeaseRecord record;
    record.process.host = "h\xff";  // host names need not be UTF-8
    record.token = token;
    return record.to_text();
  }
  fs::path claim(const std::string& token) const {
    return dir.path() / (".balr-lease-" + sha256_hex(token).substr(0, 16));
  }
  std::ptrdiff_t files() const { return std::distance(fs::directory_iterator(dir.path()), {}); }
};

TEST_F(LeaseFileTest, TheFirstOneWins) {
  const int fd = file.create(text("a"));
  ASSERT_GE(fd, 0);
  EXPECT_EQ(file.create(text("b")), -1);
  EXPECT_EQ(file.owner()->text, text("a"));
  EXPECT_EQ(files(), 1);
  close(fd);
}

TEST_F(LeaseFileTest, OnlyOneTakesOverFromAnOwner) {
  close(file.create(text("a")));
  const auto owner = file.owner();
  ASSERT_TRUE(owner);
  const int fd = file.take_over(*owner, text("b"), "b");
  ASSERT_GE(fd, 0);
  EXPECT_EQ(file.take_over(*owner, text("c"), "c"), -1);  // who still sees the owner before
  EXPECT_EQ(file.owner()->record->token, "b");
  EXPECT_EQ(files(), 1);
  close(fd);
}

// As left by processes that died right after their claim.
TEST_F(LeaseFileTest, AChainOfClaimsIsFollowedAndShortened) {
  close(file.create(text("a")));
  std::ofstream(claim("a")) << text("b");
  std::ofstream(claim("b")) << text("c");
  const auto owner = file.owner();
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->record->token, "c");
  EXPECT_EQ(owner->chain, (std::vector<fs::path>{file.path(), claim("a"), claim("b")}));
  const int fd = file.take_over(*owner, text("d"), "d");
  EXPECT_GE(fd, 0);
  EXPECT_EQ(file.owner()->record->token, "d");
  close(fd);
  EXPECT_EQ(files(), 1);
}

TEST_F(LeaseFileTest, AClaimOnARecordThatIsGoneMeansNothing) {
  close(file.create(text("a")));
  const auto owner = file.owner();
  file.release("a", text("a2"));
  EXPECT_FALSE(file.owner());
  EXPECT_EQ(file.take_over(*owner, text("b"), "b"), -1);
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST_F(LeaseFileTest, OnlyTheOwnerReleases) {
  close(file.create(text("a")));
  file.release("b", text("b2"));
  EXPECT_EQ(file.owner()->text, text("a"));
  std::ofstream(claim("a")) << text("c");
  file.release("a", text("a2"));  // taken over by now
  EXPECT_EQ(file.owner()->record->token, "c");
  file.release("c", text("c2"));
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST_F(LeaseFileTest, AProcessThatDiesInReleaseLeavesAnOwnerThatIsGone) {
  close(file.create(text("a")));
  std::ofstream(claim("a")) << text("a2");
  const auto owner = file.owner();
  EXPECT_EQ(owner->record->token, "a2");
  const int fd = file.take_over(*owner, text("b"), "b");
  EXPECT_GE(fd, 0);
  EXPECT_EQ(files(), 1);
  close(fd);
}

TEST_F(LeaseFileTest, AWriteOfAFormerOwnerGoesNowhere) {
  const int before = file.create(text("a"));
  const int now = file.take_over(*file.owner(), text("b"), "b");
  LeaseFile::write_over(before, text("a"));
  EXPECT_EQ(file.owner()->text, text("b"));
  LeaseFile::write_over(now, text("b3"));
  EXPECT_EQ(file.owner()->text, text("b3"));
  close(before);
  close(now);
}

TEST_F(LeaseFileTest, ARecordGoesThereAndBack) {
  LeaseRecord record;
  record.process = {"host", "boot", "pid:[1]", 17, 4'000'000'000};
  record.job = "4711";
  record.restart_count = 2;
  record.token = "t";
  record.beats = 5;
  record.heartbeat = 1'700'000'000;
  const auto back = LeaseRecord::from_text(record.to_text());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->process.host, "host");
  EXPECT_EQ(back->process.boot, "boot");
  EXPECT_EQ(back->process.pid_namespace, "pid:[1]");
  EXPECT_EQ(back->process.pid, 17);
  EXPECT_EQ(back->process.start, 4'000'000'000);
  EXPECT_EQ(back->job, "4711");
  EXPECT_EQ(back->restart_count, 2);
  EXPECT_EQ(back->token, "t");
  EXPECT_EQ(back->beats, 5);
  EXPECT_EQ(back->heartbeat, 1'700'000'000);
  record.beats = 1'000'000;
  EXPECT_EQ(record.to_text().size(), LeaseRecord{}.to_text().size());
  EXPECT_FALSE(LeaseRecord::from_text("{}"));
}

}  // namespace
}  // namespace balr
