// Included once for each instruction set (see simd_kernels.cpp), hence no #pragma once.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
HWY_BEFORE_NAMESPACE();
namespace balr::detail {
namespace HWY_NAMESPACE {

// One vector of a step; the plain version in vector_math.cpp is the same, number by number.
HWY_INLINE void adam_vector(float* param, const float* grad, float* m, float* v,
                            const AdamScalars& s) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  const auto g = hn::LoadU(d, grad), old_m = hn::LoadU(d, m);
  const auto new_m = hn::MulAdd(hn::Set(d, s.lerp_weight), hn::Sub(g, old_m), old_m);
  const auto decayed = hn::Mul(hn::LoadU(d, v), hn::Set(d, s.beta2));
  const auto new_v = hn::MulAdd(hn::Mul(hn::Set(d, s.square_weight), g), g, decayed);
  const auto root = hn::Div(hn::Sqrt(new_v), hn::Set(d, s.root_correction));
  const auto change =
      hn::Div(hn::Mul(hn::Set(d, s.step_size), new_m), hn::Add(root, hn::Set(d, s.eps)));
  hn::StoreU(new_m, d, m);
  hn::StoreU(new_v, d, v);
  hn::StoreU(hn::Add(hn::LoadU(d, param), change), d, param);
}

void serial_adam(float* param, const float* grad, float* m, float* v, std::int64_t n,
                 const AdamScalars& scalars) {
  constexpr std::int64_t kLanes = HWY_TARGET == HWY_AVX3 ? 16 : 8;
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) adam_vector(param + i, grad + i, m + i, v + i, scalars);
  if (i == n) return;
  // The rest in a vector of its own, filled up with numbers that do no harm.
  float rest[4][kLanes] = {};
  float* const whole[4] = {param + i, const_cast<float*>(grad) + i, m + i, v + i};
  const std::size_t bytes = static_cast<std::size_t>(n - i) * sizeof(float);
  for (int part = 0; part < 4; ++part) std::memcpy(rest[part], whole[part], bytes);
  adam_vector(rest[0], rest[1], rest[2], rest[3], scalars);
  for (const int part : {0, 2, 3}) std::memcpy(whole[part], rest[part], bytes);
}

}  // namespace HWY_NAMESPACE
}  // namespace balr::detail
HWY_AFTER_NAMESPACE();
#endif
