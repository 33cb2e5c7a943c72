#pragma once
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace balr::test {

// Runs `work` in a forked child, whose exit code is what it returns (99: it threw).
inline pid_t start_child(const std::function<int()>& work) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  int code = 99;
  try {
    code = work();
  } catch (...) {
  }
  _exit(code);
}

// The exit code of the child, or minus the signal that ended it.
inline int wait_child(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

inline int in_child(const std::function<int()>& work) { return wait_child(start_child(work)); }

}  // namespace balr::test
