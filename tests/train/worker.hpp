#pragma once
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "balr/core/atomic_file.hpp"

namespace balr::test {

// One run of train_worker on some ranks, in the background.
class Worker {
 public:
  Worker(int ranks, const std::filesystem::path& save_dir, std::vector<std::string> arguments) {
    std::filesystem::create_directories(save_dir.parent_path());
    log_ = save_dir.string() + ".log";
    std::vector<std::string> line;
    if (ranks > 1) line = {BALR_MPIEXEC, "--oversubscribe", "--bind-to", "none", "-n", std::to_string(ranks)};
    line.insert(line.end(), {BALR_TRAIN_WORKER, save_dir.string()});
    line.insert(line.end(), arguments.begin(), arguments.end());
    const int log = open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    pid_ = fork();
    if (pid_ == 0) start(line, log);
    close(log);
  }
  ~Worker() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      wait();
    }
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Exit status, or 128 + the signal that ended it.
  int wait() {
    if (pid_ > 0) waitpid(pid_, &status_, 0);
    pid_ = -1;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  }
  bool is_running() {
    if (pid_ > 0 && waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
    return pid_ > 0;
  }
  std::string log() const { return read_file(log_); }

  // The processes that train: the program itself, or mpiexec's children.
  std::vector<pid_t> processes() const {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const int pid = std::atoi(entry.path().filename().c_str());
      if (pid <= 0) continue;
      std::ifstream stat(entry.path() / "stat");
      std::string number, name, state;
      pid_t parent = 0;
      if (stat >> number >> name >> state >> parent && name == "(train_worker)" && (parent == pid_ || pid == pid_)) found.push_back(pid);
    }
    return found;
  }

 private:
  [[noreturn]] void start(const std::vector<std::string>& line, int log) {
    dup2(log, 1);
    dup2(log, 2);
    std::vector<char*> argv;
    for (const std::string& word : line) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    execvp(argv[0], argv.data());
    _exit(127);
  }

  std::string log_;
  int status_ = 0;
  pid_t pid_ = -1;
};

struct Ended {
  int code;
  std::string log;
};

inline Ended run_worker(int ranks, const std::filesystem::path& save_dir, std::vector<std::string> arguments = {}) {
  Worker worker(ranks, save_dir, std::move(arguments));
  const int code = worker.wait();
  return {code, worker.log()};
}

}  // namespace balr::test
