#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace balr {

class World;

// Collectives on tensors of one device: local (one process), mpi (host memory, sums in rank order), nccl (device memory).
// Collective: all ranks must call every function in the same order. Failures throw InternalError. Like the device's own
// work, nccl's operations are only queued when they return: call finish() before the host waits for the device.
class Collective {
 public:
  virtual ~Collective() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual std::string name() const = 0;  // "local", "mpi", "nccl"

  // Concatenates the ranks' contiguous tensors along dimension 0, in rank order. rows[r] = rank r's size there (0 allowed);
  // other dimensions and dtype are equal. Returns a new tensor.
  virtual at::Tensor all_gather(const at::Tensor& mine, std::span<const std::int64_t> rows, std::string_view what) = 0;
  // In place; same bytes on every rank. Host: added in rank order.
  virtual void all_reduce_sum(at::Tensor& tensor, std::string_view what) = 0;
  virtual void broadcast(at::Tensor& tensor, int root, std::string_view what) = 0;

  // Waits until everything that was queued so far has ended on this rank, with an eye on the other ranks, which a copy
  // to the host has not: a failed or absent rank ends the wait. Host memory: nothing to wait for.
  virtual void finish(std::string_view /*what*/) {}
};

// "local" for one rank, else "mpi" for CPU tensors and "nccl" for a CUDA device. World must outlive the result.
std::unique_ptr<Collective> make_collective(World& world, const at::Device& device);

}  // namespace balr
