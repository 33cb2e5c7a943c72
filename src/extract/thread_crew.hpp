#pragma once
#include <algorithm>
#include <functional>
#include <thread>
#include <vector>

namespace balr {

// A number of threads that do the same, of which one that hangs can be replaced.
class ThreadCrew {
 public:
  ThreadCrew(int size, std::function<void()> work) : work_(std::move(work)) {
    for (int i = 0; i < size; ++i) threads_.emplace_back(work_);
  }

  int size() const { return static_cast<int>(threads_.size()); }

  // Lets the thread go; it must not use anything that ends with the crew.
  void replace(std::thread::id id) {
    const auto found = std::find_if(threads_.begin(), threads_.end(), [&](const auto& t) { return t.get_id() == id; });
    if (found == threads_.end()) return;
    found->detach();
    *found = std::thread(work_);
  }

  void join() {
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::function<void()> work_;
  std::vector<std::thread> threads_;
};

}  // namespace balr
