// The program `balr` as a process: it hands over with the same arguments, and stays small.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
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

// What a full or closed output is told as.
TEST_F(FrontTest, OutputThatCannotBeWritten) {
  for (const char* arguments :
       {"--help", "--version", "help train", "train --help", "score --help", "config",
        "config --json", "completion bash", "completion bash --complete -- ''"})
    for (const char* output : {" > /dev/full", " >&-"}) {
      const Ended ended = run("{ " + call(arguments) + output + "; }");
      EXPECT_EQ(ended.exit_code, 74) << arguments << output;
      EXPECT_TRUE(ended.output.starts_with("error: cannot write to the standard output"))
          << ended.output;
      EXPECT_EQ(std::ranges::count(ended.output, '\n'), 1) << ended.output;
    }
  // A mistake is told by the exit status whatever stderr is.
  EXPECT_EQ(run("{ " + call("extract absent") + " 2>/dev/full; }").exit_code, 2);
  EXPECT_EQ(run("{ " + call("extract absent") + " 2>&-; }").exit_code, 2);
}

TEST_F(FrontTest, InstallsCompletions) {
  const std::string home = "HOME='" + folder_.path().string() + "' XDG_DATA_HOME= ";
  const Ended bash = run(home + call("completion bash --install"));
  EXPECT_EQ(bash.exit_code, 0) << bash.output;
  const fs::path file = folder_.path() / ".local/share/bash-completion/completions/balr";
  EXPECT_EQ(run("cat '" + file.string() + "'").output, run(call("completion bash")).output);
  EXPECT_EQ(run(home + "SHELL=/bin/zsh " + call("--install-completion")).exit_code, 0);
  EXPECT_EQ(run("cat '" + (folder_.path() / ".zfunc/_balr").string() + "'").output,
            run(call("--show-completion zsh")).output);
  const Ended nowhere =
      run("HOME=/proc/nowhere XDG_DATA_HOME= " + call("completion zsh --install"));
  EXPECT_EQ(nowhere.exit_code, 74);
  EXPECT_TRUE(nowhere.output.starts_with("error: cannot make the folder")) << nowhere.output;
}

// Under a launcher each process parses, one speaks, and an answer that a script asks for is given
// to each.
TEST_F(FrontTest, UnderALauncher) {
  const std::string third = "OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_LOCAL_RANK=3 ";
  const Ended wrong = run(third + call("extract absent"));
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(wrong.output, "");
  EXPECT_EQ(run(third + call("config --json")).output, run(call("config --json")).output);
  put_compute(folder_.path() / "bin");
  EXPECT_EQ(run(third + extract()).output, "<extract><" + input().string() + ">");
}

// The launcher ends all processes when one fails, and the first, which speaks, may be late.
TEST_F(FrontTest, TheFirstProcessSpeaksHoweverLateItIs) {
  const Ended ended =
      run("mpiexec -n 3 sh -c 'test ${OMPI_COMM_WORLD_RANK:-$PMI_RANK} = 0 && sleep 1; "
          "exec \"" +
          program().string() + "\" extract absent'");
  EXPECT_EQ(ended.exit_code, 2) << ended.output;
  const std::string message = "error: Invalid value for 'INPUT': Path 'absent' does not exist.\n";
  const std::size_t at = ended.output.find(message);
  EXPECT_NE(at, std::string::npos) << ended.output;
  EXPECT_EQ(ended.output.find(message, at + 1), std::string::npos) << ended.output;
}

// Names of libraries that a program is linked to, or loads while it answers.
std::string libraries_of(const fs::path& program, const std::string& arguments) {
  const Ended linked = run("ldd '" + program.string() + "'");
  const Ended loaded =
      run("{ LD_DEBUG=libs '" + program.string() + "' " + arguments + " >/dev/null; }");
  EXPECT_EQ(linked.exit_code, 0);
  EXPECT_NE(linked.output.find("libc.so"), std::string::npos);
  EXPECT_NE(loaded.output.find("find library=libc.so"), std::string::npos) << loaded.output;
  return linked.output + loaded.output;
}

void expect_none(const std::string& libraries, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    EXPECT_EQ(libraries.find(name), std::string::npos) << name << "\n" << libraries;
}

TEST_F(FrontTest, LoadsNeitherTorchNorMpi) {
  const std::vector<std::string> heavy = {"torch",   "libc10", "libmpi",  "nccl",    "cuda",
                                          "libpmix", "hdf5",   "libcurl", "sndfile", "avformat"};
  for (const char* arguments : {"--help", "--version", "config", "completion bash", "help train",
                                "completion bash --complete -- train ''", "status ."})
    expect_none(libraries_of(program(), arguments), heavy);
  for (const char* arguments : {"--help", "verify .", "export ."})
    expect_none(libraries_of(fs::path(std::getenv("BALR_BUILD_DIR")) / "balr-files", arguments),
                {"torch", "libc10", "libmpi", "nccl", "cuda", "libpmix"});
}

}  // namespace
}  // namespace balr
