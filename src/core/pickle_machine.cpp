#include "balr/core/pickle_machine.hpp"

#include <bit>
#include <cstdio>

#include "balr/core/error.hpp"

namespace balr {
namespace {

// Opcodes by the names of Python's pickletools.
enum Opcode : unsigned char {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kBinFloat = 'G',
  kBinUnicode = 'X',
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kEmptyTuple = ')',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kEmptyList = ']',
  kAppend = 'a',
  kAppends = 'e',
  kEmptyDict = '}',
  kSetItem = 's',
  kSetItems = 'u',
  kGlobal = 'c',
  kStackGlobal = 0x93,
  kReduce = 'R',
  kBuild = 'b',
  kBinPersId = 'Q',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kMemoize = 0x94,
  kBinGet = 'h',
  kLongBinGet = 'j',
  kProto = 0x80,
  kFrame = 0x95,
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kBinBytes8 = 0x8e,
  kByteArray8 = 0x96,
};

std::string hex(unsigned char byte) {
  char text[8];
  std::snprintf(text, sizeof text, "0x%02x", byte);
  return text;
}

}  // namespace

// Names come from the file: what cannot be printed is not.
std::string printable_name(std::string_view text) {
  std::string out(text.substr(0, 80));
  for (char& c : out)
    if (c < 0x20 || c > 0x7e) c = '?';
  return out;
}

void throw_broken_pickle(const std::string& what) {
  throw DataError("its pickle is broken: " + what);
}

PickleRef PickleMachine::load() {
  for (std::size_t count = 0;; ++count) {
    if (count >= rules_.max_opcodes)
      throw DataError("its pickle is too long for what such a file may hold");
    const auto opcode = static_cast<unsigned char>(take(1)[0]);
    if (opcode == kStop) break;
    if (!execute(opcode))
      throw DataError(std::string("it holds something other than ") + rules_.contents +
                      " (pickle opcode " + hex(opcode) + ")");
  }
  PickleRef value = pop();
  if (!stack_.empty() || !marks_.empty()) throw_broken_pickle("it ends too early");
  return value;
}

bool PickleMachine::execute(unsigned char opcode) {
  switch (opcode) {
    case kProto:
      if (const auto version = take_unsigned(1); version < 2 || version > 5)
        throw DataError("its pickle has protocol " + std::to_string(version) +
                        ", and 2 to 5 are read");
      return true;
    case kFrame:
      take(8);
      return true;  // only announces how many bytes follow
    case kMark:
      marks_.push_back(stack_.size());
      return true;
    case kPop:
      pop();
      return true;
    case kPopMark:
      pop_mark();
      return true;
    case kDup:
      stack_.push_back(top());
      return true;
    case kGlobal: {
      const std::string_view module = take_line();
      push_global(module, take_line());
      return true;
    }
    case kStackGlobal: {
      const auto& name = expect_pickled<std::string>(pop(), "name");
      push_global(expect_pickled<std::string>(pop(), "module name"), name);
      return true;
    }
    case kReduce:
      call();
      return true;
    case kBuild: {
      const PickleRef state = pop();
      build(*top(), state);
      return true;
    }
    case kBinPersId:
      push(load_persistent(pop()));
      return true;
    default:
      return execute_scalar(opcode) || execute_container(opcode) || execute_memo(opcode) ||
             (rules_.bytes && execute_bytes(opcode));
  }
}

bool PickleMachine::execute_scalar(unsigned char opcode) {
  switch (opcode) {
    case kNone:
      push({std::monostate()});
      return true;
    case kNewTrue:
      push({true});
      return true;
    case kNewFalse:
      push({false});
      return true;
    case kBinInt:
      push({static_cast<std::int64_t>(static_cast<std::int32_t>(take_unsigned(4)))});
      return true;
    case kBinInt1:
      push({static_cast<std::int64_t>(take_unsigned(1))});
      return true;
    case kBinInt2:
      push({static_cast<std::int64_t>(take_unsigned(2))});
      return true;
    case kLong1:
      push({take_long(take_unsigned(1))});
      return true;
    case kLong4:
      push({take_long(take_unsigned(4))});
      return true;
    case kBinFloat: {
      std::uint64_t bits = 0;  // the one big-endian number of the format
      for (const char byte : take(8)) bits = bits << 8 | static_cast<unsigned char>(byte);
      push({std::bit_cast<double>(bits)});
      return true;
    }
    case kBinUnicode:
      push({std::string(take(take_unsigned(4)))});
      return true;
    case kShortBinUnicode:
      push({std::string(take(take_unsigned(1)))});
      return true;
    case kBinUnicode8:
      push({std::string(take(take_unsigned(8)))});
      return true;
    default:
      return false;
  }
}

bool PickleMachine::execute_bytes(unsigned char opcode) {
  switch (opcode) {
    case kBinBytes:
      push({PickleBytes{take(take_unsigned(4))}});
      return true;
    case kShortBinBytes:
      push({PickleBytes{take(take_unsigned(1))}});
      return true;
    case kBinBytes8:
      push({PickleBytes{take(take_unsigned(8))}});
      return true;
    case kByteArray8:
      push({PickleBytes{take(take_unsigned(8))}});
      return true;
    default:
      return false;
  }
}

bool PickleMachine::execute_container(unsigned char opcode) {
  switch (opcode) {
    case kEmptyTuple:
      push({PickleTuple{}});
      return true;
    case kTuple: {
      PickleTuple tuple{pop_mark()};
      push({std::move(tuple)});
      return true;
    }
    case kTuple1:
      push_tuple(1);
      return true;
    case kTuple2:
      push_tuple(2);
      return true;
    case kTuple3:
      push_tuple(3);
      return true;
    case kEmptyList:
      push({PickleList{}});
      return true;
    case kAppend:
      append({pop()});
      return true;
    case kAppends:
      append(pop_mark());
      return true;
    case kEmptyDict:
      push({PickleDict{}});
      return true;
    case kSetItem: {
      PickleRef value = pop();
      PickleRef key = pop();
      set_items({key, value});
      return true;
    }
    case kSetItems:
      set_items(pop_mark());
      return true;
    default:
      return false;
  }
}

bool PickleMachine::execute_memo(unsigned char opcode) {
  const auto get = [this](std::uint64_t at) {
    const auto found = memo_.find(at);
    if (found == memo_.end()) throw_broken_pickle("it refers to a value that is not there");
    stack_.push_back(found->second);
  };
  switch (opcode) {
    case kBinPut:
      memo_[take_unsigned(1)] = top();
      return true;
    case kLongBinPut:
      memo_[take_unsigned(4)] = top();
      return true;
    case kMemoize:
      memo_[memo_.size()] = top();
      return true;
    case kBinGet:
      get(take_unsigned(1));
      return true;
    case kLongBinGet:
      get(take_unsigned(4));
      return true;
    default:
      return false;
  }
}

void PickleMachine::push(PickleValue value) {
  arena_.push_back(std::move(value));
  stack_.push_back(&arena_.back());
}

std::string_view PickleMachine::take(std::uint64_t bytes) {
  if (bytes > rest_.size()) throw_broken_pickle("it ends too early");
  const std::string_view taken = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return taken;
}

std::string_view PickleMachine::take_line() {
  const std::size_t end = rest_.find('\n');
  if (end == std::string_view::npos) throw_broken_pickle("it ends too early");
  return take(end + 1).substr(0, end);
}

std::uint64_t PickleMachine::take_unsigned(int bytes) {
  std::uint64_t value = 0;
  const std::string_view taken = take(static_cast<std::uint64_t>(bytes));
  for (std::size_t i = taken.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(taken[i]);
  return value;
}

std::int64_t PickleMachine::take_long(std::uint64_t bytes) {
  if (bytes > 8) throw DataError("it holds an integer of more than 64 bits");
  if (bytes == 0) return 0;
  const int shift = 64 - 8 * static_cast<int>(bytes);
  return static_cast<std::int64_t>(take_unsigned(static_cast<int>(bytes)) << shift) >> shift;
}

PickleRef PickleMachine::top() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()))
    throw_broken_pickle("a value is missing");
  return stack_.back();
}

PickleRef PickleMachine::pop() {
  PickleRef value = top();
  stack_.pop_back();
  return value;
}

std::vector<PickleRef> PickleMachine::pop_mark() {
  if (marks_.empty()) throw_broken_pickle("a mark is missing");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<PickleRef> items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return items;
}

void PickleMachine::push_tuple(int count) {
  PickleTuple tuple{std::vector<PickleRef>(static_cast<std::size_t>(count))};
  for (std::size_t i = tuple.items.size(); i-- > 0;) tuple.items[i] = pop();
  push({std::move(tuple)});
}

void PickleMachine::append(const std::vector<PickleRef>& items) {
  auto& list = expect_pickled<PickleList>(top(), "list");
  list.items.insert(list.items.end(), items.begin(), items.end());
}

void PickleMachine::set_items(const std::vector<PickleRef>& items) {
  if (items.size() % 2 != 0) throw_broken_pickle("a dict's key has no value");
  auto& dict = expect_pickled<PickleDict>(top(), "dict");
  for (std::size_t i = 0; i < items.size(); i += 2) dict.items.emplace_back(items[i], items[i + 1]);
}

void PickleMachine::push_global(std::string_view module, std::string_view name) {
  std::string full = std::string(module) + "." + std::string(name);
  if (!knows_global(full))
    throw DataError("it asks for the Python object " + printable_name(full) +
                    ", and such a file may hold " + rules_.contents + " only");
  push({PickleGlobal{std::move(full)}});
}

void PickleMachine::call() {
  const auto& arguments = expect_pickled<PickleTuple>(pop(), "tuple of arguments").items;
  const auto& function = expect_pickled<PickleGlobal>(pop(), "function").name;
  push(reduce(function, arguments));
}

PickleValue PickleMachine::load_persistent(PickleRef) {
  throw DataError(std::string("it refers to something outside of it, and such a file may hold ") +
                  rules_.contents + " only");
}

}  // namespace balr
