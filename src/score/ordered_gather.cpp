#include "score/ordered_gather.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <thread>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"

namespace balr {
namespace {

constexpr int kResultTag = 40, kControlTag = 41;
constexpr int kMostUnderWay = 256;  // results of all ranks together

// First byte of a message.
constexpr char kData = 'd', kError = 'x', kEnd = 'e';
constexpr char kAck = 'a', kStop = 's';

std::string error_message(const Error& error) {
  return std::string(1, kError) + static_cast<char>(error.code()) + error.what();
}

// Waits for something that another rank sends.
void wait_until(World& world, const std::function<bool()>& done) {
  if (done()) return;
  world.enter_operation("results of the trials");
  while (!done()) {
    world.tick();
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  world.leave_operation();
}

// The messages of one rank: its results, in the end kEnd.
std::vector<std::string> next_messages(const std::function<std::vector<std::string>()>& next) {
  std::vector<std::string> messages;
  try {
    messages = next();
    for (std::string& message : messages) message.insert(message.begin(), kData);
  } catch (const Error& error) {
    messages = {error_message(error)};
  }
  if (messages.empty()) messages.emplace_back(1, kEnd);
  return messages;
}

class Sender {
 public:
  explicit Sender(World& world) : world_(world) {}

  void run(const std::function<std::vector<std::string>()>& next) {
    const int most = std::max(1, kMostUnderWay / world_.size());
    bool more = true;
    while (more && !stopped_) {
      for (const std::string& message : next_messages(next)) {
        wait_until(world_, [&] {
          take_control();
          return under_way_ < most || stopped_;
        });
        if (stopped_ || message[0] == kEnd) {
          more = false;
          break;
        }
        world_.send(0, kResultTag, message);
        ++under_way_;
        more = message[0] == kData;
      }
      world_.tick();
    }
    world_.send(0, kResultTag, std::string(1, kEnd));
    wait_until(world_, [&] {
      take_control();
      return stopped_;
    });
  }

 private:
  void take_control() {
    while (const auto message = world_.receive(kControlTag)) {
      if (message->bytes[0] == kStop)
        stopped_ = true;
      else
        --under_way_;
    }
  }

  World& world_;
  int under_way_ = 0;
  bool stopped_ = false;
};

class Receiver {
 public:
  explicit Receiver(World& world)
      : world_(world), queues_(static_cast<std::size_t>(world.size())) {}

  // Returns the first error.
  std::optional<std::string> run(const std::function<std::vector<std::string>()>& next,
                                 const std::function<void(std::string)>& consume) {
    std::optional<std::string> error;
    for (int rank = 0; !error; rank = (rank + 1) % world_.size()) {
      std::string message = take(rank, next);
      if (message[0] == kEnd) break;
      if (message[0] == kError) {
        error = message;
        break;
      }
      try {
        consume(message.substr(1));
      } catch (const Error& e) {
        error = error_message(e);
      }
      if (rank != 0) world_.send(rank, kControlTag, std::string(1, kAck));
    }
    stop_all();
    return error;
  }

 private:
  std::string take(int rank, const std::function<std::vector<std::string>()>& next) {
    auto& queue = queues_[static_cast<std::size_t>(rank)];
    if (rank == 0) {
      if (queue.empty())
        for (std::string& message : next_messages(next)) queue.push_back(std::move(message));
    } else {
      wait_until(world_, [&] {
        receive_all();
        return !queue.empty();
      });
    }
    std::string message = std::move(queue.front());
    queue.pop_front();
    return message;
  }

  void receive_all() {
    while (auto message = world_.receive(kResultTag)) {
      if (message->bytes[0] == kEnd) ++ended_;
      queues_[static_cast<std::size_t>(message->source)].push_back(std::move(message->bytes));
    }
  }

  // No message may be left when the next collective begins.
  void stop_all() {
    for (int rank = 1; rank < world_.size(); ++rank)
      world_.send(rank, kControlTag, std::string(1, kStop));
    wait_until(world_, [&] {
      receive_all();
      return ended_ == world_.size() - 1;
    });
  }

  World& world_;
  std::vector<std::deque<std::string>> queues_;
  int ended_ = 0;
};

}  // namespace

void gather_in_order(World& world, const std::function<std::vector<std::string>()>& next,
                     const std::function<void(std::string)>& consume) {
  std::optional<std::string> error;
  if (world.rank() == 0)
    error = Receiver(world).run(next, consume);
  else
    Sender(world).run(next);
  all_agree(world, "scoring trials", [&] {
    if (error) throw Error(static_cast<ExitCode>((*error)[1]), error->substr(2));
  });
}

}  // namespace balr
