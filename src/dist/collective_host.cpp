#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "balr/core/error.hpp"
#include "balr/dist/collective.hpp"
#include "balr/dist/world.hpp"
#ifdef BALR_WITH_NCCL
#include "dist/collective_nccl.hpp"
#include "dist/device_stream.hpp"
#endif

namespace balr {
namespace {

constexpr std::int64_t kReduceBytes = std::int64_t{16} << 20;  // of all ranks' pieces at once, in all_reduce_sum

// One process: nothing to exchange.
class LocalCollective final : public Collective {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::string name() const override { return "local"; }
  at::Tensor all_gather(const at::Tensor& mine, std::span<const std::int64_t> rows, std::string_view) override {
    BALR_CHECK(rows.size() == 1 && mine.size(0) == rows[0]);
    return mine.clone();
  }
  void all_reduce_sum(at::Tensor&, std::string_view) override {}
  void broadcast(at::Tensor&, int root, std::string_view) override { BALR_CHECK(root == 0); }
};

std::span<std::byte> bytes_of(const at::Tensor& tensor) {
  BALR_CHECK(tensor.is_contiguous() && tensor.device().is_cpu());
  return {static_cast<std::byte*>(tensor.data_ptr()), tensor.nbytes()};
}

// CPU tensors, through the World.
class MpiCollective final : public Collective {
 public:
  explicit MpiCollective(World& world) : world_(world) {}
  int rank() const override { return world_.rank(); }
  int size() const override { return world_.size(); }
  std::string name() const override { return "mpi"; }

  at::Tensor all_gather(const at::Tensor& mine, std::span<const std::int64_t> rows, std::string_view what) override {
    BALR_CHECK(rows.size() == static_cast<std::size_t>(size()) && mine.size(0) == rows[static_cast<std::size_t>(rank())]);
    auto shape = mine.sizes().vec();
    shape[0] = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
    at::Tensor out = at::empty(shape, mine.options());
    const std::int64_t row_values = std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>());
    std::vector<std::size_t> sizes;
    for (const std::int64_t count : rows)
      sizes.push_back(static_cast<std::size_t>(count * row_values) * mine.element_size());
    world_.all_gather_bytes(bytes_of(mine), bytes_of(out), sizes, what);
    return out;
  }

  // Every rank gets all ranks' values and adds them in rank order: the same bytes everywhere, whatever the MPI library.
  void all_reduce_sum(at::Tensor& tensor, std::string_view what) override {
    const std::span<std::byte> all = bytes_of(tensor);
    const std::int64_t count = tensor.numel(), width = static_cast<std::int64_t>(tensor.element_size());
    const std::int64_t piece = std::max<std::int64_t>(1, kReduceBytes / (width * size()));
    const at::Tensor flat = tensor.view({count});
    for (std::int64_t begin = 0; begin < count; begin += piece) {
      const std::int64_t length = std::min(piece, count - begin);
      const at::Tensor gathered = at::empty({size(), length}, tensor.options());
      const auto bytes = static_cast<std::size_t>(length * width);
      world_.all_gather_bytes(all.subspan(static_cast<std::size_t>(begin * width), bytes), bytes_of(gathered),
                              std::vector<std::size_t>(static_cast<std::size_t>(size()), bytes), what);
      at::Tensor sum = flat.narrow(0, begin, length);
      sum.copy_(gathered[0]);
      for (int r = 1; r < size(); ++r) sum.add_(gathered[r]);
    }
  }

  void broadcast(at::Tensor& tensor, int root, std::string_view what) override {
    world_.broadcast_bytes(bytes_of(tensor), root, what);
  }

 private:
  World& world_;
};

}  // namespace

std::unique_ptr<Collective> make_collective(World& world, const at::Device& device) {
  if (world.size() == 1) return std::make_unique<LocalCollective>();
  if (device.is_cpu()) return std::make_unique<MpiCollective>(world);
#ifdef BALR_WITH_NCCL
  std::unique_ptr<DeviceStream> stream;
  all_agree(world, "open the GPU", [&] { stream = make_cuda_stream(device); });
  return make_nccl_collective(world, std::move(stream));
#else
  throw ConfigError("this build has no NCCL, so several ranks cannot share work on CUDA devices: use one rank or --device cpu");
#endif
}

}  // namespace balr
