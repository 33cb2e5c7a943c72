#pragma once
#include <cstdint>

// Loops over the numbers of one row. Only IEEE operations, each rounded on its own (no
// contraction), so that every processor gives the same bytes whatever its vector length. (ATen's
// tanh is MKL's where MKL is linked, and that one differs between AVX2 and AVX-512 on Intel
// processors.)
namespace balr::element_wise {

void relu(float* x, std::int64_t n);
void tanh(float* x, std::int64_t n);  // error below 0.51 units in the last place
void codes(const float* z, float* out, std::int64_t n);
void tanh_backward(float* grad, const float* y, std::int64_t n);
// grad_z may be null
void straight_through(const float* grad_codes, const float* grad_z, const float* z, float* out,
                      std::int64_t n);
void difference(const float* a, const float* b, float factor, float* out, std::int64_t n);

// One row of batch-norm; pointers to vectors of n features.
void normalize(const float* x, const float* mean, const float* inverse_deviation,
               const float* gamma, const float* beta, float* out, std::int64_t n);
// out = (grad - offset - (x - mean) * slope) * scale where x > 0, else 0 (a NaN stays)
struct NormalizeBackward {
  const float *mean, *offset, *slope, *scale;
};
void normalize_backward(const float* grad, const float* x, const NormalizeBackward& v, float* out,
                        std::int64_t n);

// Rows added to sums in float64.
void add(const float* x, double* sums, std::int64_t n);
void add_moments(const float* x, double* sums, double* squares, std::int64_t n);
void add_normalize_sums(const float* grad, const float* x, const float* mean, double* sums,
                        double* dots, std::int64_t n);
constexpr int kLanes = 16;  // number j of a row is added to lane j % kLanes
void add_square_difference(const float* a, const float* b, double* lanes, std::int64_t n);

// Products of numbers j of both, added in float64 as add_square_difference's are.
double dot(const float* a, const float* b, std::int64_t n);
void scale(float* x, float factor, std::int64_t n);
void add_to(const float* x, float* to, std::int64_t n);
// grad = (grad - x * along) * factor
void project(float* grad, const float* x, float along, float factor, std::int64_t n);

constexpr float kLargestInverseNorm = 1e12f;  // of a row of zeros, as PyTorch's normalize

// One row of ArcFace. x: products of a code and n class vectors; with the inverse lengths they are
// cosines; logits are scale * cosine, the own class's (cosine c) scale * cos(acos(c) + margin) or,
// beyond the half circle, scale * (c - margin * sin(margin)).
// Returns the cross entropy; with `backward` x becomes factor * its gradient by the cosines times
// `of_class`.
struct ArcFace {
  double scale, cos_margin, sin_margin, beyond;
};
double arcface_row(const ArcFace& layer, float* x, float inverse, const float* of_class,
                   std::int64_t own, bool backward, double factor, std::int64_t n);

// Sum of e^2, e = clamp(sums - targets, 0, 1); slope = factor * e where that is not cut off at 1.
double excess(const double* sums, const double* targets, double factor, float* slope,
              std::int64_t n);

// Whether all are within [-limit, limit]: false if one is NaN.
bool within(const float* x, float limit, std::int64_t n);

// Bit j % 32 of word j / 32 = (codes[j] != 0); the words lie in floats' places, for a gather.
void pack_bits(const float* codes, float* words, std::int64_t n);
void unpack_bits(const float* words, float* codes, std::int64_t n);

}  // namespace balr::element_wise
