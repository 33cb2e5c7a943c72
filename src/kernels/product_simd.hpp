#pragma once
#include <cstdint>

#include "balr/kernels/product.hpp"

namespace balr::detail {

// A whole product on the calling thread. a.cols == b.rows and no dimension is empty.
using SerialProduct = void (*)(const ConstMatrix& a, const ConstMatrix& b, float* c,
                               std::int64_t ldc, const float* bias);

// Null where this program or this processor does not have that instruction set (and for kPlain).
SerialProduct simd_product(Path path);

}  // namespace balr::detail
