#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace balr {

// What a pickle of a state dict can hold. Values refer to each other by pointers into the unpickler's arena, so that
// neither deep nesting nor cycles cost stack when they are destroyed.
struct PickleValue;
using PickleRef = PickleValue*;

struct PickleGlobal {
  std::string name;  // "module.attribute", one of the few that are known
};
struct PickleTuple {
  std::vector<PickleRef> items;
};
struct PickleList {
  std::vector<PickleRef> items;
};
struct PickleDict {
  std::vector<std::pair<PickleRef, PickleRef>> items;  // in file order; a key may come twice
};
struct PickleStorage {
  at::Tensor elements;  // one-dimensional, on the CPU
};
struct PickleValue {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, PickleGlobal, PickleTuple, PickleList,
               PickleDict, PickleStorage, at::Tensor>
      data;
};

// Executes the opcodes of protocols 2 to 5 that torch.save writes for tensors, numbers, strings, lists, tuples and
// dicts, and nothing else: no object is imported, no code is called. Throws DataError (without the file's name) that
// names what was refused.
class Unpickler {
 public:
  // Returns the storage `key` with `numel` elements of `type`; bounds are the loader's business.
  using StorageLoader = std::function<at::Tensor(const std::string& key, at::ScalarType type, std::int64_t numel)>;

  // `pickle` must outlive the unpickler.
  Unpickler(std::string_view pickle, StorageLoader load_storage)
      : rest_(pickle), load_storage_(std::move(load_storage)) {}

  // The pickled value; lives as long as the unpickler. Call once.
  PickleRef load();

 private:
  bool execute(unsigned char opcode);  // false: not an opcode of this group
  bool execute_scalar(unsigned char opcode);
  bool execute_container(unsigned char opcode);
  bool execute_memo(unsigned char opcode);

  std::string_view take(std::uint64_t bytes);
  std::string_view take_line();
  std::uint64_t take_unsigned(int bytes);
  std::int64_t take_long(std::uint64_t bytes);

  template <class T>
  void push(T value) {
    arena_.push_back(PickleValue{std::move(value)});
    stack_.push_back(&arena_.back());
  }
  PickleRef pop();
  PickleRef top();
  std::vector<PickleRef> pop_mark();
  void push_tuple(int count);
  void append(const std::vector<PickleRef>& items);
  void set_items(const std::vector<PickleRef>& items);
  void push_global(std::string_view module, std::string_view name);
  void reduce();
  void build();
  void load_persistent();

  std::string_view rest_;
  StorageLoader load_storage_;
  std::deque<PickleValue> arena_;
  std::vector<PickleRef> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickleRef> memo_;
};

}  // namespace balr
