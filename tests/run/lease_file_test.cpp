#include "run/lease_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "balr/core/atomic_file.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

struct LeaseFileTest : ::testing::Test {
  test::TempDir dir;
  LeaseFile file{dir.path()};

  static std::string text(const std::string& token) {
    LeaseRecord record;
    record.process.host = "h\xff";  // host names need not be UTF-8
    record.token = token;
    return record.to_text();
  }
};

TEST_F(LeaseFileTest, TheFirstOneWins) {
  const int fd = file.create(text("a"));
  ASSERT_GE(fd, 0);
  EXPECT_EQ(file.create(text("b")), -1);
  EXPECT_EQ(file.read(), text("a"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
  close(fd);
}

TEST_F(LeaseFileTest, OnlyTheOneThatWasLookedAtIsRemoved) {
  close(file.create(text("a")));
  EXPECT_FALSE(file.remove("b"));
  EXPECT_EQ(file.read(), text("a"));
  EXPECT_TRUE(file.remove("a"));
  EXPECT_FALSE(file.read());
  EXPECT_FALSE(file.remove("a"));
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST_F(LeaseFileTest, AWriteOfAFormerOwnerGoesNowhere) {
  const int before = file.create(text("a"));
  file.remove("a");
  const int now = file.create(text("b"));
  LeaseFile::write_over(before, text("a"));
  EXPECT_EQ(file.read(), text("b"));
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
