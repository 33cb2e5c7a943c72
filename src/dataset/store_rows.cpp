#include "dataset/store_rows.hpp"

#include <algorithm>

#include "balr/core/error.hpp"
#include "balr/data/audio.hpp"
#include "dataset/kind_names.hpp"
#include "dataset/pack_attributes.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

bool same_model(const Store& a, const Store& b) {
  return a.info.model_sha256 == b.info.model_sha256 && a.info.features == b.info.features &&
         a.info.precision == b.info.precision && a.rows.dimension == b.rows.dimension;
}

bool same_model(const AttributeStore& a, const AttributeStore& b) {
  return a.info.encoder_sha256 == b.info.encoder_sha256 && a.info.model == b.info.model &&
         a.rows.attributes == b.rows.attributes;
}

template <class Info>
void check_whole(const fs::path& file, const Info& info, std::int64_t rows, VectorKind kind) {
  if (info.first_row != 0 || info.total_rows != rows)
    throw DataError(file.string() + " holds only a part of the rows of its input: run the same `" +
                    command_of(kind) + "` again to finish it");
}

void check_kind(const fs::path& file, VectorKind kind) {
  const bool attributes = is_attribute_store(file);
  if (attributes && kind == VectorKind::kEmbedding)
    throw DataError(file.string() +
                    " holds binary attributes, and embeddings are needed: pass what `balr extract` "
                    "wrote");
  if (attributes || kind == VectorKind::kEmbedding) return;
  bool embeddings = true;
  try {
    (void)read_store_info(file);
  } catch (const Error&) {
    embeddings = false;  // the reader says what it is
  }
  if (embeddings)
    throw DataError(file.string() +
                    " holds embeddings, and binary attributes are needed: run `balr binarize " +
                    file.string() + "` first");
}

}  // namespace

std::int64_t StoreRowList::dimension() const {
  return binary() ? attribute_stores.front().rows.attributes : stores.front().rows.dimension;
}

std::int64_t StoreRowList::rows_in(std::size_t store) const {
  return binary() ? attribute_stores[store].rows.rows() : stores[store].rows.rows();
}

std::uint8_t StoreRowList::status(const StoreRow& row) const {
  const auto at = static_cast<std::size_t>(row.row);
  return binary() ? attribute_stores[row.store].rows.status[at] : stores[row.store].rows.status[at];
}

std::span<const float> StoreRowList::vector(const StoreRow& row) const {
  const StoreRows& from = stores[row.store].rows;
  return std::span(from.embeddings)
      .subspan(static_cast<std::size_t>(row.row * from.dimension),
               static_cast<std::size_t>(from.dimension));
}

const std::uint8_t* StoreRowList::bits(const StoreRow& row) const {
  const AttributeRows& from = attribute_stores[row.store].rows;
  return from.bits.data() + row.row * attribute_bytes(from.attributes);
}

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

std::size_t StoreRowList::put(const fs::path& file, AttributeStore store) {
  if (!attribute_stores.empty() && !same_model(attribute_stores.front(), store))
    throw DataError(files.front().string() + " and " + file.string() +
                    " were made with different auto-encoders or models: run `balr binarize` for "
                    "both with the same ones");
  files.push_back(file);
  attribute_stores.push_back(std::move(store));
  return files.size() - 1;
}

std::size_t StoreRowList::load(const fs::path& file) {
  if (const std::size_t known = find(file); known < files.size()) return known;
  if (!fs::exists(file))
    throw DataError("there is no " + called_of(kind) + " " + file.string() + ": run `" +
                    command_of(kind) + "` to make it, or pass the folder where it is now");
  check_kind(file, kind);
  if (binary()) {
    AttributeStore store = read_attribute_store(file);
    check_whole(file, store.info, store.rows.rows(), kind);
    return put(file, std::move(store));
  }
  Store store = read_store(file);
  check_whole(file, store.info, store.rows.rows(), kind);
  return put(file, std::move(store));
}

std::size_t StoreRowList::add(const fs::path& name, std::vector<float> values,
                              std::int64_t dimension) {
  if (dimension < 1) throw DataError(name.string() + " holds vectors without numbers");
  if (binary()) {
    return add_bits(name, pack_matrix(values, dimension, name.string()), dimension);
  }
  Store store;
  store.rows.dimension = dimension;
  store.rows.status.assign(values.size() / static_cast<std::size_t>(dimension),
                           static_cast<std::uint8_t>(RowStatus::kOk));
  store.rows.embeddings = std::move(values);
  return put(name, std::move(store));
}

std::size_t StoreRowList::add_bits(const fs::path& name, std::vector<std::uint8_t> bits,
                                   std::int64_t attributes) {
  AttributeStore store;
  store.rows.attributes = store.info.attributes = attributes;
  store.rows.status.assign(bits.size() / static_cast<std::size_t>(attribute_bytes(attributes)),
                           static_cast<std::uint8_t>(RowStatus::kOk));
  store.rows.bits = std::move(bits);
  return put(name, std::move(store));
}

std::size_t StoreRowList::load_matrix(const fs::path& file) {
  if (const std::size_t known = find(file); known < files.size()) return known;
  VectorArray array = read_vector_file(file);
  if (array.shape.size() != 2)
    throw DataError(file.string() + " is not a matrix with one vector a row");
  return add(file, std::move(array.values), array.shape[1]);
}

StoreRowList rows_of_store(const fs::path& store, VectorKind kind) {
  StoreRowList out(kind);
  const std::size_t at = out.load(store);
  auto& ids = out.binary() ? out.attribute_stores[at].rows.ids : out.stores[at].rows.ids;
  auto& speakers =
      out.binary() ? out.attribute_stores[at].rows.speakers : out.stores[at].rows.speakers;
  out.rows.resize(ids.size());
  for (std::size_t i = 0; i < out.rows.size(); ++i)
    out.rows[i] = {std::move(ids[i]), std::move(speakers[i]), at, static_cast<std::int64_t>(i)};
  return out;
}

}  // namespace balr
