#pragma once
#include "kernels/packed_convolution.hpp"

namespace balr::detail {

// The convolutions number by number: what the other paths are compared with, and all that
// processors other than x86 have. Slow.
void plain_direct(const ConvolutionCall& call);
void plain_winograd(const ConvolutionCall& call);

}  // namespace balr::detail
