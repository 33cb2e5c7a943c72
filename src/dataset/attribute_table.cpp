#include "balr/dataset/attribute_table.hpp"


#include "balr/core/error.hpp"
#include "balr/data/manifest.hpp"
#include "dataset/input_rows.hpp"
#include "dataset/pack_attributes.hpp"
#include "dataset/table_checks.hpp"

namespace balr {
namespace fs = std::filesystem;

AttributeTable open_attributes(const fs::path& input, const fs::path& root, bool need_speakers,
                               const OpenOptions& options) {
  OpenOptions open = options;
  open.kind = VectorKind::kBinaryAttributes;
  StoreRowList list = read_input_rows(input, root, open);
  AttributeTable table;
  table.dropped = drop_failed_rows(list, input);
  if (list.rows.empty())
    throw DataError("no row of " + input.string() +
                    " has binary attributes: run `balr binarize` on its embeddings");
  table.attributes = list.dimension();
  table.words = attribute_words(table.attributes);
  table.source = join(list.files);
  table.encoder = list.attribute_stores.front().info.encoder_sha256;
  std::vector<std::string> ids;
  for (const StoreRow& row : list.rows) ids.push_back(row.id);
  table.bits.reserve(list.rows.size() * static_cast<std::size_t>(table.words));
  for (std::int64_t at : order_by_id(ids)) {
    StoreRow& row = list.rows[static_cast<std::size_t>(at)];
    append_words(list.bits(row), table.attributes, table.bits);
    table.ids.push_back(std::move(row.id));
    table.speakers.push_back(std::move(row.speaker));
  }
  if (need_speakers) check_speakers(table.ids, table.speakers, input);
  table.labels = encode_labels(table.speakers);
  table.label_names = names_of_labels(table.labels, table.speakers);
  table.content_hash = hash_table("balr attributes 1", table.attributes, table.ids, table.speakers,
                                  std::as_bytes(std::span(table.bits)));
  return table;
}

}  // namespace balr
