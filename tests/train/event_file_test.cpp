#include "train/event_file.hpp"

#include <gtest/gtest.h>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "support/golden.hpp"
#include "train/tensorboard.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

using test::read_by_tensorboard;

TEST(EventFile, TensorBoardReadsWhatWasWritten) {
  const test::TempDir folder;
  const fs::path logs = folder.path() / "logs";
  fs::create_directory(logs);
  {
    EventFile events(logs);
    events.scalar("test/total_loss", 0.5f, 1);
    events.scalar("train/total_loss", 0.25f, 1);
    events.scalar("train/total_loss", 0.1f, 300);  // a step of two bytes
    events.scalar("train/MSE", -1e-7f, 1);
  }
  EXPECT_EQ(read_by_tensorboard(logs),
            "test/total_loss 1 0.5\ntrain/MSE 1 -1.0000000116860974e-07\n"
            "train/total_loss 1 0.25\ntrain/total_loss 300 0.10000000149011612\n");
}

TEST(EventFile, AResumedRunShowsNoPointTwice) {
  const test::TempDir folder;
  const fs::path logs = folder.path() / "logs";
  fs::create_directory(logs);
  {
    EventFile killed(logs);
    for (int step = 0; step < 5; ++step) killed.scalar("train/MSE", 1.0f, step);
    killed.flush();
    fs::resize_file(killed.path(), fs::file_size(killed.path()) - 3);  // killed in the middle of a write
  }
  for (int start : {3, 2}) {  // resumed twice, all within the same second
    EventFile resumed(logs);
    resumed.session_start(start);
    for (int step = start; step < 4; ++step) resumed.scalar("train/MSE", 2.0f, step);
  }
  EXPECT_EQ(read_by_tensorboard(logs), "train/MSE 0 1.0\ntrain/MSE 1 1.0\ntrain/MSE 2 2.0\ntrain/MSE 3 2.0\n");
}

TEST(EventFile, HasTheReferencesNameAndFirstRecord) {
  const test::TempDir folder;
  EventFile events(folder.path());
  const std::string name = events.path().filename().string();
  EXPECT_TRUE(name.starts_with("events.out.tfevents.")) << name;
  const std::string bytes = read_file(events.path());
  EXPECT_NE(bytes.find("brain.Event:2"), std::string::npos);
  // Record: 8 bytes of length, 4 of its checksum, the event, 4 of its checksum.
  EXPECT_EQ(bytes.size(), 16u + static_cast<unsigned char>(bytes[0]));
}

TEST(EventFile, MissingFolderIsAnIoError) {
  const test::TempDir folder;
  EXPECT_THROW(EventFile(folder.path() / "absent"), IoError);
}

}  // namespace
}  // namespace balr
