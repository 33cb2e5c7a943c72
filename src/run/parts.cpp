#include "balr/run/parts.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"

namespace balr {
namespace {

constexpr int kRequestTag = 1, kAnswerTag = 2, kDoneTag = 3;
constexpr std::int64_t kEnd = -1, kStop = -2;

// Two numbers: a range, or one of the above and nothing.
std::string encode(std::int64_t first, std::int64_t second = 0) {
  const std::int64_t values[2] = {first, second};
  std::string bytes(sizeof values, '\0');
  std::memcpy(bytes.data(), values, sizeof values);
  return bytes;
}

Range decode(const std::string& bytes) {
  std::int64_t values[2];
  BALR_CHECK(bytes.size() == sizeof values);
  std::memcpy(values, bytes.data(), sizeof values);
  return {values[0], values[1]};
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

ClaimClient::ClaimClient(World& world, const std::vector<Range>& open, std::int64_t part_size)
    : world_(world), part_size_(part_size) {
  if (world.rank() != 0) return;
  open_.assign(open.begin(), open.end());
  for (const Range& rows : open) rows_ += rows.size();
  open_rows_ = rows_;
}

std::optional<Range> ClaimClient::next(std::int64_t at_once) {
  if (world_.rank() == 0) {
    serve();
    if (open_.empty()) return std::nullopt;
    return take(at_once);
  }
  listen();
  if (granted_) {
    asked_ = false;
    return std::exchange(granted_, std::nullopt);
  }
  if (!asked_ && !finished_) {
    world_.send(0, kRequestTag, encode(at_once));
    asked_ = true;
  }
  return std::nullopt;
}

Range ClaimClient::take(std::int64_t at_once) {
  Range& rest = open_.front();
  const std::int64_t part_end = (rest.begin / part_size_ + 1) * part_size_;
  const std::int64_t wanted = claim_rows(open_rows_, world_.size(), at_once, part_size_);
  const Range rows{rest.begin, std::min({rest.end, part_end, rest.begin + wanted})};
  rest.begin = rows.end;
  if (rest.size() == 0) open_.pop_front();
  open_rows_ -= rows.size();
  return rows;
}

void ClaimClient::done(Range rows) {
  if (world_.rank() == 0) {
    rows_done_ += rows.size();
  } else {
    world_.send(0, kDoneTag, encode(rows.begin, rows.end));
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

std::int64_t ClaimClient::rows_done() {
  serve();
  return rows_done_;
}

void ClaimClient::tell_all(std::int64_t what) {
  for (int rank = 1; rank < world_.size(); ++rank) world_.send(rank, kAnswerTag, encode(what));
}

void ClaimClient::serve() {
  while (const auto message = world_.receive(kDoneTag)) rows_done_ += decode(message->bytes).size();
  // A request that finds nothing is answered by the end.
  while (const auto message = world_.receive(kRequestTag)) {
    const std::int64_t request = decode(message->bytes).begin;
    if (request == kStop) {
      request_stop();
    } else if (!open_.empty()) {
      const Range rows = take(request);
      world_.send(message->source, kAnswerTag, encode(rows.begin, rows.end));
    }
  }
  if (!finished_ && rows_done_ == rows_) {
    finished_ = true;
    tell_all(kEnd);
  }
}

void ClaimClient::listen() {
  while (const auto message = world_.receive(kAnswerTag)) {
    const Range answer = decode(message->bytes);
    if (answer.begin >= 0) {
      if (!finished_) granted_ = answer;
    } else {
      finished_ = true;
      stopped_ = stopped_ || answer.begin == kStop;
      granted_.reset();
    }
  }
}

}  // namespace balr
