// The program `balr` as a process: it hands over with the same arguments, and stays small.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

struct Ended {
  int exit_code;
  std::string output;  // stdout and stderr
};

Ended run(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer;
  while (const std::size_t count = fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), count);
  return {WEXITSTATUS(pclose(pipe)), output};
}

class FrontTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_.path() / "bin");
    fs::copy_file(fs::path(std::getenv("BALR_BUILD_DIR")) / "balr", program());
    std::ofstream(input()) << "audio\n";
  }
  // A program that shows its arguments in place of the computing one.
  void put_compute(const fs::path& where) {
    fs::create_directories(where);
    std::ofstream(where / "balr-compute")
        << "#!/bin/sh\nprintf '<%s>' \"$@\"\nexit ${FAKE_EXIT:-0}\n";
    fs::permissions(where / "balr-compute", fs::perms::owner_all);
  }
  fs::path program() const { return folder_.path() / "bin" / "balr"; }
  fs::path input() const { return folder_.path() / "a b.csv"; }
  std::string call(const std::string& arguments) const {
    return "'" + program().string() + "' " + arguments;
  }
  std::string extract() const { return call("extract '" + input().string() + "'"); }

  test::TempDir folder_;
};

TEST_F(FrontTest, HandsOverWithTheSameArguments) {
  put_compute(folder_.path() / "bin");
  const Ended ended = run("FAKE_EXIT=75 " + extract() + " --save-dir 'x y' 'data.sampler=null' ''");
  EXPECT_EQ(ended.exit_code, 2) << ended.output;  // an empty override is refused before
  const Ended good = run("FAKE_EXIT=75 " + extract() + " --save-dir 'x y' 'data.sampler=null'");
  EXPECT_EQ(good.exit_code, 75);
  EXPECT_EQ(good.output, "<extract><" + input().string() + "><--save-dir><x y><data.sampler=null>");
}

TEST_F(FrontTest, FindsTheComputingProgramOfAnInstallation) {
  const Ended missing = run(extract());
  EXPECT_EQ(missing.exit_code, 74);
  EXPECT_TRUE(missing.output.starts_with("error: cannot find balr-compute")) << missing.output;
  put_compute(folder_.path() / "libexec" / "balr");
  EXPECT_EQ(run(extract()).output, "<extract><" + input().string() + ">");
  EXPECT_EQ(run("cd / && PATH='" + program().parent_path().string() + "':$PATH balr extract '" +
                input().string() + "'")
                .exit_code,
            0);
}

TEST_F(FrontTest, AnswersWithoutTheComputingProgram) {
  EXPECT_EQ(run(call("--version")).exit_code, 0);
  EXPECT_EQ(run(call("extract --help")).exit_code, 0);
  const Ended config = run(call("config trainer.epochs=7"));
  EXPECT_EQ(config.exit_code, 0);
  EXPECT_NE(config.output.find("  epochs: 7  # override\n"), std::string::npos) << config.output;
  EXPECT_EQ(run(call("config") + " > /dev/full").exit_code, 74);
}

TEST_F(FrontTest, PresetsAreFoundWhereTheyAreInstalled) {
  EXPECT_EQ(run(call("config --config-name recipe")).exit_code, 2);
  const fs::path presets = folder_.path() / "share/balr/configs";
  fs::create_directories(presets);
  fs::copy_file(fs::path(std::getenv("BALR_SOURCE_DIR")) / "configs/recipe.yaml",
                presets / "recipe.yaml");
  const Ended config = run(call("config --config-name recipe"));
  EXPECT_EQ(config.exit_code, 0);
  EXPECT_NE(config.output.find("epochs: 200  # file recipe.yaml"), std::string::npos);
}

TEST_F(FrontTest, LoadsNeitherTorchNorMpi) {
  const Ended libraries = run("ldd '" + program().string() + "'");
  ASSERT_EQ(libraries.exit_code, 0);
  EXPECT_NE(libraries.output.find("libc.so"), std::string::npos);
  for (const char* name : {"torch", "libmpi", "cuda", "hdf5"})
    EXPECT_EQ(libraries.output.find(name), std::string::npos) << libraries.output;
}

}  // namespace
}  // namespace balr
