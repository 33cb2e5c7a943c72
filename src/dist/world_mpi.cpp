#include <mpi.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>
#include <map>
#include <thread>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"
#include "dist/launcher.hpp"
#include "dist/watchdog.hpp"

// The only place that knows MPI: the C API, standard calls (MPI 3.0) only.
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

// Between two looks at a request: at first none, so that short waits are short, then pauses, so that ranks that share a core
// do not take it from those that compute.
class Backoff {
 public:
  void pause() {
    ++looks_;
    if (looks_ < 200) return;
    if (looks_ < 400) {
      std::this_thread::yield();
      return;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(looks_ < 1000 ? 50 : 200));
  }

 private:
  int looks_ = 0;
};

// A message that MPI has not taken over yet.
struct PendingSend {
  MPI_Request request;
  std::string bytes;
  int tag;
};

class MpiWorld final : public World {
 public:
  explicit MpiWorld(bool finalize);
  ~MpiWorld() override;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int local_rank() const override { return local_rank_; }
  int local_size() const override { return local_size_; }
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

  void call(int status, const char* what);
  void wait(MPI_Request request, const char* what);
  void gather(const void* mine, void* out, std::span<const std::size_t> sizes);
  void spread(std::byte* bytes, std::size_t count, int root);
  void post(int to, int tag, std::string bytes);
  void test_sends();
  void receive_reports();
  void tell(int to);
  RankReport report() const;
  void announce();
  void leave_together();
  void discard_messages();
  std::optional<Message> take(int tag);

  bool finalize_;
  int exceptions_at_start_ = std::uncaught_exceptions();
  MPI_Comm collectives_ = MPI_COMM_NULL, messages_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1, local_rank_ = 0, local_size_ = 1;
  std::string host_;
  std::vector<std::string> hosts_;
  WorldOptions options_;
  std::optional<Watchdog> watchdog_;  // none with one rank

  std::uint64_t operation_ = 0;  // the last one begun
  std::string operation_name_, busy_name_;
  bool waiting_ = false;
  int busy_depth_ = 0;
  double state_since_ = 0;
  double next_look_ = 0, next_report_ = 0;
  bool leaving_ = false;

  std::list<PendingSend> sends_;
  std::map<std::pair<int, int>, std::string> pieces_;  // by (source, tag): a message whose end has not come yet
};

MpiWorld::MpiWorld(bool finalize) : finalize_(finalize), host_(host_name()) {
  call(MPI_Comm_dup(MPI_COMM_WORLD, &collectives_), "MPI_Comm_dup");
  call(MPI_Comm_dup(MPI_COMM_WORLD, &messages_), "MPI_Comm_dup");
  call(MPI_Comm_set_errhandler(collectives_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  call(MPI_Comm_set_errhandler(messages_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  MPI_Comm_rank(collectives_, &rank_);
  MPI_Comm_size(collectives_, &size_);
  MPI_Comm node;
  call(MPI_Comm_split_type(collectives_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node), "MPI_Comm_split_type");
  MPI_Comm_rank(node, &local_rank_);
  MPI_Comm_size(node, &local_size_);
  MPI_Comm_free(&node);
  prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);  // or a pause of 50 us takes 100
  hosts_ = all_gather(host_, "start");
  set_watchdog(options_);
}

MpiWorld::~MpiWorld() {
  if (std::uncaught_exceptions() > exceptions_at_start_) {
    // The others wait for this rank somewhere, and MPI_Finalize waits for the others.
    if (size_ > 1) abort(static_cast<int>(ExitCode::kInternal), "ended by an error");
    return;
  }
  if (size_ > 1) leave_together();
  MPI_Comm_free(&collectives_);
  MPI_Comm_free(&messages_);
  if (finalize_) MPI_Finalize();
}

// No message is on its way when MPI ends.
void MpiWorld::leave_together() {
  barrier("end of the run");
  leaving_ = true;  // no reports from here on, so that the queues run dry
  const double deadline = seconds_now() + 2;
  while (!sends_.empty() && seconds_now() < deadline) {
    discard_messages();
    test_sends();
    std::this_thread::yield();
  }
  barrier("end of the messages");
  discard_messages();
}

void MpiWorld::discard_messages() {
  while (take(MPI_ANY_TAG)) {
  }
}

void MpiWorld::set_watchdog(const WorldOptions& options) {
  options_ = options;
  if (size_ > 1) watchdog_.emplace(options.watchdog_seconds, rank_, hosts_, seconds_now());
  next_look_ = next_report_ = 0;
}

void MpiWorld::call(int status, const char* what) {
  if (status == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(status, text, &length);
  abort(static_cast<int>(ExitCode::kInternal),
        std::string(what) + " failed in operation " + std::to_string(operation_) + " '" + operation_name_ + "': " + text);
}

void MpiWorld::wait(MPI_Request request, const char* what) {
  Backoff backoff;
  for (int done = 0;;) {
    call(MPI_Test(&request, &done, MPI_STATUS_IGNORE), what);
    if (done) return;
    tick();
    backoff.pause();
  }
}

void MpiWorld::barrier(std::string_view name) {
  Operation operation(*this, name);
  if (size_ == 1) return;
  MPI_Request request;
  call(MPI_Ibarrier(collectives_, &request), "MPI_Ibarrier");
  wait(request, "MPI_Ibarrier");
}

void MpiWorld::spread(std::byte* bytes, std::size_t count, int root) {
  while (count > 0 && size_ > 1) {
    const std::size_t piece = std::min(count, options_.max_message_bytes);
    MPI_Request request;
    call(MPI_Ibcast(bytes, static_cast<int>(piece), MPI_BYTE, root, collectives_, &request), "MPI_Ibcast");
    wait(request, "MPI_Ibcast");
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

void MpiWorld::gather(const void* mine, void* out, std::span<const std::size_t> sizes) {
  std::vector<int> counts(sizes.begin(), sizes.end()), starts;
  int total = 0;
  for (const int count : counts) {
    starts.push_back(total);
    total += count;
  }
  MPI_Request request;
  if (std::all_of(counts.begin(), counts.end(), [&](int count) { return count == counts.front(); })) {
    call(MPI_Iallgather(mine, counts[0], MPI_BYTE, out, counts[0], MPI_BYTE, collectives_, &request), "MPI_Iallgather");
  } else {
    call(MPI_Iallgatherv(mine, counts[static_cast<std::size_t>(rank_)], MPI_BYTE, out, counts.data(), starts.data(), MPI_BYTE,
                         collectives_, &request),
         "MPI_Iallgatherv");
  }
  wait(request, "MPI_Iallgather");
}

void MpiWorld::all_gather_bytes(std::span<const std::byte> mine, std::span<std::byte> out,
                                std::span<const std::size_t> sizes, std::string_view name) {
  Operation operation(*this, name);
  BALR_CHECK(sizes.size() == static_cast<std::size_t>(size_) && mine.size() == sizes[static_cast<std::size_t>(rank_)]);
  std::size_t total = 0;
  for (const std::size_t size : sizes) total += size;
  BALR_CHECK(out.size() == total);
  if (total == 0) return;
  if (size_ == 1) {
    std::memcpy(out.data(), mine.data(), total);
    return;
  }
  if (total <= options_.max_message_bytes) return gather(mine.data(), out.data(), sizes);
  std::byte* place = out.data();
  for (int r = 0; r < size_; ++r) {
    const std::size_t count = sizes[static_cast<std::size_t>(r)];
    if (r == rank_ && count > 0) std::memcpy(place, mine.data(), count);
    spread(place, count, r);
    place += count;
  }
}

std::vector<std::string> MpiWorld::all_gather(std::string_view text, std::string_view name) {
  const auto ranks = static_cast<std::size_t>(size_);
  std::vector<std::size_t> lengths(ranks, text.size());
  if (size_ > 1) {
    const std::size_t mine = text.size();
    Operation operation(*this, name);
    gather(&mine, lengths.data(), std::vector<std::size_t>(ranks, sizeof mine));
  }
  std::string all;
  std::size_t total = 0;
  for (const std::size_t length : lengths) total += length;
  all.resize(total);
  all_gather_bytes(std::as_bytes(std::span(text)), std::as_writable_bytes(std::span(all)), lengths, name);
  std::vector<std::string> out;
  std::size_t start = 0;
  for (const std::size_t length : lengths) {
    out.push_back(all.substr(start, length));
    start += length;
  }
  return out;
}

void MpiWorld::post(int to, int tag, std::string bytes) {
  PendingSend& send = sends_.emplace_back(PendingSend{MPI_REQUEST_NULL, std::move(bytes), tag});
  call(MPI_Isend(send.bytes.data(), static_cast<int>(send.bytes.size()), MPI_BYTE, to, tag, messages_, &send.request),
       "MPI_Isend");
}

void MpiWorld::test_sends() {
  for (auto send = sends_.begin(); send != sends_.end();) {
    int done = 0;
    call(MPI_Test(&send->request, &done, MPI_STATUS_IGNORE), "MPI_Isend");
    send = done ? sends_.erase(send) : std::next(send);
  }
}

void MpiWorld::send(int to, int tag, std::string_view bytes) {
  BALR_CHECK(to >= 0 && to < size_ && tag >= 0 && tag < kReportTag);
  // Each piece ends with a byte that says whether more of the message follows.
  do {
    const std::size_t piece = std::min(bytes.size(), options_.max_message_bytes);
    std::string framed(bytes.substr(0, piece));
    bytes.remove_prefix(piece);
    framed.push_back(bytes.empty() ? '\0' : '\1');
    post(to, tag, std::move(framed));
  } while (!bytes.empty());
  test_sends();
}

// One MPI message that has arrived.
std::optional<World::Message> MpiWorld::take(int tag) {
  int found = 0, count = 0;
  MPI_Message handle;
  MPI_Status status;
  call(MPI_Improbe(MPI_ANY_SOURCE, tag, messages_, &found, &handle, &status), "MPI_Improbe");
  if (!found) return std::nullopt;
  MPI_Get_count(&status, MPI_BYTE, &count);
  Message out{status.MPI_SOURCE, std::string(static_cast<std::size_t>(count), '\0')};
  call(MPI_Mrecv(out.bytes.data(), count, MPI_BYTE, &handle, MPI_STATUS_IGNORE), "MPI_Mrecv");
  return out;
}

std::optional<World::Message> MpiWorld::receive(int tag) {
  tick();
  while (auto piece = take(tag)) {
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
  const auto waiting = std::count_if(sends_.begin(), sends_.end(), [](const PendingSend& s) { return s.tag == kReportTag; });
  if (rank_ != 0 && waiting > 4) return;  // rank 0 does not take them; more would not help
  const RankReport mine = report();
  post(to, kReportTag, std::string(reinterpret_cast<const char*>(&mine), sizeof mine));
}

void MpiWorld::receive_reports() {
  while (const auto message = take(kReportTag)) {
    RankReport theirs;
    BALR_CHECK(message->bytes.size() == sizeof theirs);
    std::memcpy(&theirs, message->bytes.data(), sizeof theirs);
    watchdog_->observe(message->source, theirs);
    if (rank_ == 0) tell(message->source);  // so that it sees rank 0 alive
  }
}

void MpiWorld::tick() {
  if (!watchdog_ || leaving_) return;
  const double now = seconds_now();
  if (now < next_look_) return;
  const double interval = watchdog_->report_interval();
  next_look_ = now + std::min(interval / 4, 0.1);
  test_sends();
  receive_reports();
  if (rank_ == 0) {
    watchdog_->observe(0, report());
  } else if (now >= next_report_) {
    next_report_ = now + interval;
    tell(0);
  }
  if (const auto verdict = watchdog_->verdict(now)) abort(static_cast<int>(ExitCode::kWatchdog), *verdict);
}

// Tells those who watch this rank at once, and sees to it that the message leaves before the main thread is away.
void MpiWorld::announce() {
  if (!watchdog_ || leaving_) return;
  if (rank_ == 0) {
    for (int r = 1; r < size_; ++r) tell(r);
    watchdog_->observe(0, report());
  } else {
    tell(0);
  }
  const double deadline = seconds_now() + 0.2;
  do test_sends();
  while (!sends_.empty() && seconds_now() < deadline);
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
  std::fprintf(stderr, "balr: error on rank %d (%s): %.*s\n", rank_, host_.c_str(), static_cast<int>(message.size()),
               message.data());
  std::fflush(stderr);
  if (size_ > 1) {
    // A launcher that does not answer must not keep this process.
    std::thread([exit_code] {
      std::this_thread::sleep_for(std::chrono::seconds(5));
      _exit(exit_code);
    }).detach();
    MPI_Abort(MPI_COMM_WORLD, exit_code);
  }
  _exit(exit_code);
}

}  // namespace

std::unique_ptr<World> World::start(int* argc, char*** argv) {
  int running = 0;
  MPI_Initialized(&running);
  const auto mismatch = singleton_mismatch([](const char* name) { return std::getenv(name); });
  if (!running) {
    int provided = 0;
    MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
    if (provided < MPI_THREAD_FUNNELED) {
      MPI_Finalize();
      throw InternalError("the MPI library does not allow threads (MPI_THREAD_FUNNELED): use another build of it");
    }
  }
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (size == 1 && mismatch) {
    if (!running) MPI_Finalize();
    throw InternalError(*mismatch);
  }
  return std::make_unique<MpiWorld>(!running);
}

}  // namespace balr
