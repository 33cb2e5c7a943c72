#pragma once
#include <cstdint>
#include <vector>

#include "balr/kernels/convolution.hpp"
#include "kernels/workspace.hpp"

namespace balr::detail {

struct SimdKernels;

// Weights as the kernels of one path read them.
struct PackedConvolution {
  ConvolutionShape shape;
  ConvolutionMethod method = ConvolutionMethod::kDirect;
  const SimdKernels* simd = nullptr;  // of the path; null: plain
  std::int64_t panel = 0;             // output channels side by side
  std::int64_t panels = 0;            // out_channels / panel, rounded up
  std::int64_t points = 1;            // products of a tile; 1 if direct
  std::int64_t depth = 0;             // length of a chain
  Workspace memory;
  float* weights = nullptr;  // [panels][points][depth][panel], 0 beyond out_channels
  float* bias = nullptr;     // [panels][panel]
  float* zeros = nullptr;    // a pixel of the input outside the picture

  const float* weights_of(std::int64_t panel_index, std::int64_t point) const {
    return weights + (panel_index * points + point) * depth * panel;
  }
};

// Rows [first, last) of one picture.
struct ConvolutionCall {
  const PackedConvolution& packed;
  ConstImage in;
  Image out;
  ConvolutionEnd end;
  std::int64_t first, last;
};

}  // namespace balr::detail
