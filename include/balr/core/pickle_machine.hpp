#pragma once
#include <any>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace balr {

// Values of a pickle. They refer to each other by pointers into the machine's arena, so that
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
struct PickleBytes {
  std::string_view data;  // in the pickle, or in a text of the arena
  bool as_utf8 =
      false;  // each byte is one code point of UTF-8 (protocol 2 has no bytes of its own)
};
struct PickleObject {
  std::any value;  // made by a known function
};
struct PickleValue {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, PickleGlobal, PickleTuple,
               PickleList, PickleDict, PickleBytes, PickleObject>
      data;
};

// The object of type T in the value, or null.
template <class T>
T* pickled_object(PickleValue& value) {
  auto* object = std::get_if<PickleObject>(&value.data);
  return object ? std::any_cast<T>(&object->value) : nullptr;
}

// Executes the data opcodes of protocols 2 to 5 and nothing else: no object is imported, no code is
// called. What a format's few known globals mean is its subclass's business. Memory is a multiple
// of the pickle's length and of `max_opcodes`, never of a number that the pickle states.
class PickleMachine {
 public:
  virtual ~PickleMachine() = default;
  PickleMachine(const PickleMachine&) = delete;
  PickleMachine& operator=(const PickleMachine&) = delete;

  // The pickled value; lives as long as the machine. Call once. Throws DataError (without the
  // file's name) that names what was refused.
  PickleRef load();

 protected:
  struct Rules {
    const char* contents =
        "";              // what such files may hold, for messages: "tensors, numbers and strings"
    bool bytes = false;  // whether bytes may come
    std::size_t max_opcodes = static_cast<std::size_t>(-1);
  };
  // `pickle` must outlive the machine.
  PickleMachine(std::string_view pickle, Rules rules) : rest_(pickle), rules_(rules) {}

  // All throw DataError for what the format does not have.
  virtual bool knows_global(std::string_view name) const = 0;
  virtual PickleValue reduce(const std::string& function,
                             const std::vector<PickleRef>& arguments) = 0;
  virtual void build(PickleValue& object, PickleRef state) = 0;
  virtual PickleValue load_persistent(PickleRef id);  // refuses, unless overridden

 private:
  bool execute(unsigned char opcode);  // false: not an opcode of this group
  bool execute_scalar(unsigned char opcode);
  bool execute_bytes(unsigned char opcode);
  bool execute_container(unsigned char opcode);
  bool execute_memo(unsigned char opcode);

  std::string_view take(std::uint64_t bytes);
  std::string_view take_line();
  std::uint64_t take_unsigned(int bytes);
  std::int64_t take_long(std::uint64_t bytes);

  void push(PickleValue value);
  PickleRef pop();
  PickleRef top();
  std::vector<PickleRef> pop_mark();
  void push_tuple(int count);
  void append(const std::vector<PickleRef>& items);
  void set_items(const std::vector<PickleRef>& items);
  void push_global(std::string_view module, std::string_view name);
  void call();

  std::string_view rest_;
  Rules rules_;
  std::deque<PickleValue> arena_;
  std::vector<PickleRef> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickleRef> memo_;
};

// For subclasses: the text without what a terminal would obey; an error for a pickle that cannot be
// right; the T in a value, where another type is an error ("there is no `what` where one must be").
std::string printable_name(std::string_view text);
[[noreturn]] void throw_broken_pickle(const std::string& what);
template <class T>
T& expect_pickled(PickleRef value, const char* what) {
  if (auto* found = std::get_if<T>(&value->data)) return *found;
  throw_broken_pickle(std::string("there is no ") + what + " where one must be");
}

}  // namespace balr
