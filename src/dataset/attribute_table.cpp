#include "balr/dataset/attribute_table.hpp"

#include <bit>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/data/manifest.hpp"
#include "dataset/input_rows.hpp"
#include "dataset/pack_attributes.hpp"
#include "dataset/table_checks.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

std::string hash_content(const AttributeTable& table) {
  static_assert(std::endian::native == std::endian::little,
                "bits are hashed as they lie in memory");
  Sha256 hash;
  hash.update("balr attributes 1 " + std::to_string(table.rows()) + " " +
              std::to_string(table.attributes) + "\n");
  hash_texts(hash, table.ids);
  hash_texts(hash, table.speakers);
  return hash.update(std::as_bytes(std::span(table.bits))).hex();
}

}  // namespace

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
  table.content_hash = hash_content(table);
  return table;
}

}  // namespace balr
