#include "train/epoch_report.hpp"

#include <cmath>

namespace balr {

CodeUse code_use(const std::vector<std::int64_t>& ones, std::int64_t rows) {
  CodeUse use;
  const auto part = [](double share) { return share > 0 ? -share * std::log2(share) : 0.0; };
  for (const std::int64_t on : ones) {
    const double share = static_cast<double>(on) / static_cast<double>(rows);
    use.always_on += on == rows ? 1 : 0;
    use.never_on += on == 0 ? 1 : 0;
    use.entropy += part(share) + part(1 - share);
  }
  const auto attributes = static_cast<double>(ones.size());
  return {use.always_on / attributes, use.never_on / attributes, use.entropy / attributes};
}

}  // namespace balr
