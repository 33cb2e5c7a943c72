#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "balr/data/vector_file.hpp"

namespace balr {

// The element types of vector files: f2 f4 f8 i8 u1 b1.
struct NumpyType {
  char kind = 'f';
  std::size_t size = 4;  // bytes
  bool big_endian = false;
};

// "f4" and so on, without byte order. Throws DataError for other types (objects, texts, complex).
NumpyType numpy_type(std::string_view name);

// Puts raw elements into C order as float32. Throws DataError unless `raw` is exactly as long as
// shape and type say; nothing is allocated before that is known.
VectorArray decode_array(std::string_view raw, NumpyType type, std::vector<std::int64_t> shape,
                         bool fortran);

}  // namespace balr
