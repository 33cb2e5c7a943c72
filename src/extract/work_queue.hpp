#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace balr {

// A queue between threads that can be closed (no more items) or failed (the error reaches the consumer).
template <class T>
class WorkQueue {
 public:
  void push(T item) {
    {
      std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
    }
    changed_.notify_one();
  }

  // Waits while there are `limit` items or more; for producers that must not run ahead.
  void push_bounded(T item, std::size_t limit) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return items_.size() < limit || closed_; });
      items_.push_back(std::move(item));
    }
    changed_.notify_all();
  }

  // Waits for an item; nothing if the queue is closed.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !items_.empty() || closed_; });
    return take();
  }

  // Waits at most this long. Rethrows what fail() was given.
  std::optional<T> pop_for(std::chrono::milliseconds wait) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait, [&] { return !items_.empty() || closed_ || failure_; });
    if (failure_) std::rethrow_exception(failure_);
    return take();
  }

  void fail(std::exception_ptr failure) {
    {
      std::lock_guard lock(mutex_);
      if (!failure_) failure_ = failure;
    }
    changed_.notify_all();
  }

  std::vector<T> drain() {
    std::vector<T> out;
    {
      std::lock_guard lock(mutex_);
      for (T& item : items_) out.push_back(std::move(item));
      items_.clear();
    }
    changed_.notify_all();
    return out;
  }

  // Drops what is queued and lets every pop() return nothing from now on.
  void close() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
      items_.clear();
    }
    changed_.notify_all();
  }

  bool closed() {
    std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  std::optional<T> take() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    changed_.notify_all();
    return item;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> items_;
  bool closed_ = false;
  std::exception_ptr failure_;
};

}  // namespace balr
