#include "dataset/store_rows.hpp"

#include <algorithm>
#include <unordered_map>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/data/audio.hpp"
#include "balr/data/vector_file.hpp"
#include "balr/dataset/vector_table.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

bool same_model(const Store& a, const Store& b) {
  return a.info.model_sha256 == b.info.model_sha256 && a.info.features == b.info.features &&
         a.info.precision == b.info.precision && a.rows.dimension == b.rows.dimension;
}

}  // namespace

std::size_t StoreRowList::find(const fs::path& file) const {
  return static_cast<std::size_t>(std::find(files.begin(), files.end(), file) - files.begin());
}

std::size_t StoreRowList::put(const fs::path& file, Store store) {
  if (!stores.empty() && !same_model(stores.front(), store))
    throw DataError(files.front().string() + " and " + file.string() +
                    " were made with different models or settings: run `balr extract` for both "
                    "with the same ones");
  files.push_back(file);
  stores.push_back(std::move(store));
  return files.size() - 1;
}

std::size_t StoreRowList::load(const fs::path& file) {
  if (const std::size_t known = find(file); known < files.size()) return known;
  if (!fs::exists(file))
    throw DataError("there is no embedding store " + file.string() +
                    ": run `balr extract` to make it, or pass the folder where it is now");
  Store store = read_store(file);
  if (store.info.first_row != 0 || store.info.total_rows != store.rows.rows())
    throw DataError(file.string() +
                    " holds only a part of the rows of an extraction: run the same `balr extract` "
                    "again to finish it");
  return put(file, std::move(store));
}

std::size_t StoreRowList::add(const fs::path& name, std::vector<float> values,
                              std::int64_t dimension) {
  if (dimension < 1) throw DataError(name.string() + " holds vectors without numbers");
  Store store;
  store.rows.dimension = dimension;
  store.rows.status.assign(values.size() / static_cast<std::size_t>(dimension),
                           static_cast<std::uint8_t>(RowStatus::kOk));
  store.rows.embeddings = std::move(values);
  return put(name, std::move(store));
}

std::size_t StoreRowList::load_matrix(const fs::path& file) {
  if (const std::size_t known = find(file); known < files.size()) return known;
  VectorArray array = read_vector_file(file);
  if (array.shape.size() != 2)
    throw DataError(file.string() + " is not a matrix with one vector a row");
  return add(file, std::move(array.values), array.shape[1]);
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
