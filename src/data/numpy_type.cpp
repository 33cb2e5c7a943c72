#include "data/numpy_type.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include "balr/core/error.hpp"

namespace balr {
namespace {

constexpr std::size_t kMaxDimensions = 8;

template <class T>
T load(const char* at, bool swap) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, at, sizeof(T));
  if (swap) std::reverse(bytes, bytes + sizeof(T));
  return std::bit_cast<T>(bytes);
}

// IEEE 754 half precision: every value is a float32.
float from_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float value = 0;
  if (exponent == 31)
    value = fraction == 0 ? INFINITY : NAN;
  else if (exponent == 0)
    value = std::ldexp(static_cast<float>(fraction), -24);
  else
    value = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  return bits >> 15 ? -value : value;
}

float element(const char* at, NumpyType type) {
  const bool swap = type.big_endian != (std::endian::native == std::endian::big);
  switch (type.kind) {
    case 'i':
      return static_cast<float>(load<std::int64_t>(at, swap));
    case 'u':
      return static_cast<float>(static_cast<unsigned char>(*at));
    case 'b':
      return *at != 0 ? 1.0f : 0.0f;
    default:
      break;
  }
  if (type.size == 8) return static_cast<float>(load<double>(at, swap));
  if (type.size == 4) return load<float>(at, swap);
  return from_half(load<std::uint16_t>(at, swap));
}

// Throws unless shape times type is `bytes`; no product overflows.
void check_size(std::size_t bytes, NumpyType type, const std::vector<std::int64_t>& shape) {
  if (shape.size() > kMaxDimensions) throw DataError("its array has too many dimensions");
  std::size_t elements = 1;
  bool empty = false;
  for (const std::int64_t n : shape) {
    if (n < 0) throw DataError("its array has a negative size");
    empty = empty || n == 0;
  }
  for (const std::int64_t n : shape) {
    if (empty || elements > bytes) break;
    if (static_cast<std::uint64_t>(n) > bytes)
      elements = bytes + 1;
    else
      elements *= static_cast<std::size_t>(n);
  }
  if (empty) elements = 0;
  if (elements > bytes || elements * type.size != bytes)
    throw DataError("its array's data are not as long as its shape says");
}

}  // namespace

NumpyType numpy_type(std::string_view name) {
  for (const std::string_view known : {"f4", "f8", "f2", "i8", "u1", "b1"})
    if (name == known) return {known[0], static_cast<std::size_t>(known[1] - '0'), false};
  std::string shown(name.substr(0, 20));
  for (char& c : shown)
    if (c < 0x20 || c > 0x7e) c = '?';
  throw DataError("its array has elements of type '" + shown +
                  "', and f4, f8, f2, i8, u1 and b1 are read: save it as float32");
}

VectorArray decode_array(std::string_view raw, NumpyType type, std::vector<std::int64_t> shape,
                         bool fortran) {
  check_size(raw.size(), type, shape);
  VectorArray out;
  out.values.resize(raw.size() / type.size);
  // Place in the file of the element at C place i: the same, or counted with the first index
  // fastest.
  std::vector<std::size_t> index(shape.size(), 0);
  for (std::size_t i = 0; i < out.values.size(); ++i) {
    std::size_t at = i;
    if (fortran) {
      at = 0;
      for (std::size_t d = shape.size(); d-- > 0;)
        at = at * static_cast<std::size_t>(shape[d]) + index[d];
      for (std::size_t d = shape.size(); d-- > 0;) {
        if (++index[d] < static_cast<std::size_t>(shape[d])) break;
        index[d] = 0;
      }
    }
    out.values[i] = element(raw.data() + at * type.size, type);
  }
  out.shape = std::move(shape);
  return out;
}

}  // namespace balr
