#include <unordered_map>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/dataset/vector_table.hpp"
#include "dataset/kind_names.hpp"
#include "dataset/store_rows.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// The pointer's store, if CSV and store are still those that it was written for.
fs::path checked_store(const Manifest& manifest, VectorKind kind) {
  const fs::path file = pointer_path(manifest.source, kind);
  const Pointer pointer = read_pointer(file);
  const std::string command = "`" + command_of(kind) + " " + manifest.source.string() + "`";
  const std::string again = ": run " + command + " again, or pass the folder " +
                            pointer.store.parent_path().string() + " to take its " +
                            plural_of(kind) + " as they are";
  if (pointer.csv_hash != manifest.hash)
    throw DataError(manifest.source.string() + " has changed since its " + plural_of(kind) +
                    " were " + verb_of(kind) + again);
  if (!fs::exists(pointer.store))
    throw DataError("the store " + pointer.store.string() + ", which " + file.string() +
                    " names, is not there: run " + command +
                    " again, or pass the folder where it is now");
  if (sha256_of_file(pointer.store) != pointer.store_hash)
    throw DataError("the store " + pointer.store.string() + " is not the one that was " +
                    verb_of(kind) + " from " + manifest.source.string() + again);
  return pointer.store;
}

}  // namespace

StoreRowList rows_of_pointer(const Manifest& manifest, VectorKind kind) {
  StoreRowList out = rows_of_store(checked_store(manifest, kind), kind);
  const std::vector<StoreRow> rows = std::move(out.rows);
  out.rows.clear();
  std::unordered_map<std::string_view, std::int64_t> row_of;
  row_of.reserve(rows.size());
  for (const StoreRow& row : rows) row_of.emplace(row.id, row.row);
  for (const Utterance& utterance : manifest.rows) {
    const auto found = row_of.find(utterance.id);
    if (found == row_of.end())
      throw DataError("the store " + out.files.front().string() + " has no row of the id '" +
                      utterance.id + "': run `" + command_of(kind) + " " +
                      manifest.source.string() + "` again");
    out.rows.push_back({utterance.id, utterance.speaker, 0, found->second});
  }
  return out;
}

}  // namespace balr
