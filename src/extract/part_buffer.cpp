#include "extract/part_buffer.hpp"

#include <algorithm>
#include <limits>

#include "balr/core/error.hpp"

namespace balr {

PartBuffer::PartBuffer(std::int64_t part, Range range, const Manifest& manifest, std::int64_t dimension)
    : part_(part), range_(range), missing_(range.size()) {
  const auto count = static_cast<std::size_t>(range.size());
  rows_.dimension = dimension;
  rows_.embeddings.assign(count * static_cast<std::size_t>(dimension), std::numeric_limits<float>::quiet_NaN());
  rows_.status.assign(count, static_cast<std::uint8_t>(RowStatus::kPending));
  rows_.seconds.assign(count, 0.0f);
  rows_.source_rate.assign(count, 0);
  rows_.reasons.assign(count, "");
  rows_.file_size.assign(count, -1);
  rows_.file_time.assign(count, -1);
  for (std::int64_t row = range.begin; row < range.end; ++row) {
    rows_.ids.push_back(manifest.rows[static_cast<std::size_t>(row)].id);
    rows_.speakers.push_back(manifest.rows[static_cast<std::size_t>(row)].speaker);
  }
}

void PartBuffer::put(const RowResult& result) {
  BALR_CHECK(result.row >= range_.begin && result.row < range_.end && result.status != RowStatus::kPending);
  const auto at = static_cast<std::size_t>(result.row - range_.begin);
  BALR_CHECK(rows_.status[at] == static_cast<std::uint8_t>(RowStatus::kPending));
  rows_.status[at] = static_cast<std::uint8_t>(result.status);
  rows_.seconds[at] = static_cast<float>(result.seconds);
  rows_.source_rate[at] = result.source_rate;
  rows_.reasons[at] = result.reason;
  rows_.file_size[at] = result.file_size;
  rows_.file_time[at] = result.file_time;
  if (result.status == RowStatus::kOk) {
    BALR_CHECK(static_cast<std::int64_t>(result.embedding.size()) == rows_.dimension);
    std::copy(result.embedding.begin(), result.embedding.end(),
              rows_.embeddings.begin() + static_cast<std::ptrdiff_t>(at) * rows_.dimension);
  }
  --missing_;
}

RowResult row_of(const Store& store, std::int64_t row) {
  const auto at = static_cast<std::size_t>(row - store.info.first_row);
  RowResult out;
  out.row = row;
  out.status = static_cast<RowStatus>(store.rows.status[at]);
  out.seconds = store.rows.seconds[at];
  out.source_rate = store.rows.source_rate[at];
  if (!store.rows.reasons.empty()) out.reason = store.rows.reasons[at];
  if (!store.rows.file_size.empty()) out.file_size = store.rows.file_size[at];
  if (!store.rows.file_time.empty()) out.file_time = store.rows.file_time[at];
  if (out.status != RowStatus::kOk) return out;
  const auto begin = store.rows.embeddings.begin() + static_cast<std::ptrdiff_t>(at) * store.rows.dimension;
  out.embedding.assign(begin, begin + store.rows.dimension);
  return out;
}

void PartBuffer::put(const Store& fragment) {
  for (std::int64_t i = 0; i < fragment.rows.rows(); ++i) {
    const std::int64_t row = fragment.info.first_row + i;
    BALR_CHECK(row >= range_.begin && row < range_.end);
    if (rows_.status[static_cast<std::size_t>(row - range_.begin)] == static_cast<std::uint8_t>(RowStatus::kPending))
      put(row_of(fragment, row));
  }
}

std::vector<std::int64_t> PartBuffer::pending() const {
  std::vector<std::int64_t> out;
  for (std::int64_t row = range_.begin; row < range_.end; ++row)
    if (rows_.status[static_cast<std::size_t>(row - range_.begin)] == static_cast<std::uint8_t>(RowStatus::kPending))
      out.push_back(row);
  return out;
}

}  // namespace balr
