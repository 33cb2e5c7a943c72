#include "nccl_double.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace {

using nccl_double::Call;
using nccl_double::Fault;
using nccl_double::How;

constexpr int kMostRanks = 8;
constexpr std::size_t kSlotBytes = std::size_t{64} << 20;  // address space; memory only where used

// What the ranks share. Rank r writes slots[r] and its part of the data behind this struct.
struct Shared {
  struct Slot {
    std::atomic<std::uint64_t> posted, taken;  // number of the last operation given, and done with
    char function[32];
    std::uint64_t count;
    int type, root;
  };
  std::atomic<int> attached;
  Slot slots[kMostRanks];
};

struct Operation {
  Call call;
  const void* source;
  void* target;
  bool stuck;
};

struct Globals {
  std::mutex mutex;
  std::vector<Call> calls;
  std::optional<Fault> fault;
  std::atomic<std::uint64_t> polls{0}, queued{0}, done{0};
  std::atomic<bool> late{false};
};
Globals& globals() {
  static Globals all;
  return all;
}

std::size_t size_of(int type) {
  switch (type) {
    case ncclUint8:
      return 1;
    case ncclInt32:
    case ncclFloat32:
      return 4;
    default:
      return 8;
  }
}

template <class T>
void add(void* to, const void* from, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i)
    static_cast<T*>(to)[i] += static_cast<const T*>(from)[i];
}

}  // namespace

// The handle of nccl.h: one rank's communicator, with the thread that stands for its device.
struct ncclComm {
  // Without a name this rank never meets the others.
  ncclComm(int ranks, int own, std::string shared_name);
  ~ncclComm();

  void push(Operation operation);
  void fail(ncclResult_t with, std::string why);
  ncclResult_t state();
  const char* why() { return text_.c_str(); }

 private:
  void work();
  bool attach();
  void execute(const Operation& operation, std::uint64_t number);
  bool wait(const std::function<bool()>& until);  // false: aborted
  bool agree(const Operation& operation);
  void deliver(const Operation& operation);
  Shared::Slot& slot(int rank) { return shared_->slots[rank]; }
  std::byte* data(int rank) {
    return reinterpret_cast<std::byte*>(shared_ + 1) + static_cast<std::size_t>(rank) * kSlotBytes;
  }

  int size_, rank_;
  std::string name_;
  Shared* shared_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Operation> queue_;  // the first is in work
  std::atomic<bool> aborted_{false}, ready_{false};
  std::atomic<ncclResult_t> error_{ncclSuccess};
  std::string text_;  // written before error_
  std::thread thread_;
};

ncclComm::ncclComm(int ranks, int own, std::string shared_name)
    : size_(ranks), rank_(own), name_(std::move(shared_name)), thread_([this] { work(); }) {}

ncclComm::~ncclComm() {
  aborted_ = true;
  changed_.notify_all();
  thread_.join();
  if (rank_ == 0) shm_unlink(name_.c_str());  // if the ranks never met
  if (shared_) munmap(shared_, sizeof(Shared) + kMostRanks * kSlotBytes);
}

void ncclComm::push(Operation operation) {
  ++globals().queued;
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(operation));
  changed_.notify_all();
}

void ncclComm::fail(ncclResult_t with, std::string why) {
  text_ = std::move(why);
  error_ = with;
}

ncclResult_t ncclComm::state() {
  if (error_ != ncclSuccess) return error_;
  if (!ready_) return ncclInProgress;
  const std::lock_guard lock(mutex_);
  return queue_.empty() || globals().late ? ncclSuccess : ncclInProgress;
}

bool ncclComm::wait(const std::function<bool()>& until) {
  for (int looks = 0; !until(); ++looks) {
    if (aborted_) return false;
    looks < 1000 ? sched_yield() : usleep(50);  // ranks share cores
  }
  return true;
}

bool ncclComm::attach() {
  if (name_.empty()) return wait([] { return false; });
  const std::size_t bytes = sizeof(Shared) + kMostRanks * kSlotBytes;
  const int file = shm_open(name_.c_str(), O_RDWR, 0600);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory == MAP_FAILED) return fail(ncclSystemError, "no shared memory"), false;
  shared_ = static_cast<Shared*>(memory);
  ++shared_->attached;
  if (!wait([this] { return shared_->attached == size_; })) return false;
  if (rank_ == 0) shm_unlink(name_.c_str());
  return true;
}

void ncclComm::work() {
  if (!attach()) return;
  ready_ = true;
  for (std::uint64_t number = 1; true; ++number) {
    Operation next;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return aborted_ || !queue_.empty(); });
      if (aborted_) return;
      next = queue_.front();
    }
    execute(next, number);
    if (error_ != ncclSuccess || aborted_) return;
    ++globals().done;
    const std::lock_guard lock(mutex_);
    queue_.pop_front();
  }
}

void ncclComm::execute(const Operation& operation, std::uint64_t number) {
  const auto all = [this](auto&& holds) {
    return wait([&] {
      for (int rank = 0; rank < size_; ++rank)
        if (!holds(slot(rank))) return false;
      return true;
    });
  };
  if (operation.stuck) {
    wait([] { return false; });
    return;
  }
  if (!all([&](auto& s) { return s.taken >= number - 1; })) return;
  Shared::Slot& mine = slot(rank_);
  std::snprintf(mine.function, sizeof mine.function, "%s", operation.call.function.c_str());
  mine.count = operation.call.count;
  mine.type = operation.call.type;
  mine.root = operation.call.root;
  const std::size_t bytes = mine.count * size_of(mine.type);
  if (bytes > kSlotBytes) return fail(ncclInvalidArgument, "the double takes 64 MB at most");
  std::memcpy(data(rank_), operation.source, bytes);
  mine.posted = number;
  if (!all([&](auto& s) { return s.posted >= number; })) return;
  if (!agree(operation)) return;
  deliver(operation);
  mine.taken = number;
}

bool ncclComm::agree(const Operation& operation) {
  for (int rank = 0; rank < size_; ++rank) {
    const Shared::Slot& s = slot(rank);
    if (Call{s.function, s.count, s.type, s.root} == operation.call) continue;
    fail(ncclInvalidUsage, "rank " + std::to_string(rank) + " calls " + s.function + " of " +
                               std::to_string(s.count) + ", rank " + std::to_string(rank_) + " " +
                               operation.call.function + " of " +
                               std::to_string(operation.call.count));
    return false;
  }
  return true;
}

void ncclComm::deliver(const Operation& operation) {
  const Call& call = operation.call;
  const std::size_t bytes = call.count * size_of(call.type);
  auto* target = static_cast<std::byte*>(operation.target);
  if (call.function == "ncclBroadcast") {
    std::memcpy(target, data(call.root), bytes);
  } else if (call.function == "ncclAllGather") {
    for (int rank = 0; rank < size_; ++rank)
      std::memcpy(target + static_cast<std::size_t>(rank) * bytes, data(rank), bytes);
  } else {  // in rank order
    std::memcpy(target, data(0), bytes);
    for (int rank = 1; rank < size_; ++rank) switch (call.type) {
        case ncclFloat32:
          add<float>(target, data(rank), call.count);
          break;
        case ncclFloat64:
          add<double>(target, data(rank), call.count);
          break;
        case ncclInt32:
          add<std::int32_t>(target, data(rank), call.count);
          break;
        case ncclInt64:
          add<std::int64_t>(target, data(rank), call.count);
          break;
        default:
          return fail(ncclInvalidArgument, "the double does not add this type");
      }
  }
}

namespace {

// The planned fault, if this is the call.
std::optional<Fault> note(Call call) {
  Globals& all = globals();
  const std::lock_guard lock(all.mutex);
  all.calls.push_back(std::move(call));
  if (!all.fault || all.fault->function != all.calls.back().function || --all.fault->number > 0)
    return std::nullopt;
  return std::exchange(all.fault, std::nullopt);
}

ncclResult_t begin(ncclComm_t comm, Call call, const void* source, void* target) {
  const auto fault = note(call);
  if (fault && fault->how == How::kReturned) return fault->error;
  if (fault && fault->how == How::kLater) comm->fail(fault->error, "the double was told to fail");
  comm->push({std::move(call), source, target, fault.has_value()});
  return ncclInProgress;
}

}  // namespace

extern "C" {

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  if (const auto fault = note({"ncclGetUniqueId"})) return fault->error;
  static int number = 0;
  static struct Names {  // of ranks that never met
    ~Names() {
      for (const std::string& name : all) shm_unlink(name.c_str());
    }
    std::vector<std::string> all;
  } names;
  std::snprintf(id->internal, sizeof id->internal, "/balr-nccl-double-%d-%d",
                static_cast<int>(getpid()), ++number);
  const int file = shm_open(id->internal, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (file < 0) return ncclSystemError;
  names.all.push_back(id->internal);
  const auto bytes = static_cast<off_t>(sizeof(Shared) + kMostRanks * kSlotBytes);
  const bool good = ftruncate(file, bytes) == 0;  // zeros
  close(file);
  return good ? ncclSuccess : ncclSystemError;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  const auto fault = note({"ncclCommInitRankConfig", static_cast<std::uint64_t>(ranks)});
  globals().queued = globals().done = 0;
  if (config->blocking != 0) return ncclInvalidUsage;  // the host must not wait in there
  if (fault && fault->how == How::kReturned) return fault->error;
  *comm = new ncclComm(ranks, rank, fault ? "" : id.internal);
  if (fault && fault->how == How::kLater)
    (*comm)->fail(fault->error, "the double was told to fail");
  return ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* error) {
  ++globals().polls;
  *error = comm->state();
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  note({"ncclCommAbort"});
  delete comm;
  return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void* source, void* target, size_t count, ncclDataType_t type,
                           ncclRedOp_t operation, ncclComm_t comm, cudaStream_t) {
  if (operation != ncclSum) return ncclInvalidArgument;
  return begin(comm, {"ncclAllReduce", count, type, -1}, source, target);
}

ncclResult_t ncclAllGather(const void* source, void* target, size_t count, ncclDataType_t type,
                           ncclComm_t comm, cudaStream_t) {
  return begin(comm, {"ncclAllGather", count, type, -1}, source, target);
}

ncclResult_t ncclBroadcast(const void* source, void* target, size_t count, ncclDataType_t type,
                           int root, ncclComm_t comm, cudaStream_t) {
  return begin(comm, {"ncclBroadcast", count, type, root}, source, target);
}

ncclResult_t ncclGroupStart() {
  const auto fault = note({"ncclGroupStart"});
  return fault ? fault->error : ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  const auto fault = note({"ncclGroupEnd"});
  return fault ? fault->error : ncclInProgress;
}

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSystemError:
      return "unhandled system error";
    case ncclRemoteError:
      return "remote process exited or there was a network error";
    case ncclInvalidUsage:
      return "invalid usage";
    default:
      return "another error";
  }
}

const char* ncclGetLastError(ncclComm_t comm) { return comm ? comm->why() : ""; }

}  // extern "C"

namespace nccl_double {

std::vector<Call> calls() {
  const std::lock_guard lock(globals().mutex);
  return globals().calls;
}
void forget_calls() {
  const std::lock_guard lock(globals().mutex);
  globals().calls.clear();
}
std::uint64_t polls() { return globals().polls; }
void plan(const Fault& fault) {
  const std::lock_guard lock(globals().mutex);
  globals().fault = fault;
}
void set_late(bool late) { globals().late = late; }
std::uint64_t queued() { return globals().queued; }
std::uint64_t done() { return globals().done; }

}  // namespace nccl_double
