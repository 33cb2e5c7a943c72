#pragma once
#include <string>
#include <string_view>

#include "balr/weights/state_dict.hpp"

// The format of Hugging Face's `safetensors`: the length of a header (8 bytes, little-endian), the header (JSON: for each
// tensor dtype, shape and data_offsets), the tensors' bytes.
namespace balr {

// The tensors in the order of their bytes; they are copied, so their alignment in the file does not matter. Types F64,
// F32, F16, BF16, I64, I32, I16, I8, U8 and BOOL. Throws DataError (without the file's name) for anything that the
// format does not allow: a header that is too large or no strict JSON, a name twice, bytes that overlap, are left out or
// lie outside, a size that does not fit the shape.
StateDict parse_safetensors(std::string_view bytes);

// The bytes that the Python library would write.
std::string format_safetensors(const StateDict& tensors);

// Whether a file that starts so may be one.
bool looks_like_safetensors(std::string_view bytes);

}  // namespace balr
