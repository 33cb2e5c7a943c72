#include "extract/progress_board.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <type_traits>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"

namespace balr {
namespace {

constexpr int kTag = 4;  // ClaimClient has those below
static_assert(std::is_trivially_copyable_v<RankProgress>, "sent as bytes");

int percent(double part, double whole) { return whole > 0 ? static_cast<int>(100 * part / whole + 0.5) : 0; }

}  // namespace

RankProgress& RankProgress::operator+=(const RankProgress& other) {
  rows_done += other.rows_done;
  rows_failed += other.rows_failed;
  rows_reused += other.rows_reused;
  decode += other.decode;
  features += other.features;
  network += other.network;
  write += other.write;
  decode_time += other.decode_time;
  network_time += other.network_time;
  write_time += other.write_time;
  return *this;
}

std::string busy_text(const RankProgress& sum) {
  char text[120];
  std::snprintf(text, sizeof text, "busy: decode %d %%, features %d %%, network %d %%, write %d %%",
                percent(sum.decode, sum.decode_time), percent(sum.features, sum.network_time),
                percent(sum.network, sum.network_time), percent(sum.write, sum.write_time));
  return text;
}

ProgressBoard::ProgressBoard(World& world) : world_(world), ranks_(static_cast<std::size_t>(world.size())) {}

void ProgressBoard::report(const RankProgress& mine) {
  ranks_[static_cast<std::size_t>(world_.rank())] = mine;
  const auto now = std::chrono::steady_clock::now();
  if (world_.rank() == 0 || now - reported_ < std::chrono::seconds(1)) return;
  reported_ = now;
  world_.send(0, kTag, {reinterpret_cast<const char*>(&mine), sizeof mine});
}

RankProgress ProgressBoard::gather(const RankProgress& mine) {
  RankProgress out;
  for (const std::string& bytes : world_.all_gather({reinterpret_cast<const char*>(&mine), sizeof mine}, "progress")) {
    RankProgress theirs;
    BALR_CHECK(bytes.size() == sizeof theirs);
    std::memcpy(&theirs, bytes.data(), sizeof theirs);
    out += theirs;
  }
  return out;
}

RankProgress ProgressBoard::sum() {
  while (const auto message = world_.receive(kTag)) {
    BALR_CHECK(message->bytes.size() == sizeof(RankProgress));
    std::memcpy(&ranks_[static_cast<std::size_t>(message->source)], message->bytes.data(), sizeof(RankProgress));
  }
  RankProgress out;
  for (const RankProgress& rank : ranks_) out += rank;
  return out;
}

}  // namespace balr
