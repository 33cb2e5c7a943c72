#include "balr/run/parts.hpp"

#include <cstdio>
#include <cstring>
#include <utility>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"

namespace balr {
namespace {

constexpr int kRequestTag = 1, kAnswerTag = 2, kDoneTag = 3;
constexpr std::int64_t kEnd = -1, kStop = -2, kAsk = -3;

std::string encode(std::int64_t value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

std::int64_t decode(const std::string& bytes) {
  std::int64_t value = 0;
  BALR_CHECK(bytes.size() == sizeof value);
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

}  // namespace

std::string part_file_name(std::int64_t part) {
  char name[40];
  std::snprintf(name, sizeof name, "part-%06lld.h5", static_cast<long long>(part));
  return name;
}

std::string fragment_file_name(std::int64_t part, Range rows) {
  char name[100];
  std::snprintf(name, sizeof name, "fragment-%06lld-%lld-%lld.h5", static_cast<long long>(part),
                static_cast<long long>(rows.begin), static_cast<long long>(rows.end));
  return name;
}

std::optional<PartFileName> parse_part_file(const std::string& name) {
  long long part = 0, begin = 0, end = 0;
  PartFileName out;
  if (std::sscanf(name.c_str(), "part-%lld.h5", &part) == 1) {
    out = {part, true, {}};
    if (part >= 0 && part_file_name(part) == name) return out;
  }
  if (std::sscanf(name.c_str(), "fragment-%lld-%lld-%lld.h5", &part, &begin, &end) == 3) {
    out = {part, false, {begin, end}};
    if (part >= 0 && fragment_file_name(part, out.rows) == name) return out;
  }
  return std::nullopt;
}

ClaimClient::ClaimClient(World& world, std::vector<bool> done) : world_(world) {
  if (world.rank() != 0) return;
  parts_ = static_cast<std::int64_t>(done.size());
  for (std::int64_t part = 0; part < parts_; ++part) {
    if (done[static_cast<std::size_t>(part)]) {
      ++parts_done_;
    } else {
      open_.push_back(part);
    }
  }
}

std::optional<std::int64_t> ClaimClient::next() {
  if (world_.rank() == 0) {
    serve();
    if (open_.empty()) return std::nullopt;
    const std::int64_t part = open_.front();
    open_.pop_front();
    return part;
  }
  listen();
  if (granted_) {
    asked_ = false;
    return std::exchange(granted_, std::nullopt);
  }
  if (!asked_ && !finished_) {
    world_.send(0, kRequestTag, encode(kAsk));
    asked_ = true;
  }
  return std::nullopt;
}

void ClaimClient::done(std::int64_t part) {
  if (world_.rank() == 0) {
    ++parts_done_;
  } else {
    world_.send(0, kDoneTag, encode(part));
  }
}

bool ClaimClient::finished() {
  world_.rank() == 0 ? serve() : listen();
  return finished_;
}

bool ClaimClient::stopped() {
  world_.rank() == 0 ? serve() : listen();
  return stopped_;
}

void ClaimClient::request_stop() {
  if (finished_) return;
  finished_ = stopped_ = true;
  granted_.reset();
  open_.clear();
  if (world_.rank() == 0) {
    tell_all(kStop);
  } else {
    world_.send(0, kRequestTag, encode(kStop));
  }
}

std::int64_t ClaimClient::parts_done() {
  serve();
  return parts_done_;
}

void ClaimClient::tell_all(std::int64_t what) {
  for (int rank = 1; rank < world_.size(); ++rank) world_.send(rank, kAnswerTag, encode(what));
}

void ClaimClient::serve() {
  while (const auto message = world_.receive(kDoneTag)) ++parts_done_;
  // A request that finds nothing is answered by the end.
  while (const auto message = world_.receive(kRequestTag)) {
    if (decode(message->bytes) == kStop) {
      request_stop();
    } else if (!open_.empty()) {
      world_.send(message->source, kAnswerTag, encode(open_.front()));
      open_.pop_front();
    }
  }
  if (!finished_ && parts_done_ == parts_) {
    finished_ = true;
    tell_all(kEnd);
  }
}

void ClaimClient::listen() {
  while (const auto message = world_.receive(kAnswerTag)) {
    const std::int64_t answer = decode(message->bytes);
    if (answer >= 0) {
      if (!finished_) granted_ = answer;
    } else {
      finished_ = true;
      stopped_ = stopped_ || answer == kStop;
      granted_.reset();
    }
  }
}

}  // namespace balr
