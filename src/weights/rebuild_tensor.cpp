#include "weights/rebuild_tensor.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "balr/core/error.hpp"

namespace balr {
namespace {

struct StorageType {
  std::string_view name;
  at::ScalarType type;
};
constexpr std::array kStorageTypes{
    StorageType{"FloatStorage", at::kFloat}, StorageType{"DoubleStorage", at::kDouble},
    StorageType{"HalfStorage", at::kHalf},   StorageType{"BFloat16Storage", at::kBFloat16},
    StorageType{"LongStorage", at::kLong},   StorageType{"IntStorage", at::kInt},
    StorageType{"ShortStorage", at::kShort}, StorageType{"CharStorage", at::kChar},
    StorageType{"ByteStorage", at::kByte},   StorageType{"BoolStorage", at::kBool},
};
constexpr std::string_view kTorch = "torch.";
constexpr std::size_t kMaxDimensions = 16;

const StorageType* find_storage(std::string_view global) {
  if (!global.starts_with(kTorch)) return nullptr;
  const auto found = std::find_if(kStorageTypes.begin(), kStorageTypes.end(), [&](const StorageType& candidate) {
    return candidate.name == global.substr(kTorch.size());
  });
  return found == kStorageTypes.end() ? nullptr : &*found;
}

std::int64_t count(PickleRef value) {
  const auto* number = std::get_if<std::int64_t>(&value->data);
  if (!number || *number < 0) throw DataError("a tensor's place in its storage is not a number from 0 on");
  return *number;
}

std::vector<std::int64_t> counts(PickleRef value) {
  const auto* tuple = std::get_if<PickleTuple>(&value->data);
  if (!tuple || tuple->items.size() > kMaxDimensions) throw DataError("a tensor's shape is not a short tuple");
  std::vector<std::int64_t> out;
  for (PickleRef item : tuple->items) out.push_back(count(item));
  return out;
}

// Whether every element of the view is in a storage of `numel` elements, and no more of them than it has.
bool fits(std::int64_t numel, std::int64_t offset, const std::vector<std::int64_t>& size,
          const std::vector<std::int64_t>& stride) {
  if (offset > numel) return false;
  // An empty view is not looked at further, but its shape must be one that a tensor can have.
  __int128 extent = 1;
  for (const std::int64_t n : size)
    if ((extent *= std::max<std::int64_t>(n, 1)) > INT64_MAX) return false;
  // All numbers stay below 2^63 * 2^63.
  __int128 last = offset, elements = 1;
  for (std::size_t i = 0; i < size.size(); ++i) {
    if (size[i] == 0) return true;
    last += static_cast<__int128>(size[i] - 1) * stride[i];
    elements *= size[i];
    if (last >= numel || elements > numel) return false;
  }
  return last < numel;
}

}  // namespace

bool is_known_global(std::string_view name) {
  return name == "collections.OrderedDict" || name == "torch._utils._rebuild_tensor_v2" ||
         name == "torch._utils._rebuild_parameter" || find_storage(name);
}

at::ScalarType storage_type(const std::string& global) {
  if (const StorageType* found = find_storage(global)) return found->type;
  throw DataError("a storage has the type " + global + ", which is none");
}

std::string storage_name(at::ScalarType type) {
  for (const StorageType& candidate : kStorageTypes)
    if (candidate.type == type) return std::string(candidate.name);
  throw InternalError(std::string("internal error: a tensor of type ") + at::toString(type) +
                      " cannot be saved; please report it");
}

at::Tensor rebuild_tensor(const std::vector<PickleRef>& arguments) {
  if (arguments.size() < 6) throw DataError("a tensor is not complete");
  const auto* storage = pickled_object<PickleStorage>(*arguments[0]);
  if (!storage) throw DataError("a tensor has no storage");
  const std::int64_t offset = count(arguments[1]);
  const auto size = counts(arguments[2]);
  const auto stride = counts(arguments[3]);
  if (size.size() != stride.size()) throw DataError("a tensor has more sizes than strides, or fewer");
  if (!fits(storage->elements.numel(), offset, size, stride))
    throw DataError("a tensor reaches beyond the end of its storage");
  if (std::find(size.begin(), size.end(), 0) != size.end())
    return at::empty(size, storage->elements.options());
  return storage->elements.as_strided(size, stride, offset);
}

}  // namespace balr
