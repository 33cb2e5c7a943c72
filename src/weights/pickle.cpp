#include "weights/pickle.hpp"

#include <bit>
#include <cstring>
#include <unordered_map>

#include "balr/core/error.hpp"

namespace balr::pickle {
namespace {

constexpr int kMaxDepth = 50;

[[noreturn]] void refuse(const std::string& what) { throw DataError("it " + what); }

template <class T>
T& as(Value& value, const char* what) {
  if (auto* found = std::get_if<T>(&value.data)) return *found;
  refuse(std::string("is broken: ") + what + " expected");
}

class Machine {
 public:
  explicit Machine(std::string_view bytes) : bytes_(bytes) {}

  Value run() {
    while (true) {
      const auto opcode = static_cast<unsigned char>(take(1)[0]);
      if (opcode == '.') return pop();
      step(opcode);
    }
  }

 private:
  std::string_view take(std::size_t count) {
    if (count > bytes_.size()) refuse("is broken: it ends too early");
    const std::string_view out = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return out;
  }
  std::string_view line() {
    const std::size_t end = bytes_.find('\n');
    if (end == std::string_view::npos) refuse("is broken: it ends too early");
    const std::string_view out = take(end + 1);
    return out.substr(0, end);
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string text(std::uint64_t size) {
    if (size > bytes_.size()) refuse("is broken: it ends too early");
    return std::string(take(static_cast<std::size_t>(size)));
  }

  void push(Value value) { stack_.push_back(std::move(value)); }
  template <class T>
  void push_data(T data) {
    Value value;
    value.data = std::move(data);
    push(std::move(value));
  }
  Value pop() {
    if (stack_.empty()) refuse("is broken: nothing on the stack");
    Value value = std::move(stack_.back());
    stack_.pop_back();
    return value;
  }
  Value& top() {
    if (stack_.empty()) refuse("is broken: nothing on the stack");
    return stack_.back();
  }
  Items pop_to_mark() {
    std::size_t at = stack_.size();
    while (at > 0 && !std::holds_alternative<Mark>(stack_[at - 1].data)) --at;
    if (at == 0) refuse("is broken: no mark on the stack");
    Items items(std::make_move_iterator(stack_.begin() + static_cast<std::ptrdiff_t>(at)),
                std::make_move_iterator(stack_.end()));
    stack_.resize(at - 1);
    return items;
  }
  void remember(std::uint64_t index) { memo_[index] = top(); }
  void recall(std::uint64_t index) {
    const auto at = memo_.find(index);
    if (at == memo_.end()) refuse("is broken: nothing was remembered under a number it recalls");
    push(at->second);
  }

  static void deepen(Value& container, const Value& item) {
    container.depth = std::max(container.depth, item.depth + 1);
    if (container.depth > kMaxDepth) refuse("is nested too deeply");
  }
  void push_sequence(Items items) {
    Value value;
    for (const Value& item : items) deepen(value, item);
    value.data = std::make_shared<Sequence>(Sequence{std::move(items)});
    push(std::move(value));
  }
  void push_tuple(std::size_t count) {
    Items items(count);
    for (std::size_t i = count; i > 0; --i) items[i - 1] = pop();
    push_sequence(std::move(items));
  }
  void append(Items items) {
    auto& list = as<std::shared_ptr<Sequence>>(top(), "a list")->items;
    for (Value& item : items) {
      deepen(top(), item);
      list.push_back(std::move(item));
    }
  }
  void set_items(Items items) {
    if (items.size() % 2 != 0) refuse("is broken: a key without a value");
    auto& dict = as<std::shared_ptr<Dict>>(top(), "a dict")->items;
    for (std::size_t i = 0; i < items.size(); i += 2) {
      deepen(top(), items[i + 1]);
      dict.emplace_back(std::move(items[i]), std::move(items[i + 1]));
    }
  }

  void step(unsigned char opcode);
  void strings(unsigned char opcode);
  void containers(unsigned char opcode);
  void global(std::string module, std::string_view name);
  void reduce();
  void persistent_id();
  void long_integer(std::size_t size);

  std::string_view bytes_;
  Items stack_;
  std::unordered_map<std::uint64_t, Value> memo_;
};

void Machine::step(unsigned char opcode) {
  switch (opcode) {
    case 0x80: take(1); return;                                   // PROTO
    case 0x95: take(8); return;                                   // FRAME
    case '(': push_data(Mark{}); return;
    case '0': pop(); return;
    case '1': pop_to_mark(); return;
    case 'N': push_data(None{}); return;
    case 0x88: push_data(true); return;
    case 0x89: push_data(false); return;
    case 'J': push_data(std::int64_t{number<std::int32_t>()}); return;
    case 'K': push_data(std::int64_t{number<std::uint8_t>()}); return;
    case 'M': push_data(std::int64_t{number<std::uint16_t>()}); return;
    case 0x8a: long_integer(number<std::uint8_t>()); return;
    case 'G': {  // big-endian double
      std::uint64_t bits = 0;
      for (const char c : take(8)) bits = bits << 8 | static_cast<unsigned char>(c);
      push_data(std::bit_cast<double>(bits));
      return;
    }
    case 'q': remember(number<std::uint8_t>()); return;
    case 'r': remember(number<std::uint32_t>()); return;
    case 0x94: remember(memo_.size()); return;                    // MEMOIZE
    case 'h': recall(number<std::uint8_t>()); return;
    case 'j': recall(number<std::uint32_t>()); return;
    case 'c': {
      std::string module(line());
      global(std::move(module), line());
      return;
    }
    case 0x93: {                                                  // STACK_GLOBAL
      Value name = pop(), module = pop();
      global(as<std::string>(module, "a module name"), as<std::string>(name, "a name"));
      return;
    }
    case 'R': reduce(); return;
    case 'b': pop(); top(); return;                               // BUILD: attributes such as _metadata
    case 'Q': persistent_id(); return;
    default: break;
  }
  strings(opcode);
}

void Machine::strings(unsigned char opcode) {
  switch (opcode) {
    case 'X': push_data(text(number<std::uint32_t>())); return;
    case 0x8c: push_data(text(number<std::uint8_t>())); return;
    case 0x8d: push_data(text(number<std::uint64_t>())); return;
    case 'U': push_data(text(number<std::uint8_t>())); return;    // SHORT_BINSTRING
    case 'T': push_data(text(number<std::uint32_t>())); return;   // BINSTRING
    case 'C': push_data(text(number<std::uint8_t>())); return;    // SHORT_BINBYTES
    case 'B': push_data(text(number<std::uint32_t>())); return;   // BINBYTES
    default: containers(opcode);
  }
}

void Machine::containers(unsigned char opcode) {
  switch (opcode) {
    case '}': push_data(std::make_shared<Dict>()); return;
    case ']': push_sequence({}); return;
    case ')': push_sequence({}); return;
    case 't': push_sequence(pop_to_mark()); return;
    case 'l': push_sequence(pop_to_mark()); return;
    case 0x85: push_tuple(1); return;
    case 0x86: push_tuple(2); return;
    case 0x87: push_tuple(3); return;
    case 'd': {
      Items items = pop_to_mark();
      push_data(std::make_shared<Dict>());
      set_items(std::move(items));
      return;
    }
    case 'a': {
      Items items(1);
      items[0] = pop();
      append(std::move(items));
      return;
    }
    case 'e': append(pop_to_mark()); return;
    case 's': {
      Items items(2);
      items[1] = pop();
      items[0] = pop();
      set_items(std::move(items));
      return;
    }
    case 'u': set_items(pop_to_mark()); return;
    default: refuse("uses the pickle operation " + std::to_string(opcode) + ", which a state dict does not need");
  }
}

void Machine::long_integer(std::size_t size) {
  if (size > 8) refuse("has an integer of more than 64 bits");
  const std::string_view raw = take(size);
  std::uint64_t value = size > 0 && (raw[size - 1] & 0x80) ? ~std::uint64_t{0} : 0;
  for (std::size_t i = size; i > 0; --i) value = value << 8 | static_cast<unsigned char>(raw[i - 1]);
  push_data(static_cast<std::int64_t>(value));
}

void Machine::global(std::string module, std::string_view name) {
  std::string full = std::move(module) + "." + std::string(name);
  const bool storage = full.starts_with("torch.") && full.ends_with("Storage") && full.find('.', 6) == std::string::npos;
  if (!storage && full != "collections.OrderedDict" && full != "torch._utils._rebuild_tensor_v2" &&
      full != "torch._utils._rebuild_parameter")
    refuse("wants to use " + full + "; only tensors, numbers, strings, lists and dicts are read");
  push_data(Global{std::move(full)});
}

std::vector<std::int64_t> integers(Value& value) {
  std::vector<std::int64_t> out;
  for (Value& item : as<std::shared_ptr<Sequence>>(value, "a tuple of sizes")->items)
    out.push_back(as<std::int64_t>(item, "an integer"));
  return out;
}

void Machine::reduce() {
  Value arguments = pop(), callee = pop();
  auto& items = as<std::shared_ptr<Sequence>>(arguments, "a tuple of arguments")->items;
  const std::string& name = as<Global>(callee, "something to call").name;
  if (name == "collections.OrderedDict" && items.empty()) {
    push_data(std::make_shared<Dict>());
  } else if (name == "torch._utils._rebuild_tensor_v2" && items.size() >= 4) {
    push_data(Tensor{as<Storage>(items[0], "a storage"), as<std::int64_t>(items[1], "an offset"), integers(items[2]),
                     integers(items[3])});
  } else if (name == "torch._utils._rebuild_parameter" && !items.empty()) {
    push_data(as<Tensor>(items[0], "a tensor"));
  } else {
    refuse("calls " + name + " in an unusual way");
  }
}

// ('storage', torch.FloatStorage, key, location, elements); the location (cuda:0, ...) does not matter here.
void Machine::persistent_id() {
  Value id = pop();
  auto& items = as<std::shared_ptr<Sequence>>(id, "a storage's description")->items;
  if (items.size() != 5 || as<std::string>(items[0], "a kind") != "storage") refuse("is broken: not a storage");
  const std::string& type = as<Global>(items[1], "a storage type").name;
  if (!type.ends_with("Storage")) refuse("is broken: not a storage type");
  push_data(Storage{type.substr(type.rfind('.') + 1), as<std::string>(items[2], "a key"),
                    as<std::int64_t>(items[4], "a size")});
}

}  // namespace

Value load(std::string_view bytes) { return Machine(bytes).run(); }

}  // namespace balr::pickle
