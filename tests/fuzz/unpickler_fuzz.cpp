// A pickle of any bytes is values, whose tensors lie in their storage, or is refused with a DataError.
#include <ATen/ATen.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "balr/core/error.hpp"
#include "weights/unpickler.hpp"

namespace {

constexpr std::int64_t kElements = 24;

// Anything in the view is read, so that a bound that is wrong is seen by the sanitizer.
void read_all(const balr::PickleDict& dict) {
  for (const auto& [key, value] : dict.items)
    if (const at::Tensor* tensor = balr::pickled_tensor(*value))
      if (tensor->numel() > kElements || (tensor->numel() > 0 && tensor->contiguous().numel() != tensor->numel())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view pickle(reinterpret_cast<const char*>(data), size);
  balr::Unpickler unpickler(pickle, [](const std::string& key, at::ScalarType type, std::int64_t numel) {
    if (key.size() > 1 || numel != kElements) throw balr::DataError("no such storage");
    return at::zeros({kElements}, at::TensorOptions(type));
  });
  try {
    const balr::PickleRef value = unpickler.load();
    if (const auto* dict = std::get_if<balr::PickleDict>(&value->data)) read_all(*dict);
  } catch (const balr::DataError&) {
  }
  return 0;
}
