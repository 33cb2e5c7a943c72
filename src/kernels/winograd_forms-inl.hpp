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

// What the forms with three pairs of points +-a, +-b, +-c share; all constants are of their
// squares.
template <class Form>
struct ThreePairs {
  static constexpr float a2() { return Form::kA * Form::kA; }
  static constexpr float b2() { return Form::kB * Form::kB; }
  static constexpr float c2() { return Form::kC * Form::kC; }

  // (x^2 - p)(x^2 - q), from d[0] on.
  static BALR_INLINE Value quartic(float p, float q, const Value* d) {
    return mul_add(p * q, d[0], mul_add(-(p + q), d[2], d[4]));
  }
  // (x^2 - a^2)(x^2 - b^2)(x^2 - c^2), from d[0] on.
  static BALR_INLINE Value sextic(const Value* d) {
    const float first = a2() + b2() + c2(), second = a2() * b2() + a2() * c2() + b2() * c2();
    return mul_add(-(a2() * b2() * c2()), d[0], mul_add(second, d[2], mul_add(-first, d[4], d[6])));
  }
  // The points' inputs, given their polynomials' values at even and odd places.
  static BALR_INLINE void pair(float p, Value plain, Value times_p, Value* v) {
    v[0] = mul_add(p, times_p, plain);
    v[1] = mul_add(-p, times_p, plain);
  }
  static BALR_INLINE Value weighted(float p, Value x, float q, Value y, float r, Value z) {
    return mul_add(r, z, mul_add(q, y, mul(p, x)));
  }
};

// F(5, 3) with the points 3/8, -3/8, 7/8, -7/8, 2, -2 and infinity.
struct Form5 : ThreePairs<Form5> {
  static constexpr int kOut = 5, kIn = 7;
  static constexpr float kA = 0.375f, kB = 0.875f, kC = 2;

  static BALR_INLINE void input(const Value* d, Value* v) {
    pair(kA, quartic(b2(), c2(), d + 1), quartic(b2(), c2(), d), v);
    pair(kB, quartic(a2(), c2(), d + 1), quartic(a2(), c2(), d), v + 2);
    pair(kC, quartic(a2(), b2(), d + 1), quartic(a2(), b2(), d), v + 4);
    v[6] = sextic(d);
  }

  static BALR_INLINE void output(const Value* m, Value* y) {
    const Value sum_a = add(m[0], m[1]), difference_a = sub(m[0], m[1]);
    const Value sum_b = add(m[2], m[3]), difference_b = sub(m[2], m[3]);
    const Value sum_c = add(m[4], m[5]), difference_c = sub(m[4], m[5]);
    y[0] = add(add(sum_a, sum_b), sum_c);
    y[1] = weighted(kA, difference_a, kB, difference_b, kC, difference_c);
    y[2] = weighted(a2(), sum_a, b2(), sum_b, c2(), sum_c);
    y[3] = weighted(a2() * kA, difference_a, b2() * kB, difference_b, c2() * kC, difference_c);
    y[4] = add(weighted(a2() * a2(), sum_a, b2() * b2(), sum_b, c2() * c2(), sum_c), m[6]);
  }
};
