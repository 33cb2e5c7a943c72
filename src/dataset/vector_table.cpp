#include "balr/dataset/vector_table.hpp"

#include <algorithm>
#include <bit>
#include <span>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/data/manifest.hpp"
#include "dataset/input_rows.hpp"
#include "dataset/table_checks.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// The vectors in this order; without a copy where the store has just that order (1 GB for a million
// rows).
void take_values(StoreRowList& list, const std::vector<std::int64_t>& order, VectorTable& table) {
  const auto row = [&](std::size_t i) -> const StoreRow& {
    return list.rows[static_cast<std::size_t>(order[i])];
  };
  StoreRows& first = list.stores.front().rows;
  bool in_place = list.stores.size() == 1 && first.status.size() == order.size();
  for (std::size_t i = 0; in_place && i < order.size(); ++i)
    in_place = row(i).row == static_cast<std::int64_t>(i);
  if (in_place) {
    table.values = std::move(first.embeddings);
    return;
  }
  table.values.reserve(order.size() * static_cast<std::size_t>(table.dimension));
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto values = vector_of(list, row(i));
    table.values.insert(table.values.end(), values.begin(), values.end());
  }
}

std::string hash_content(const VectorTable& table) {
  static_assert(std::endian::native == std::endian::little,
                "values are hashed as they lie in memory");
  Sha256 hash;
  hash.update("balr vectors 1 " + std::to_string(table.rows()) + " " +
              std::to_string(table.dimension) + "\n");
  hash_texts(hash, table.ids);
  hash_texts(hash, table.speakers);
  return hash.update(std::as_bytes(std::span(table.values))).hex();
}

}  // namespace

VectorTable open_vectors(const fs::path& input, const fs::path& root, bool need_speakers,
                         const OpenOptions& options) {
  StoreRowList list = read_input_rows(input, root, options);
  VectorTable table;
  const std::size_t all = list.rows.size();
  std::erase_if(list.rows, [&](const StoreRow& row) { return !is_usable(list, row); });
  table.dropped = static_cast<std::int64_t>(all - list.rows.size());
  if (list.rows.empty())
    throw DataError("no row of " + input.string() + " has an embedding (" + std::to_string(all) +
                    " failed): failures.csv beside the store says why; correct the audio paths and "
                    "run `balr extract` again");

  table.dimension = list.stores.front().rows.dimension;
  table.columns = list.columns;
  table.source = join(list.files);
  table.model = model_text(list.stores.front().info);
  std::vector<std::string> ids;
  for (const StoreRow& row : list.rows) ids.push_back(row.id);
  const std::vector<std::int64_t> order = order_by_id(ids);
  take_values(list, order, table);
  for (std::int64_t at : order) {
    StoreRow& row = list.rows[static_cast<std::size_t>(at)];
    table.ids.push_back(std::move(row.id));
    table.speakers.push_back(std::move(row.speaker));
  }
  if (need_speakers) check_speakers(table.ids, table.speakers, input);
  table.labels = encode_labels(table.speakers);
  table.label_names = names_of_labels(table.labels, table.speakers);
  table.content_hash = hash_content(table);
  return table;
}

}  // namespace balr
