#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "balr/core/pickle_machine.hpp"

namespace balr {

// What a persistent id stands for; in a PickleObject, as tensors are.
struct PickleStorage {
  at::Tensor elements;  // one-dimensional, on the CPU
};

// Reads what torch.save writes for tensors, numbers, strings, lists, tuples and dicts; anything
// else is refused.
class Unpickler final : public PickleMachine {
 public:
  // Returns the storage `key` with `numel` elements of `type`; bounds are the loader's business.
  using StorageLoader =
      std::function<at::Tensor(const std::string& key, at::ScalarType type, std::int64_t numel)>;

  // `pickle` must outlive the unpickler.
  Unpickler(std::string_view pickle, StorageLoader load_storage)
      : PickleMachine(pickle, {"tensors, numbers, strings, lists and dicts"}),
        load_storage_(std::move(load_storage)) {}

 private:
  bool knows_global(std::string_view name) const override;
  PickleValue reduce(const std::string& function, const std::vector<PickleRef>& arguments) override;
  void build(PickleValue& object, PickleRef state) override;
  PickleValue load_persistent(PickleRef id) override;

  StorageLoader load_storage_;
};

// The tensor in a value, or null.
inline at::Tensor* pickled_tensor(PickleValue& value) { return pickled_object<at::Tensor>(value); }

}  // namespace balr
