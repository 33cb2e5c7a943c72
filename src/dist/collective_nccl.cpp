#include "dist/collective_nccl.hpp"

#include <ATen/ATen.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <nccl.h>

#include <chrono>
#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"

// Tensors on CUDA devices, one per rank. NCCL works on a stream of its own that follows and precedes the caller's by events.
// The host waits for each operation by polling NCCL's error state and ticking the World, never blindly.
namespace balr {
namespace {

using Clock = std::chrono::steady_clock;

void check_cuda(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw InternalError(std::string(what) + " failed: " + cudaGetErrorString(status));
}

// Bytes are bytes: gathering and broadcasting do not care for the type. Sums do.
ncclDataType_t sum_type(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat: return ncclFloat32;
    case at::kDouble: return ncclFloat64;
    case at::kHalf: return ncclFloat16;
    case at::kBFloat16: return ncclBfloat16;
    case at::kInt: return ncclInt32;
    case at::kLong: return ncclInt64;
    default: throw InternalError(std::string("internal error: no sum over ranks of ") + at::toString(tensor.scalar_type()));
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
  NcclCollective(World& world, const at::Device& device);
  ~NcclCollective() override;

  int rank() const override { return world_.rank(); }
  int size() const override { return world_.size(); }
  std::string name() const override { return "nccl"; }
  at::Tensor all_gather(const at::Tensor& mine, std::span<const std::int64_t> rows, std::string_view what) override;
  void all_reduce_sum(at::Tensor& tensor, std::string_view what) override;
  void broadcast(at::Tensor& tensor, int root, std::string_view what) override;

 private:
  void run(const at::Tensor& tensor, std::string_view what, const std::function<void()>& enqueue);
  void call(ncclResult_t status);
  void wait_until_settled();
  void abort_communicator();

  World& world_;
  at::Device device_;
  c10::cuda::CUDAStream stream_;
  cudaEvent_t before_ = nullptr, after_ = nullptr;
  ncclComm_t communicator_ = nullptr;
};

NcclCollective::NcclCollective(World& world, const at::Device& device)
    : world_(world), device_(device), stream_(c10::cuda::getStreamFromPool(true, device.index())) {
  const c10::cuda::CUDAGuard guard(device_);
  ncclUniqueId id{};
  all_agree(world_, "nccl unique id", [&] {
    check_cuda(cudaEventCreateWithFlags(&before_, cudaEventDisableTiming), "cudaEventCreate");
    check_cuda(cudaEventCreateWithFlags(&after_, cudaEventDisableTiming), "cudaEventCreate");
    if (world_.rank() == 0) call(ncclGetUniqueId(&id));
  });
  world_.broadcast_bytes(std::as_writable_bytes(std::span(&id, 1)), 0, "nccl unique id");
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  const Waiting waiting(world_, "nccl start");
  call(ncclCommInitRankConfig(&communicator_, world_.size(), id, world_.rank(), &config));
  wait_until_settled();
}

NcclCollective::~NcclCollective() {
  // Every operation has ended when its function returned, so nothing is in flight: destroying cannot wait for work.
  if (communicator_) ncclCommAbort(communicator_);
  if (before_) cudaEventDestroy(before_);
  if (after_) cudaEventDestroy(after_);
}

// ncclCommAbort may itself wait for the other ranks: it gets ten seconds on a thread of its own.
void NcclCollective::abort_communicator() {
  if (!communicator_) return;
  auto done = std::make_shared<std::promise<void>>();
  std::thread([communicator = communicator_, done] {
    ncclCommAbort(communicator);
    done->set_value();
  }).detach();
  communicator_ = nullptr;
  done->get_future().wait_for(std::chrono::seconds(10));
}

void NcclCollective::call(ncclResult_t status) {
  if (status == ncclSuccess || status == ncclInProgress) return;
  const std::string text = std::string(ncclGetErrorString(status)) + " (" + ncclGetLastError(communicator_) + ")";
  abort_communicator();
  throw InternalError("NCCL failed: " + text + "; NCCL_DEBUG=INFO shows more");
}

void NcclCollective::wait_until_settled() {
  for (ncclResult_t state = ncclInProgress;;) {
    call(ncclCommGetAsyncError(communicator_, &state));
    call(state);
    if (state == ncclSuccess) return;
    world_.tick();
    std::this_thread::yield();
  }
}

// Enqueues between two events and waits for the second.
void NcclCollective::run(const at::Tensor& tensor, std::string_view what, const std::function<void()>& enqueue) {
  BALR_CHECK(tensor.is_contiguous() && tensor.device() == device_);
  const Waiting waiting(world_, what);
  const c10::cuda::CUDAGuard guard(device_);
  const auto current = c10::cuda::getCurrentCUDAStream(device_.index());
  check_cuda(cudaEventRecord(before_, current.stream()), "cudaEventRecord");
  check_cuda(cudaStreamWaitEvent(stream_.stream(), before_, 0), "cudaStreamWaitEvent");
  enqueue();
  wait_until_settled();
  check_cuda(cudaEventRecord(after_, stream_.stream()), "cudaEventRecord");
  check_cuda(cudaStreamWaitEvent(current.stream(), after_, 0), "cudaStreamWaitEvent");
  const auto begin = Clock::now();
  while (true) {
    const cudaError_t state = cudaEventQuery(after_);
    if (state == cudaSuccess) return;
    if (state != cudaErrorNotReady) {
      abort_communicator();
      check_cuda(state, "an operation on the device");
    }
    ncclResult_t error = ncclSuccess;
    call(ncclCommGetAsyncError(communicator_, &error));
    call(error);
    world_.tick();
    // A step's operations take well below a millisecond; longer waits are for other ranks.
    if (Clock::now() - begin > std::chrono::milliseconds(2)) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

at::Tensor NcclCollective::all_gather(const at::Tensor& mine, std::span<const std::int64_t> rows, std::string_view what) {
  BALR_CHECK(rows.size() == static_cast<std::size_t>(size()) && mine.size(0) == rows[static_cast<std::size_t>(rank())]);
  auto shape = mine.sizes().vec();
  const std::int64_t row_values = std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>());
  const std::size_t row_bytes = static_cast<std::size_t>(row_values) * mine.element_size();
  shape[0] = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
  at::Tensor out = at::empty(shape, mine.options());
  if (out.numel() == 0) return out;
  const bool equal = std::equal(rows.begin() + 1, rows.end(), rows.begin());
  run(mine, what, [&] {
    char* place = static_cast<char*>(out.data_ptr());
    if (equal) return call(ncclAllGather(mine.data_ptr(), place, mine.nbytes(), ncclUint8, communicator_, stream_.stream()));
    call(ncclGroupStart());
    for (int r = 0; r < size(); ++r) {
      const std::size_t bytes = static_cast<std::size_t>(rows[static_cast<std::size_t>(r)]) * row_bytes;
      const void* source = r == rank() ? mine.data_ptr() : place;
      if (bytes > 0) call(ncclBroadcast(source, place, bytes, ncclUint8, r, communicator_, stream_.stream()));
      place += bytes;
    }
    call(ncclGroupEnd());
  });
  return out;
}

void NcclCollective::all_reduce_sum(at::Tensor& tensor, std::string_view what) {
  if (tensor.numel() == 0) return;
  const ncclDataType_t type = sum_type(tensor);
  run(tensor, what, [&] {
    call(ncclAllReduce(tensor.data_ptr(), tensor.data_ptr(), static_cast<std::size_t>(tensor.numel()), type, ncclSum,
                       communicator_, stream_.stream()));
  });
}

void NcclCollective::broadcast(at::Tensor& tensor, int root, std::string_view what) {
  if (tensor.numel() == 0) return;
  run(tensor, what, [&] {
    call(ncclBroadcast(tensor.data_ptr(), tensor.data_ptr(), tensor.nbytes(), ncclUint8, root, communicator_, stream_.stream()));
  });
}

}  // namespace

std::unique_ptr<Collective> make_nccl_collective(World& world, const at::Device& device) {
  return std::make_unique<NcclCollective>(world, device);
}

}  // namespace balr
