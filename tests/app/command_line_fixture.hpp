#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "app/commands/extract.hpp"
#include "app/commands/train.hpp"
#include "balr/app/command_line.hpp"
#include "support/golden.hpp"

namespace balr {

// What a command line came to.
struct Outcome {
  std::optional<CommandLine> line;
  int exit_code = -1;
  std::string out, err;

  template <class C>
  const C& as() const {
    return dynamic_cast<const C&>(*line.value().command);
  }
  const ExtractCommand& extract() const { return as<ExtractCommand>(); }
  const TrainCommand& train() const { return as<TrainCommand>(); }
};

inline std::string shown(const std::vector<std::string>& arguments) {
  std::string text = "balr";
  for (const std::string& argument : arguments) text += " " + argument;
  return text + "\n";
}

// Parses in this process, in a folder with a.csv and v.csv, outside of any launcher.
class CommandLineFixture : public testing::Test {
 protected:
  void SetUp() override {
    before_ = std::filesystem::current_path();
    std::filesystem::current_path(folder_.path());
    for (const char* name : {"a.csv", "v.csv"}) std::ofstream(name) << "audio\n";
    for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID",
                             "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"})
      unsetenv(name);
  }
  void TearDown() override { std::filesystem::current_path(before_); }

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  Outcome parse(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "balr");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    Outcome result;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    result.line =
        parse_command_line(static_cast<int>(arguments.size()), argv.data(), result.exit_code);
    result.out = testing::internal::GetCapturedStdout();
    result.err = testing::internal::GetCapturedStderr();
    return result;
  }

  Outcome accepts(const std::vector<std::string>& arguments) const {
    Outcome result = parse(arguments);
    EXPECT_TRUE(result.line.has_value()) << shown(arguments) << result.err;
    EXPECT_EQ(result.exit_code, 0) << shown(arguments);
    EXPECT_EQ(result.err, "") << shown(arguments);
    return result;
  }

  // Expects exit 2 and one line on stderr that holds `reason`.
  void refuses(const std::vector<std::string>& arguments, const std::string& reason) const {
    const Outcome result = parse(arguments);
    EXPECT_FALSE(result.line.has_value()) << shown(arguments);
    EXPECT_EQ(result.exit_code, 2) << shown(arguments);
    EXPECT_EQ(result.out, "") << shown(arguments);
    EXPECT_TRUE(result.err.starts_with("error: ")) << shown(arguments) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_NE(result.err.find(reason), std::string::npos) << shown(arguments) << result.err;
  }

  test::TempDir folder_;

 private:
  std::filesystem::path before_;
};

}  // namespace balr
