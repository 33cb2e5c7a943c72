#include "balr/dataset/vector_table.hpp"

#include <algorithm>
#include <span>

#include "balr/core/error.hpp"
#include "balr/data/manifest.hpp"
#include "dataset/input_rows.hpp"
#include "dataset/table_checks.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// Whether the only store has just these vectors in just this order.
bool lies_in_order(const StoreRowList& list, const std::vector<std::int64_t>& order) {
  if (list.binary() || list.stores.size() != 1) return false;
  if (list.stores.front().rows.status.size() != order.size()) return false;
  for (std::size_t i = 0; i < order.size(); ++i)
    if (list.rows[static_cast<std::size_t>(order[i])].row != static_cast<std::int64_t>(i))
      return false;
  return true;
}

// The vectors in this order; where possible without a copy (1 GB for a million rows).
std::vector<float> take_values(StoreRowList& list, const std::vector<std::int64_t>& order,
                               std::int64_t dimension) {
  if (lies_in_order(list, order)) return std::move(list.stores.front().rows.embeddings);
  std::vector<float> values;
  values.reserve(order.size() * static_cast<std::size_t>(dimension));
  for (std::int64_t at : order)
    append_vector(list, list.rows[static_cast<std::size_t>(at)], values);
  return values;
}

}  // namespace

VectorTable open_vectors(const fs::path& input, const fs::path& root, bool need_speakers,
                         const OpenOptions& options) {
  StoreRowList list = read_input_rows(input, root, options);
  VectorTable table;
  const std::size_t all = list.rows.size();
  table.dropped = drop_failed_rows(list, input);
  if (list.rows.empty())
    throw DataError("no row of " + input.string() + " has a vector (" + std::to_string(all) +
                    " failed): failures.csv beside the store says why; correct the audio paths and "
                    "run `balr extract` again");

  table.columns = list.binary() ? 2 : 1;
  table.dimension = list.dimension() * table.columns;
  table.source = join(list.files);
  table.model = list.binary() ? list.attribute_stores.front().info.model
                              : model_text(list.stores.front().info);
  std::vector<std::string> ids;
  for (const StoreRow& row : list.rows) ids.push_back(row.id);
  const std::vector<std::int64_t> order = order_by_id(ids);
  table.values = take_values(list, order, table.dimension);
  for (std::int64_t at : order) {
    StoreRow& row = list.rows[static_cast<std::size_t>(at)];
    table.ids.push_back(std::move(row.id));
    table.speakers.push_back(std::move(row.speaker));
  }
  if (need_speakers) check_speakers(table.ids, table.speakers, input);
  table.labels = encode_labels(table.speakers);
  table.label_names = names_of_labels(table.labels, table.speakers);
  table.content_hash = hash_table("balr vectors 1", table.dimension, table.ids, table.speakers,
                                  std::as_bytes(std::span(table.values)));
  return table;
}

}  // namespace balr
