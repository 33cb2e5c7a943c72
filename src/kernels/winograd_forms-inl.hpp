// Winograd's transformations along one axis, written once for vectors and for plain floats:
// included into the namespace of each path, which defines Value, add(x, y), sub(x, y),
// mul(constant, x) and mul_add(constant, x, y) = constant * x + y, fused. Hence no #pragma once and
// no namespace. They follow Toom and Cook: with M(x) the product of (x - p) over the finite points
// p, the input's row for p is M(x) / (x - p) and for infinity M(x); the output's row i is p^i; the
// weights' are in winograd_weights.cpp. Points that are no powers of two but near 1 halve the error
// of 1, -1, 2, -2 (Barabasz et al., "Error analysis and improving the accuracy of Winograd
// convolution for deep neural networks", 2020); all constants are exact in float32.

// F(4, 3) with the points 0, 3/4, -3/4, 3/2, -3/2 and infinity.
struct Form4 {
  static constexpr int kOut = 4, kIn = 6;
  static constexpr float kA = 0.75f, kA2 = kA * kA, kA3 = kA2 * kA;
  static constexpr float kB = 1.5f, kB2 = kB * kB, kB3 = kB2 * kB;

  static BALR_INLINE void input(const Value* d, Value* v) {
    const Value even_a = mul_add(-kB2, d[2], d[4]), odd_a = mul_add(-kB2, d[1], d[3]);
    const Value even_b = mul_add(-kA2, d[2], d[4]), odd_b = mul_add(-kA2, d[1], d[3]);
    v[0] = mul_add(kA2 * kB2, d[0], mul_add(-(kA2 + kB2), d[2], d[4]));
    v[1] = mul_add(kA, odd_a, even_a);
    v[2] = mul_add(-kA, odd_a, even_a);
    v[3] = mul_add(kB, odd_b, even_b);
    v[4] = mul_add(-kB, odd_b, even_b);
    v[5] = mul_add(kA2 * kB2, d[1], mul_add(-(kA2 + kB2), d[3], d[5]));
  }

  static BALR_INLINE void output(const Value* m, Value* y) {
    const Value sum_a = add(m[1], m[2]), difference_a = sub(m[1], m[2]);
    const Value sum_b = add(m[3], m[4]), difference_b = sub(m[3], m[4]);
    y[0] = add(add(m[0], sum_a), sum_b);
    y[1] = mul_add(kB, difference_b, mul(kA, difference_a));
    y[2] = mul_add(kB2, sum_b, mul(kA2, sum_a));
    y[3] = mul_add(kB3, difference_b, mul_add(kA3, difference_a, m[5]));
  }
};
