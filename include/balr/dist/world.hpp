#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// All ranks of the run, over MPI and host memory. Only the main thread may call it (MPI_THREAD_FUNNELED).
//
// Who waits for whom: every operation is non-blocking underneath and polled; while it waits, and whenever the
// caller calls tick() from its own loops, a rank sends rank 0 a heartbeat that says in which operation (sequence number,
// name) it is and for how long. Rank 0 ends the run with exit code 71, naming rank and host, when a rank has not been
// heard of, or has waited in one operation, for `watchdog_seconds`; the others end it naming rank 0 if rank 0 is silent.
// Long work of the main thread without tick() must be wrapped in Busy; a busy rank is given ten times as long.
namespace balr {

// The same on all ranks.
struct WorldOptions {
  double watchdog_seconds = 600;                       // 0: no watchdog
  std::size_t max_message_bytes = std::size_t{1} << 30;  // larger data travel in pieces; < 2^31
};

class World {
 public:
  // Starts MPI (unless the caller has; then the caller ends it). Throws InternalError (70) if the launcher started several
  // processes but MPI sees each alone. argc and argv may be null.
  static std::unique_ptr<World> start(int* argc, char*** argv);
  // Waits for the other ranks, then MPI_Finalize. With an exception in flight it ends all ranks instead (70): catch errors
  // within the lifetime of the World and call abort().
  virtual ~World() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual int local_rank() const = 0;  // within the node
  virtual int local_size() const = 0;
  virtual std::string host() const = 0;
  virtual void set_watchdog(const WorldOptions& options) = 0;

  // Collective: all ranks must call, in the same order, with the same name.
  virtual void barrier(std::string_view name) = 0;
  virtual std::string broadcast(std::string text, int root, std::string_view name) = 0;
  virtual std::vector<std::string> all_gather(std::string_view text, std::string_view name) = 0;  // by rank
  // Gathers byte blocks of known sizes (one per rank, equal arguments on all ranks) into `out`, in rank order.
  virtual void all_gather_bytes(std::span<const std::byte> mine, std::span<std::byte> out,
                                std::span<const std::size_t> sizes, std::string_view name) = 0;
  virtual void broadcast_bytes(std::span<std::byte> bytes, int root, std::string_view name) = 0;

  // Point-to-point messages of bytes; send() copies and returns at once, receive() returns what has arrived, if anything.
  struct Message {
    int source = 0;
    std::string bytes;
  };
  virtual void send(int to, int tag, std::string_view bytes) = 0;
  virtual std::optional<Message> receive(int tag) = 0;  // tags 0..63 are free for callers

  // Keeps heartbeats and sends going; cheap, call it at least every second or so in long loops of the main thread.
  virtual void tick() = 0;
  virtual void enter_busy(std::string_view name) = 0;
  virtual void leave_busy() = 0;

  // For waits on other ranks outside this class (NCCL): between the two calls, which count as one operation, tick() reports
  // this rank as waiting.
  virtual void enter_operation(std::string_view name) = 0;
  virtual void leave_operation() = 0;

  // Ends all ranks now with this exit code; prints the message with rank and host first. Never returns.
  [[noreturn]] virtual void abort(int exit_code, std::string_view message) = 0;
};

// Collective. Runs `work` on this rank; if it threw on any rank, all ranks throw an Error with that rank's message and
// exit code (the lowest failing rank's). The rule before every collective that follows fallible local work.
void all_agree(World& world, std::string_view name, const std::function<void()>& work);

// Marks long work of the main thread (merge, load), so that the watchdog does not take it for a stuck rank.
class Busy {
 public:
  Busy(World& world, std::string_view name) : world_(world) { world_.enter_busy(name); }
  ~Busy() { world_.leave_busy(); }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  World& world_;
};

}  // namespace balr
