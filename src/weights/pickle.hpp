#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// A restricted unpickler: it builds values and never calls anything. Only the data that torch.save writes for a state dict
// can be expressed; every other global is refused by name.
namespace balr::pickle {

struct Value;
using Items = std::vector<Value>;

struct None {};
struct Mark {};
struct Global {
  std::string name;  // module.attribute
};
struct Storage {
  std::string type;  // "FloatStorage", ...
  std::string key;   // record data/<key>
  std::int64_t elements = 0;
};
struct Tensor {
  Storage storage;
  std::int64_t offset = 0;
  std::vector<std::int64_t> size, stride;
};
struct Sequence {
  Items items;
};
struct Dict {
  std::vector<std::pair<Value, Value>> items;
};

struct Value {
  std::variant<None, Mark, bool, std::int64_t, double, std::string, Global, Storage, Tensor,
               std::shared_ptr<Sequence>, std::shared_ptr<Dict>>
      data = None{};
  int depth = 0;  // of containers; bounded, so that nothing recurses without end
};

// Throws DataError (without the file's name) for whatever is not allowed or is broken.
Value load(std::string_view bytes);

}  // namespace balr::pickle
