#pragma once
#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>
#include <vector>

#include "weights/unpickler.hpp"

// The few Python objects that a state dict's pickle may name.
namespace balr {

bool is_known_global(std::string_view name);

// torch.FloatStorage -> at::kFloat and so on; throws DataError for another global.
at::ScalarType storage_type(const std::string& global);
// at::kFloat -> FloatStorage; throws InternalError for a type that no storage has.
std::string storage_name(at::ScalarType type);

// torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...), a view that never leaves its storage.
// Throws DataError.
at::Tensor rebuild_tensor(const std::vector<PickleRef>& arguments);

}  // namespace balr
