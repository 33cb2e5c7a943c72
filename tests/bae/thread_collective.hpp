#pragma once
#include <ATen/ATen.h>

#include <barrier>
#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "balr/core/error.hpp"
#include "balr/dist/collective.hpp"

namespace balr::test {

// Ranks as threads of one process.
class ThreadRanks {
 public:
  explicit ThreadRanks(int size) : slots_(static_cast<std::size_t>(size)), barrier_(size) {}

  // Runs `work` as every rank at once; throws the first rank's exception. A rank that throws must
  // do so on all.
  void run(const std::function<void(Collective&)>& work) {
    std::vector<std::exception_ptr> errors(slots_.size());
    std::vector<std::thread> threads;
    for (int rank = 0; rank < static_cast<int>(slots_.size()); ++rank)
      threads.emplace_back([&, rank] {
        Rank collective(*this, rank);
        try {
          work(collective);
        } catch (...) {
          errors[static_cast<std::size_t>(rank)] = std::current_exception();
        }
      });
    for (std::thread& thread : threads) thread.join();
    for (const auto& error : errors)
      if (error) std::rethrow_exception(error);
  }

 private:
  class Rank : public Collective {
   public:
    Rank(ThreadRanks& all, int rank) : all_(all), rank_(rank) {}
    int rank() const override { return rank_; }
    int size() const override { return static_cast<int>(all_.slots_.size()); }
    std::string name() const override { return "threads"; }

    at::Tensor all_gather(const at::Tensor& mine, std::span<const std::int64_t> rows,
                          std::string_view) override {
      BALR_CHECK(mine.is_contiguous() && mine.size(0) == rows[static_cast<std::size_t>(rank_)]);
      const auto parts = exchange(mine);
      return at::cat(parts, 0);
    }
    void all_reduce_sum(at::Tensor& tensor, std::string_view) override {
      at::Tensor sum = at::zeros_like(tensor);
      for (const at::Tensor& part : exchange(tensor)) sum.add_(part);
      tensor.copy_(sum);
    }
    void broadcast(at::Tensor& tensor, int root, std::string_view) override {
      tensor.copy_(exchange(tensor)[static_cast<std::size_t>(root)]);
    }

   private:
    std::vector<at::Tensor> exchange(const at::Tensor& mine) {
      all_.slots_[static_cast<std::size_t>(rank_)] = mine.clone();
      all_.barrier_.arrive_and_wait();
      const std::vector<at::Tensor> parts = all_.slots_;
      all_.barrier_.arrive_and_wait();
      return parts;
    }
    ThreadRanks& all_;
    int rank_;
  };

  std::vector<at::Tensor> slots_;
  std::barrier<> barrier_;
};

}  // namespace balr::test
