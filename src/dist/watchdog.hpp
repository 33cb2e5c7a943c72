#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace balr {

// What a rank tells another about itself; sent as bytes.
struct RankReport {
  enum class State : std::uint8_t { kWorking, kWaiting, kBusy };

  std::uint64_t operation = 0;  // sequence number of the last operation begun
  double seconds = 0;           // in this state
  State state = State::kWorking;
  char name[63] = {};           // of the operation or of the long work

  void set_name(std::string_view text);
};

// Judges from reports whether the run is stuck: pure logic, time comes from the caller. Rank 0 watches all; the others watch
// rank 0. Time in which this rank did not look (suspended job, long work) counts for little, so that a run that was
// suspended as a whole goes on.
class Watchdog {
 public:
  // hosts[r] is shown with rank r. limit_seconds <= 0: never a verdict.
  Watchdog(double limit_seconds, int rank, std::vector<std::string> hosts, double now);

  double limit() const { return limit_; }
  // Seconds between two reports of a rank.
  double report_interval() const;

  // Takes note of `rank`'s report (on rank 0 its own too).
  void observe(int rank, const RankReport& report);
  // To be called after the reports that have come were observed; a sentence if the run has to end.
  std::optional<std::string> verdict(double now);

 private:
  struct Watched {
    RankReport report;
    double heard = 0;        // clock_
    double waiting_since = 0;  // free_clock_, while report.state is kWaiting
  };

  bool silent(int rank) const;
  std::optional<std::string> silence() const;
  std::optional<std::string> stall() const;
  std::string describe(int rank) const;
  std::string place(int rank) const;

  double limit_;
  int rank_;
  std::vector<std::string> hosts_;
  std::vector<Watched> ranks_;
  double last_look_;
  double clock_ = 0;       // observed time
  double free_clock_ = 0;  // the same, standing while some rank is busy: waiting for it is no stall
};

}  // namespace balr
