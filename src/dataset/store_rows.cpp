#include "dataset/store_rows.hpp"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/dataset/vector_table.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

bool same_model(const Store& a, const Store& b) {
  return a.info.model_sha256 == b.info.model_sha256 && a.info.features == b.info.features &&
         a.info.precision == b.info.precision && a.rows.dimension == b.rows.dimension;
}

// A cell `store.h5#row`.
struct Cell {
  fs::path store;
  std::int64_t row = -1;
};

Cell parse_cell(const std::string& text, const Manifest& manifest, std::size_t index) {
  const auto refuse = [&] {
    throw DataError("row " + std::to_string(index + 1) + " of " + manifest.source.string() +
                    " has the embedding '" + text +
                    "', which is not of the form store.h5#row (other vector files are not read): "
                    "run `balr extract " +
                    manifest.source.string() + "`");
  };
  Cell cell;
  const std::size_t hash = text.rfind('#');
  if (hash == std::string::npos || hash == 0) refuse();
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + hash + 1, end, cell.row);
  if (error != std::errc() || stop != end || cell.row < 0) refuse();
  cell.store = text.substr(0, hash);
  return cell;
}

// Where extract put it: beside the CSV; a CSV that was moved may name the folder with --root-dir.
fs::path resolve(const fs::path& store, const Manifest& manifest, const fs::path& root) {
  if (store.is_absolute()) return store;
  const fs::path beside = manifest.source.parent_path() / store;
  if (fs::exists(beside) || root.empty()) return beside;
  return root / store;
}

}  // namespace

std::size_t StoreRowList::load(const fs::path& file) {
  const auto known = std::find(files.begin(), files.end(), file);
  if (known != files.end()) return static_cast<std::size_t>(known - files.begin());
  if (!fs::exists(file))
    throw DataError("there is no embedding store " + file.string() +
                    ": run `balr extract` to make it, or pass the folder where it is now");
  Store store = read_store(file);
  if (store.info.first_row != 0 || store.info.total_rows != store.rows.rows())
    throw DataError(file.string() +
                    " holds only a part of the rows of an extraction: run the same `balr extract` "
                    "again to finish it");
  if (!stores.empty() && !same_model(stores.front(), store))
    throw DataError(files.front().string() + " and " + file.string() +
                    " were made with different models or settings: run `balr extract` for both "
                    "with the same ones");
  files.push_back(file);
  stores.push_back(std::move(store));
  return files.size() - 1;
}

StoreRowList rows_of_store(const fs::path& store) {
  StoreRowList out;
  StoreRows& rows = out.stores[out.load(store)].rows;
  out.rows.resize(rows.ids.size());
  for (std::size_t i = 0; i < out.rows.size(); ++i)
    out.rows[i] = {std::move(rows.ids[i]), std::move(rows.speakers[i]), 0,
                   static_cast<std::int64_t>(i)};
  return out;
}

StoreRowList rows_of_column(const Manifest& manifest, const fs::path& root) {
  StoreRowList out;
  std::unordered_map<std::string, std::size_t>
      opened;  // by the path as written: a million rows name one or two
  for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
    const Utterance& utterance = manifest.rows[i];
    StoreRow row{utterance.id, utterance.speaker, 0, -1};
    if (!utterance.embedding.empty()) {
      const Cell cell = parse_cell(utterance.embedding, manifest, i);
      auto found = opened.find(cell.store.native());
      if (found == opened.end())
        found = opened.emplace(cell.store.native(), out.load(resolve(cell.store, manifest, root)))
                    .first;
      row.store = found->second;
      row.row = cell.row;
      const std::int64_t count = out.stores[row.store].rows.rows();
      if (row.row >= count)
        throw DataError(
            "row " + std::to_string(i + 1) + " of " + manifest.source.string() + " names row " +
            std::to_string(row.row) + " of a store that has " + std::to_string(count) +
            ": take the embedding column from the metadata.csv that lies beside the store");
    }
    out.rows.push_back(std::move(row));
  }
  return out;
}

StoreRowList rows_of_pointer(const Manifest& manifest) {
  const fs::path file = pointer_path(manifest.source);
  const Pointer pointer = read_pointer(file);
  const std::string again = ": run `balr extract " + manifest.source.string() +
                            "` again, or pass the folder " + pointer.store.parent_path().string() +
                            " to take its embeddings as they are";
  if (pointer.csv_hash != manifest.hash)
    throw DataError(manifest.source.string() + " has changed since its embeddings were extracted" +
                    again);
  if (!fs::exists(pointer.store))
    throw DataError("the store " + pointer.store.string() + ", which " + file.string() +
                    " names, is not there: run `balr extract " + manifest.source.string() +
                    "` again, or pass the folder where it is now");
  if (sha256_of_file(pointer.store) != pointer.store_hash)
    throw DataError("the store " + pointer.store.string() +
                    " is not the one that was extracted from " + manifest.source.string() + again);
  StoreRowList out;
  const StoreRows& rows = out.stores[out.load(pointer.store)].rows;
  std::unordered_map<std::string_view, std::int64_t> row_of;
  row_of.reserve(rows.ids.size());
  for (std::size_t i = 0; i < rows.ids.size(); ++i)
    row_of.emplace(rows.ids[i], static_cast<std::int64_t>(i));
  for (const Utterance& utterance : manifest.rows) {
    const auto found = row_of.find(utterance.id);
    if (found == row_of.end())
      throw DataError("the store " + pointer.store.string() + " has no row of the id '" +
                      utterance.id + "'" + again);
    out.rows.push_back({utterance.id, utterance.speaker, 0, found->second});
  }
  return out;
}

}  // namespace balr
