#include "dist/collective_nccl.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"
#include "dist/device_stream.hpp"
#include "dist/nccl_api.hpp"

// Tensors on CUDA devices, one per rank. The communicator never blocks the host: it polls NCCL's
// error state and ticks the World, while an operation is being queued and in finish().
namespace balr {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kAbortTime = std::chrono::seconds(10);
// Work of our own ends sooner; longer waits are for other ranks.
constexpr auto kShortWait = std::chrono::milliseconds(2);

// Bytes are bytes: gathering and broadcasting do not care for the type. Sums do.
ncclDataType_t sum_type(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return ncclFloat32;
    case at::kDouble:
      return ncclFloat64;
    case at::kHalf:
      return ncclFloat16;
    case at::kBFloat16:
      return ncclBfloat16;
    case at::kInt:
      return ncclInt32;
    case at::kLong:
      return ncclInt64;
    default:
      throw InternalError(std::string("internal error: no sum over ranks of ") +
                          at::toString(tensor.scalar_type()));
  }
}

// One operation in the World's count, so that the watchdog names it.
class Waiting {
 public:
  Waiting(World& world, std::string_view name) : world_(world) { world_.enter_operation(name); }
  ~Waiting() { world_.leave_operation(); }

 private:
  World& world_;
};

class NcclCollective final : public Collective {
 public:
  NcclCollective(World& world, std::unique_ptr<DeviceStream> stream);
  ~NcclCollective() override;

  int rank() const override { return world_.rank(); }
  int size() const override { return world_.size(); }
  std::string name() const override { return "nccl"; }
  at::Tensor all_gather(const at::Tensor& mine, std::span<const std::int64_t> rows,
                        std::string_view what) override;
  void all_reduce_sum(at::Tensor& tensor, std::string_view what) override;
  void broadcast(at::Tensor& tensor, int root, std::string_view what) override;
  void finish(std::string_view what) override;

 private:
  void run(const at::Tensor& tensor, std::string_view what,
           const std::function<void(cudaStream_t)>& enqueue);
  void call(ncclResult_t status);
  ncclResult_t state();
  void wait_until_queued();
  void abort_communicator();

  World& world_;
  std::unique_ptr<DeviceStream> stream_;
  ncclComm_t communicator_ = nullptr;
  std::string what_ = "nccl start";  // the operation that an error is put down to
};

NcclCollective::NcclCollective(World& world, std::unique_ptr<DeviceStream> stream)
    : world_(world), stream_(std::move(stream)) {
  ncclUniqueId id{};
  all_agree(world_, "nccl unique id", [&] {
    if (world_.rank() == 0) call(ncclGetUniqueId(&id));
  });
  world_.broadcast_bytes(std::as_writable_bytes(std::span(&id, 1)), 0, "nccl unique id");
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  const Waiting waiting(world_, what_);
  stream_->handle();
  call(ncclCommInitRankConfig(&communicator_, world_.size(), id, world_.rank(), &config));
  wait_until_queued();
}

NcclCollective::~NcclCollective() {
  // Not ncclCommDestroy, which would wait for work that is in flight after an error. In a good run
  // nothing is: the last thing that a rank does with the device is to read from it.
  abort_communicator();
}

// ncclCommAbort may itself wait for the other ranks: it gets some seconds on a thread of its own.
void NcclCollective::abort_communicator() {
  if (!communicator_) return;
  auto done = std::make_shared<std::promise<void>>();
  std::thread([communicator = communicator_, done] {
    ncclCommAbort(communicator);
    done->set_value();
  }).detach();
  communicator_ = nullptr;
  done->get_future().wait_for(kAbortTime);
}

void NcclCollective::call(ncclResult_t status) {
  if (status == ncclSuccess || status == ncclInProgress) return;
  const std::string text =
      std::string(ncclGetErrorString(status)) + " (" + ncclGetLastError(communicator_) + ")";
  abort_communicator();
  throw InternalError("NCCL failed in '" + what_ + "': " + text +
                      "; NCCL_DEBUG=INFO shows more, and balr doctor examines the nodes");
}

// Also of what other ranks' failures do to this one.
ncclResult_t NcclCollective::state() {
  ncclResult_t state = ncclInProgress;
  call(ncclCommGetAsyncError(communicator_, &state));
  call(state);
  return state;
}

void NcclCollective::wait_until_queued() {
  while (state() != ncclSuccess) {
    world_.tick();
    std::this_thread::yield();
  }
}

void NcclCollective::run(const at::Tensor& tensor, std::string_view what,
                         const std::function<void(cudaStream_t)>& enqueue) {
  BALR_CHECK(tensor.is_contiguous() && tensor.device() == stream_->device());
  if (!communicator_)
    throw InternalError("NCCL was given up after '" + what_ + "' failed: start the run again");
  const Waiting waiting(world_, what);
  what_ = what;
  enqueue(static_cast<cudaStream_t>(stream_->handle()));
  wait_until_queued();
}

void NcclCollective::finish(std::string_view what) {
  if (!communicator_) return;
  const Waiting waiting(world_, what);
  what_ = what;
  stream_->mark();
  for (const auto begin = Clock::now(); true;) {
    state();
    try {
      if (stream_->passed()) return;
    } catch (...) {
      abort_communicator();
      throw;
    }
    world_.tick();
    if (Clock::now() - begin > kShortWait)
      std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

at::Tensor NcclCollective::all_gather(const at::Tensor& mine, std::span<const std::int64_t> rows,
                                      std::string_view what) {
  BALR_CHECK(rows.size() == static_cast<std::size_t>(size()));
  BALR_CHECK(mine.size(0) == rows[static_cast<std::size_t>(rank())]);
  auto shape = mine.sizes().vec();
  const std::int64_t row_values =
      std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>());
  const std::size_t row_bytes = static_cast<std::size_t>(row_values) * mine.element_size();
  shape[0] = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
  at::Tensor out = at::empty(shape, mine.options());
  if (out.numel() == 0) return out;
  const bool equal = std::equal(rows.begin() + 1, rows.end(), rows.begin());
  run(mine, what, [&](cudaStream_t stream) {
    char* place = static_cast<char*>(out.data_ptr());
    if (equal)
      return call(
          ncclAllGather(mine.data_ptr(), place, mine.nbytes(), ncclUint8, communicator_, stream));
    call(ncclGroupStart());
    for (int r = 0; r < size(); ++r) {
      const std::size_t bytes =
          static_cast<std::size_t>(rows[static_cast<std::size_t>(r)]) * row_bytes;
      const void* source = r == rank() ? mine.data_ptr() : place;
      if (bytes > 0) call(ncclBroadcast(source, place, bytes, ncclUint8, r, communicator_, stream));
      place += bytes;
    }
    call(ncclGroupEnd());
  });
  return out;
}

void NcclCollective::all_reduce_sum(at::Tensor& tensor, std::string_view what) {
  if (tensor.numel() == 0) return;
  const ncclDataType_t type = sum_type(tensor);
  run(tensor, what, [&](cudaStream_t stream) {
    call(ncclAllReduce(tensor.data_ptr(), tensor.data_ptr(),
                       static_cast<std::size_t>(tensor.numel()), type, ncclSum, communicator_,
                       stream));
  });
}

void NcclCollective::broadcast(at::Tensor& tensor, int root, std::string_view what) {
  if (tensor.numel() == 0) return;
  run(tensor, what, [&](cudaStream_t stream) {
    call(ncclBroadcast(tensor.data_ptr(), tensor.data_ptr(), tensor.nbytes(), ncclUint8, root,
                       communicator_, stream));
  });
}

}  // namespace

std::unique_ptr<Collective> make_nccl_collective(World& world,
                                                 std::unique_ptr<DeviceStream> stream) {
  return std::make_unique<NcclCollective>(world, std::move(stream));
}

}  // namespace balr
