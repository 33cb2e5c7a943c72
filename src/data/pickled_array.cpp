#include "data/pickled_array.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "balr/core/error.hpp"
#include "balr/core/pickle_machine.hpp"
#include "data/numpy_type.hpp"

namespace balr {
namespace {

constexpr std::size_t kMaxOpcodes = 1000;  // an array takes about 60

// The globals of numpy 1; numpy 2 says numpy._core for numpy.core.
constexpr const char* kReconstruct = "numpy.core.multiarray._reconstruct";
constexpr const char* kFromBuffer = "numpy.core.numeric._frombuffer";
constexpr const char* kArray = "numpy.ndarray";
constexpr const char* kType = "numpy.dtype";
constexpr const char* kEncode = "_codecs.encode";  // protocol 2's way to write bytes
constexpr const char* kNoBytes2 =
    "__builtin__.bytes";  // called without arguments: b"" in protocol 2
constexpr std::array kKnown{kReconstruct, kFromBuffer, kArray, kType, kEncode, kNoBytes2};

std::string in_numpy_1(std::string_view name) {
  constexpr std::string_view kNew = "numpy._core.";
  if (name.starts_with(kNew)) return "numpy.core." + std::string(name.substr(kNew.size()));
  return std::string(name);
}

// An array while it is put together; its data still lie in the pickle.
struct PickledArray {
  bool complete = false;
  std::vector<std::int64_t> shape;
  NumpyType type;
  bool fortran = false;
  PickleBytes data;
};

class ArrayUnpickler final : public PickleMachine {
 public:
  explicit ArrayUnpickler(std::string_view pickle)
      : PickleMachine(pickle, {"one numpy array of numbers", true, kMaxOpcodes}) {}

 private:
  bool knows_global(std::string_view name) const override {
    const std::string known = in_numpy_1(name);
    return std::find(kKnown.begin(), kKnown.end(), known) != kKnown.end();
  }
  PickleValue reduce(const std::string& function, const std::vector<PickleRef>& arguments) override;
  void build(PickleValue& object, PickleRef state) override;
};

void need(std::size_t count, const std::vector<PickleRef>& items, const char* what) {
  if (items.size() != count)
    throw_broken_pickle(std::string(what) + " has " + std::to_string(items.size()) + " parts");
}

std::vector<std::int64_t> shape_of(PickleRef value) {
  std::vector<std::int64_t> shape;
  for (PickleRef item : expect_pickled<PickleTuple>(value, "shape").items)
    shape.push_back(expect_pickled<std::int64_t>(item, "size"));
  return shape;
}

NumpyType type_of(PickleRef value) {
  if (const auto* type = pickled_object<NumpyType>(*value)) return *type;
  throw_broken_pickle("an array has no element type");
}

const PickleBytes& bytes_of(PickleRef value) {
  if (const auto* bytes = std::get_if<PickleBytes>(&value->data)) return *bytes;
  throw DataError("its array does not hold numbers");  // a list of objects
}

PickleValue encode(const std::vector<PickleRef>& arguments) {
  need(2, arguments, "a text that stands for bytes");
  if (expect_pickled<std::string>(arguments[1], "encoding") != "latin1")
    throw_broken_pickle("bytes have an unknown encoding");
  return {PickleBytes{expect_pickled<std::string>(arguments[0], "text"), true}};
}

PickleValue from_buffer(const std::vector<PickleRef>& arguments) {
  need(4, arguments, "an array");
  const auto& order = expect_pickled<std::string>(arguments[3], "order");
  if (order != "C" && order != "F") throw_broken_pickle("an array has an unknown order");
  return {PickleObject{PickledArray{true, shape_of(arguments[2]), type_of(arguments[1]),
                                    order == "F", bytes_of(arguments[0])}}};
}

PickleValue ArrayUnpickler::reduce(const std::string& called,
                                   const std::vector<PickleRef>& arguments) {
  const std::string function = in_numpy_1(called);
  if (function == kEncode) return encode(arguments);
  if (function == kFromBuffer) return from_buffer(arguments);
  if (function == kType) {
    need(3, arguments, "an element type");
    return {PickleObject{numpy_type(expect_pickled<std::string>(arguments[0], "type's name"))}};
  }
  if (function == kReconstruct) {  // (numpy.ndarray, (0,), b"b"), which BUILD fills
    need(3, arguments, "an array");
    if (expect_pickled<PickleGlobal>(arguments[0], "class").name != kArray)
      throw_broken_pickle("an array is of a class of its own");
    return {PickleObject{PickledArray{}}};
  }
  if (function == kNoBytes2 && arguments.empty()) return {PickleBytes{}};
  throw DataError("it calls " + printable_name(called) +
                  ", which is not a function of array files");
}

// (3, byte order, None, None, None, -1, -1, flags)
void set_type(NumpyType& type, const std::vector<PickleRef>& state) {
  need(8, state, "an element type");
  const auto& order = expect_pickled<std::string>(state[1], "byte order");
  if (order != "<" && order != ">" && order != "|" && order != "=")
    throw_broken_pickle("an element type has an unknown byte order");
  for (std::size_t i = 2; i < 5; ++i)
    if (!std::holds_alternative<std::monostate>(state[i]->data))
      throw DataError("its array has elements of several parts: save it as float32");
  type.big_endian = order == ">";
}

// (1, shape, type, Fortran order?, data)
void set_array(PickledArray& array, const std::vector<PickleRef>& state) {
  need(5, state, "an array");
  array = {true, shape_of(state[1]), type_of(state[2]), expect_pickled<bool>(state[3], "order"),
           bytes_of(state[4])};
}

void ArrayUnpickler::build(PickleValue& object, PickleRef state) {
  const auto& parts = expect_pickled<PickleTuple>(state, "state").items;
  if (auto* type = pickled_object<NumpyType>(object)) return set_type(*type, parts);
  if (auto* array = pickled_object<PickledArray>(object)) return set_array(*array, parts);
  throw_broken_pickle("something other than an array is given a state");
}

// The bytes that a text of code points 0 to 255 stands for.
std::string from_latin1(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x80) {
      out += text[i];
      continue;
    }
    const unsigned next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    if ((first != 0xC2 && first != 0xC3) || next >> 6 != 2)
      throw_broken_pickle("a text stands for bytes and is none");
    out += static_cast<char>((first & 3) << 6 | (next & 63));
    ++i;
  }
  return out;
}

void put_number(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

// An integer as Python's pickler writes it.
void put_int(std::string& out, std::int64_t value) {
  if (value < 256) {
    out += 'K';
    put_number(out, static_cast<std::uint64_t>(value), 1);
  } else if (value < 65536) {
    out += 'M';
    put_number(out, static_cast<std::uint64_t>(value), 2);
  } else {
    out += 'J';
    put_number(out, static_cast<std::uint64_t>(value), 4);
  }
}

void put_text(std::string& out, std::string_view text) {
  out += '\x8c';
  put_number(out, text.size(), 1);
  out += text;
  out += '\x94';  // each value is noted in the memo, as Python's pickler does
}

void put_tuple_end(std::string& out, std::size_t size) {
  if (size == 0) {
    out += ')';
    return;
  }
  out += static_cast<char>(0x84 + size);
  out += '\x94';
}

}  // namespace

VectorArray parse_pickled_array(std::string_view pickle) {
  ArrayUnpickler unpickler(pickle);
  auto* array = pickled_object<PickledArray>(*unpickler.load());
  if (!array || !array->complete) throw DataError("it does not hold a numpy array");
  std::string decoded;
  if (array->data.as_utf8) decoded = from_latin1(array->data.data);
  return decode_array(array->data.as_utf8 ? decoded : array->data.data, array->type, array->shape,
                      array->fortran);
}

std::string pickle_array(std::span<const float> values, const std::vector<std::int64_t>& shape) {
  using namespace std::string_view_literals;
  BALR_CHECK(shape.size() <= 2 && values.size_bytes() <= UINT32_MAX);
  std::string body;
  put_text(body, "numpy.core.multiarray");
  put_text(body, "_reconstruct");
  body += "\x93\x94"sv;
  put_text(body, "numpy");
  put_text(body, "ndarray");
  body += "\x93\x94K\0\x85\x94"sv;    // STACK_GLOBAL, (0,)
  body += "C\1b\x94\x87\x94R\x94"sv;  // b"b", the call
  body += "(K\1"sv;
  for (const std::int64_t n : shape) put_int(body, n);
  put_tuple_end(body, shape.size());
  body += "h\3"sv;  // numpy
  put_text(body, "dtype");
  body += "\x93\x94"sv;
  put_text(body, "f4");
  body += "\x89\x88\x87\x94R\x94(K\3"sv;
  put_text(body, "<");
  body +=
      "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0t\x94"
      "b\x89"sv;
  const std::string_view raw(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  if (raw.size() < 256) {
    body += 'C';
    put_number(body, raw.size(), 1);
  } else {
    body += 'B';
    put_number(body, raw.size(), 4);
  }
  body += raw;
  body +=
      "\x94t\x94"
      "b."sv;
  std::string out = "\x80\x04\x95";
  put_number(out, body.size(), 8);
  return out + body;
}

}  // namespace balr
