#pragma once
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace balr::test {

// What TensorBoard itself reads from a folder: lines "tag step value", values in full; without
// speeds, which differ from run to run.
inline std::string read_by_tensorboard(const std::filesystem::path& folder) {
  const std::filesystem::path script = folder.parent_path() / (folder.filename().string() + ".py");
  std::ofstream(script) << R"(import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
events.Reload()
for tag in sorted(events.Tags()["scalars"]):
    if tag.startswith("speed/"):
        continue
    for event in events.Scalars(tag):
        print(tag, event.step, repr(event.value))
)";
  const std::string command =
      std::string(BALR_TEST_PYTHON) + " " + script.string() + " " + folder.string() + " 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return text;
}

}  // namespace balr::test
