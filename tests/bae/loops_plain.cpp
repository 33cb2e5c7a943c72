// The loops of the canonical operations once more, without clones for instruction sets, and what
// they give.
#define BALR_NO_CLONES
#define element_wise element_wise_plain
#define pair_loops pair_loops_plain
#define loops_cases loops_cases_plain
#include "bae/element_wise.cpp"
#include "bae/loops_cases.hpp"
#include "bae/pair_loops.cpp"

namespace balr {
std::map<std::string, std::vector<double>> run_plain_loops(std::int64_t n, float scale) {
  return loops_cases::run(n, scale);
}
}  // namespace balr
