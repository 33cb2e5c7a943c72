#pragma once
#include <vector>

namespace balr {

// The instruction sets that kernels can run on. All give the same bytes.
enum class Path { kPlain, kAvx2, kAvx512 };
const char* path_name(Path path);

// Those that this processor has, slowest first; kPlain is always there.
std::vector<Path> supported_paths();

// The one in use: the fastest supported, unless the environment variable BALR_KERNELS (plain, avx2
// or avx512; read once) names another. Throws std::invalid_argument if that one is unknown or
// unsupported.
Path active_path();

}  // namespace balr
