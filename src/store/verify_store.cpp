#include "balr/store/verify_store.hpp"

#include <algorithm>
#include <cmath>

#include "store/store_file.hpp"
#include "store/store_format.hpp"

namespace balr {
namespace {

// Counts rows that break the rule: an embedding is finite where the status is ok, else all NaN.
void check_values(const StoreRows& rows, std::vector<std::string>& problems) {
  std::int64_t not_finite = 0, not_nan = 0;
  const auto width = static_cast<std::size_t>(rows.dimension);
  for (std::size_t row = 0; row < rows.status.size(); ++row) {
    const float* begin = rows.embeddings.data() + row * width;
    if (rows.status[row] == 0) {
      not_finite += !std::all_of(begin, begin + width, [](float v) { return std::isfinite(v); });
    } else {
      not_nan += !std::all_of(begin, begin + width, [](float v) { return std::isnan(v); });
    }
  }
  if (not_finite > 0)
    problems.push_back(std::to_string(not_finite) +
                       " rows are ok but have values that are not finite");
  if (not_nan > 0)
    problems.push_back(std::to_string(not_nan) + " rows failed but have values other than NaN");
}

}  // namespace

StoreReport verify_store(const std::filesystem::path& file) {
  const StoreFile store(file);
  StoreReport out;
  out.info = store.info();
  for (const std::string& name : store.damaged(out.info))
    out.problems.push_back("the checksum of its " + name + " is wrong");
  const StoreRows rows = store.rows(out.info);
  out.rows = rows.rows();
  out.dimension = rows.dimension;
  for (std::size_t row = 0; row < rows.status.size(); ++row) {
    ++out.by_status[rows.status[row]];
    if (rows.status[row] == 0) out.seconds += static_cast<double>(rows.seconds[row]);
  }
  check_values(rows, out.problems);
  const bool part = !rows.reasons.empty();
  if (!part && (out.info.first_row != 0 || out.rows != out.info.total_rows))
    out.problems.push_back("it has " + std::to_string(out.rows) + " rows, and the input had " +
                           std::to_string(out.info.total_rows));
  return out;
}

const char* status_name(std::size_t status) { return kStatusNames.at(status); }

}  // namespace balr
