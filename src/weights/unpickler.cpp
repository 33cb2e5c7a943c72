#include "weights/unpickler.hpp"

#include "balr/core/error.hpp"
#include "weights/rebuild_tensor.hpp"

namespace balr {

bool Unpickler::knows_global(std::string_view name) const { return is_known_global(name); }

PickleValue Unpickler::reduce(const std::string& function,
                              const std::vector<PickleRef>& arguments) {
  if (function == "collections.OrderedDict") {
    if (!arguments.empty()) throw_broken_pickle("an OrderedDict is made from arguments");
    return {PickleDict{}};
  }
  if (function == "torch._utils._rebuild_tensor_v2")
    return {PickleObject{rebuild_tensor(arguments)}};
  if (function == "torch._utils._rebuild_parameter") {
    const at::Tensor* tensor = arguments.empty() ? nullptr : pickled_tensor(*arguments[0]);
    if (!tensor) throw_broken_pickle("a parameter has no tensor");
    return {PickleObject{*tensor}};
  }
  throw DataError("it calls " + printable_name(function) +
                  ", which is not a function of model files");
}

// Attributes of an OrderedDict (a state dict's _metadata) are of no use here.
void Unpickler::build(PickleValue& object, PickleRef state) {
  expect_pickled<PickleDict>(state, "dict of attributes");
  expect_pickled<PickleDict>(&object, "dict");
}

// ("storage", type, key, location, number of elements); the location (such as cuda:0) is where it
// was, not where we put it.
PickleValue Unpickler::load_persistent(PickleRef reference) {
  const auto& id = expect_pickled<PickleTuple>(reference, "storage").items;
  if (id.size() != 5 || expect_pickled<std::string>(id[0], "storage") != "storage")
    throw_broken_pickle("a storage has an unknown form");
  const auto& type = expect_pickled<PickleGlobal>(id[1], "storage type").name;
  const auto& key = expect_pickled<std::string>(id[2], "storage key");
  const auto numel = expect_pickled<std::int64_t>(id[4], "storage size");
  return {PickleObject{PickleStorage{load_storage_(key, storage_type(type), numel)}}};
}

}  // namespace balr
