#include "balr/kernels/path.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "kernels/simd_kernels.hpp"

namespace balr {
namespace {

constexpr Path kAllPaths[] = {Path::kPlain, Path::kAvx2, Path::kAvx512};

Path chosen_path() {
  const char* wanted = std::getenv("BALR_KERNELS");
  if (!wanted || !*wanted) return supported_paths().back();
  for (const Path path : kAllPaths)
    if (wanted == std::string(path_name(path))) {
      if (path != Path::kPlain) detail::require(detail::simd_kernels(path), path);
      return path;
    }
  throw std::invalid_argument(std::string("BALR_KERNELS is \"") + wanted +
                              "\"; set it to plain, avx2 or avx512, or unset it.");
}

}  // namespace

namespace detail {

const SimdKernels& require(const SimdKernels* kernels, Path path) {
  if (!kernels)
    throw std::invalid_argument(std::string("This processor cannot run the kernels \"") +
                                path_name(path) + "\"; unset BALR_KERNELS.");
  return *kernels;
}

}  // namespace detail

const char* path_name(Path path) {
  switch (path) {
    case Path::kPlain:
      return "plain";
    case Path::kAvx2:
      return "avx2";
    case Path::kAvx512:
      return "avx512";
  }
  return "?";
}

std::vector<Path> supported_paths() {
  std::vector<Path> paths;
  for (const Path path : kAllPaths)
    if (path == Path::kPlain || detail::simd_kernels(path)) paths.push_back(path);
  return paths;
}

Path active_path() {
  static const Path path = chosen_path();
  return path;
}

}  // namespace balr
