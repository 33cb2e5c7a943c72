#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <thread>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"
#include "dist/mpi_link.hpp"
#include "dist/watchdog.hpp"

namespace balr {
namespace {

constexpr int kReportTag = 64;  // heartbeats; the tags below it are the callers'

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string host_name() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

// Between two looks: at first no pause, so that short waits are short, then pauses, so that ranks that share a core do not take
// it from those that compute.
class Backoff {
 public:
  void pause() {
    ++looks_;
    if (looks_ < 200) return;
    if (looks_ < 1000) {
      std::this_thread::yield();
      return;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(looks_ < 2000 ? 50 : 200));
  }

 private:
  int looks_ = 0;
};

class MpiWorld final : public World {
 public:
  MpiWorld(int* argc, char*** argv);
  ~MpiWorld() override;

  int rank() const override { return link_.rank(); }
  int size() const override { return link_.size(); }
  int local_rank() const override { return link_.local_rank(); }
  int local_size() const override { return link_.local_size(); }
  std::string host() const override { return host_; }
  void set_watchdog(const WorldOptions& options) override;

  void barrier(std::string_view name) override;
  std::string broadcast(std::string text, int root, std::string_view name) override;
  std::vector<std::string> all_gather(std::string_view text, std::string_view name) override;
  void all_gather_bytes(std::span<const std::byte> mine, std::span<std::byte> out, std::span<const std::size_t> sizes,
                        std::string_view name) override;
  void broadcast_bytes(std::span<std::byte> bytes, int root, std::string_view name) override;

  void send(int to, int tag, std::string_view bytes) override;
  std::optional<Message> receive(int tag) override;
  void tick() override;
  void enter_busy(std::string_view name) override;
  void leave_busy() override;
  void enter_operation(std::string_view name) override;
  void leave_operation() override;
  [[noreturn]] void abort(int exit_code, std::string_view message) override;

 private:
  struct Operation {
    Operation(MpiWorld& world, std::string_view name) : world_(world) { world_.enter_operation(name); }
    ~Operation() { world_.leave_operation(); }
    MpiWorld& world_;
  };

  void wait();  // for the collective under way
  void spread(std::byte* bytes, std::size_t count, int root);
  void receive_reports();
  void tell(int to);
  void tell_rank_0();
  RankReport report() const;
  void announce();
  void leave_together();
  void discard_messages();

  MpiLink link_;
  int exceptions_at_start_ = std::uncaught_exceptions();
  std::string host_ = host_name();
  std::vector<std::string> hosts_;
  WorldOptions options_;
  std::optional<Watchdog> watchdog_;  // none with one rank, or if it is not wanted

  std::uint64_t operation_ = 0;  // the last one begun
  std::string operation_name_, busy_name_;
  bool waiting_ = false, leaving_ = false;
  int busy_depth_ = 0;
  double state_since_ = 0, next_look_ = 0, next_report_ = 0;
  std::map<std::pair<int, int>, std::string> pieces_;  // by (source, tag): a message whose end has not come yet
};

MpiWorld::MpiWorld(int* argc, char*** argv) : link_(argc, argv) {
  prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);  // or a pause of 50 us takes 100
  hosts_ = all_gather(host_, "start");
  set_watchdog(options_);
}

MpiWorld::~MpiWorld() {
  if (std::uncaught_exceptions() > exceptions_at_start_) {
    // The others wait for this rank somewhere, and MPI's end waits for the others.
    if (size() > 1) abort(static_cast<int>(ExitCode::kInternal), "ended by an error");
    return;
  }
  try {
    if (size() > 1) leave_together();
    link_.finish();
  } catch (const std::exception& error) {
    abort(static_cast<int>(ExitCode::kInternal), error.what());
  }
}

// No message is on its way when MPI ends.
void MpiWorld::leave_together() {
  barrier("end of the run");
  leaving_ = true;  // no reports from here on, so that the queues run dry
  const double deadline = seconds_now() + 2;
  while (link_.posted() > 0 && seconds_now() < deadline) {
    discard_messages();
    link_.test_posted();
    std::this_thread::yield();
  }
  barrier("end of the messages");
  discard_messages();
}

void MpiWorld::discard_messages() {
  while (link_.take(std::nullopt)) {
  }
}

void MpiWorld::set_watchdog(const WorldOptions& options) {
  options_ = options;
  watchdog_.reset();
  if (size() > 1 && options.watchdog_seconds > 0) watchdog_.emplace(options.watchdog_seconds, rank(), hosts_, seconds_now());
  next_look_ = next_report_ = 0;
}

void MpiWorld::wait() {
  for (Backoff backoff; !link_.ended(); backoff.pause()) tick();
}

void MpiWorld::barrier(std::string_view name) {
  Operation operation(*this, name);
  if (size() == 1) return;
  link_.begin_barrier();
  wait();
}

void MpiWorld::spread(std::byte* bytes, std::size_t count, int root) {
  while (count > 0 && size() > 1) {
    const std::size_t piece = std::min(count, options_.max_message_bytes);
    link_.begin_broadcast(bytes, piece, root);
    wait();
    bytes += piece;
    count -= piece;
  }
}

void MpiWorld::broadcast_bytes(std::span<std::byte> bytes, int root, std::string_view name) {
  Operation operation(*this, name);
  spread(bytes.data(), bytes.size(), root);
}

std::string MpiWorld::broadcast(std::string text, int root, std::string_view name) {
  Operation operation(*this, name);
  std::uint64_t length = text.size();
  spread(reinterpret_cast<std::byte*>(&length), sizeof length, root);
  text.resize(length);
  spread(reinterpret_cast<std::byte*>(text.data()), text.size(), root);
  return text;
}

void MpiWorld::all_gather_bytes(std::span<const std::byte> mine, std::span<std::byte> out,
                                std::span<const std::size_t> sizes, std::string_view name) {
  Operation operation(*this, name);
  std::size_t total = 0;
  for (const std::size_t size : sizes) total += size;
  BALR_CHECK(sizes.size() == static_cast<std::size_t>(size()) && mine.size() == sizes[static_cast<std::size_t>(rank())]);
  BALR_CHECK(out.size() == total);
  if (total == 0) return;
  if (size() == 1) {
    std::memcpy(out.data(), mine.data(), total);
    return;
  }
  if (total <= options_.max_message_bytes) {
    link_.begin_gather(mine.data(), out.data(), sizes);
    return wait();
  }
  std::byte* place = out.data();
  for (int r = 0; r < size(); ++r) {
    const std::size_t count = sizes[static_cast<std::size_t>(r)];
    if (r == rank() && count > 0) std::memcpy(place, mine.data(), count);
    spread(place, count, r);
    place += count;
  }
}

std::vector<std::string> MpiWorld::all_gather(std::string_view text, std::string_view name) {
  const auto ranks = static_cast<std::size_t>(size());
  std::vector<std::size_t> lengths(ranks);
  const std::size_t mine = text.size();
  all_gather_bytes(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(lengths)),
                   std::vector<std::size_t>(ranks, sizeof mine), name);
  std::size_t total = 0;
  for (const std::size_t length : lengths) total += length;
  std::string all(total, '\0');
  all_gather_bytes(std::as_bytes(std::span(text)), std::as_writable_bytes(std::span(all)), lengths, name);
  std::vector<std::string> out;
  std::size_t start = 0;
  for (const std::size_t length : lengths) {
    out.push_back(all.substr(start, length));
    start += length;
  }
  return out;
}

void MpiWorld::send(int to, int tag, std::string_view bytes) {
  BALR_CHECK(to >= 0 && to < size() && tag >= 0 && tag < kReportTag);
  // Each piece ends with a byte that says whether more of the message follows.
  do {
    const std::size_t piece = std::min(bytes.size(), options_.max_message_bytes);
    std::string framed(bytes.substr(0, piece));
    bytes.remove_prefix(piece);
    framed.push_back(bytes.empty() ? '\0' : '\1');
    link_.post(to, tag, std::move(framed));
  } while (!bytes.empty());
  link_.test_posted();
}

std::optional<World::Message> MpiWorld::receive(int tag) {
  tick();
  while (auto piece = link_.take(tag)) {
    const bool more = piece->bytes.back() != '\0';
    piece->bytes.pop_back();
    std::string& whole = pieces_[{piece->source, tag}];
    whole += piece->bytes;
    if (more) continue;
    Message message{piece->source, std::move(whole)};
    pieces_.erase({piece->source, tag});
    return message;
  }
  return std::nullopt;
}

RankReport MpiWorld::report() const {
  RankReport out;
  out.operation = operation_;
  out.seconds = seconds_now() - state_since_;
  out.state = waiting_          ? RankReport::State::kWaiting
              : busy_depth_ > 0 ? RankReport::State::kBusy
                                : RankReport::State::kWorking;
  out.set_name(out.state == RankReport::State::kBusy ? busy_name_ : operation_name_);
  return out;
}

void MpiWorld::tell(int to) {
  const RankReport mine = report();
  link_.post(to, kReportTag, std::string(reinterpret_cast<const char*>(&mine), sizeof mine));
}

// The regular sign of life. At most a few lie about while rank 0 does not take them: they would fill the queues that MPI has for
// short messages (64 on one node with MPICH), and announcements would not leave before this rank is away.
void MpiWorld::tell_rank_0() {
  if (link_.untaken() >= 4) return;
  const RankReport mine = report();
  link_.post_until_taken(0, kReportTag, std::string(reinterpret_cast<const char*>(&mine), sizeof mine));
}

void MpiWorld::receive_reports() {
  while (const auto message = link_.take(kReportTag)) {
    RankReport theirs;
    BALR_CHECK(message->bytes.size() == sizeof theirs);
    std::memcpy(&theirs, message->bytes.data(), sizeof theirs);
    watchdog_->observe(message->source, theirs);
    if (rank() == 0) tell(message->source);  // so that it sees rank 0 alive
  }
}

void MpiWorld::tick() {
  if (leaving_) return discard_messages();  // the others' wait to be taken
  if (!watchdog_) return;
  const double now = seconds_now();
  if (now < next_look_) return;
  const double interval = watchdog_->report_interval();
  next_look_ = now + std::min(interval / 4, 0.1);
  link_.test_posted();
  receive_reports();
  if (rank() == 0) {
    watchdog_->observe(0, report());
  } else if (now >= next_report_) {
    next_report_ = now + interval;
    tell_rank_0();
  }
  if (const auto verdict = watchdog_->verdict(now)) abort(static_cast<int>(ExitCode::kWatchdog), *verdict);
}

// Tells those who watch this rank at once, and sees to it that the message leaves before the main thread is away.
void MpiWorld::announce() {
  if (!watchdog_ || leaving_) return;
  if (rank() == 0) {
    for (int r = 1; r < size(); ++r) tell(r);
    watchdog_->observe(0, report());
  } else {
    tell(0);
  }
  const double deadline = seconds_now() + 0.2;
  do link_.test_posted();
  while (link_.posted() > link_.untaken() && seconds_now() < deadline);
}

void MpiWorld::enter_busy(std::string_view name) {
  if (busy_depth_++ > 0) return;
  busy_name_ = name;
  state_since_ = seconds_now();
  announce();
}

void MpiWorld::leave_busy() {
  if (--busy_depth_ > 0) return;
  state_since_ = seconds_now();
  announce();
}

void MpiWorld::enter_operation(std::string_view name) {
  ++operation_;
  operation_name_ = name;
  waiting_ = true;
  state_since_ = seconds_now();
}

void MpiWorld::leave_operation() {
  waiting_ = false;
  state_since_ = seconds_now();
}

void MpiWorld::abort(int exit_code, std::string_view message) {
  std::fflush(stdout);
  std::fprintf(stderr, "balr: error on rank %d (%s): %.*s\n", rank(), host_.c_str(), static_cast<int>(message.size()),
               message.data());
  std::fflush(stderr);
  if (size() > 1) {
    // A launcher that does not answer must not keep this process.
    std::thread([exit_code] {
      std::this_thread::sleep_for(std::chrono::seconds(5));
      _exit(exit_code);
    }).detach();
    link_.abort(exit_code);
  }
  _exit(exit_code);
}

}  // namespace

std::unique_ptr<World> World::start(int* argc, char*** argv) { return std::make_unique<MpiWorld>(argc, argv); }

}  // namespace balr
