#include <algorithm>
#include <limits>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/data/audio.hpp"
#include "balr/data/manifest.hpp"
#include "balr/dataset/convert.hpp"
#include "dataset/input_rows.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStoreName = "embeddings.h5";
constexpr std::size_t kBlock = 4096;  // rows written at once

// Of vector files it is not known.
template <class T>
T value_or_zero(const std::vector<T>& values, const StoreRow& row) {
  const bool known = row.row >= 0 && static_cast<std::size_t>(row.row) < values.size();
  return known ? values[static_cast<std::size_t>(row.row)] : T{0};
}

void append_row(const StoreRowList& list, const StoreRow& row, StoreRows& out) {
  const StoreRows& source = list.stores[row.store].rows;
  const RowStatus status = status_of(list, row);
  out.ids.push_back(row.id);
  out.speakers.push_back(row.speaker);
  out.status.push_back(static_cast<std::uint8_t>(status));
  out.seconds.push_back(value_or_zero(source.seconds, row));
  out.source_rate.push_back(value_or_zero(source.source_rate, row));
  if (status == RowStatus::kOk) {
    append_vector(list, row, out.embeddings);
  } else {
    out.embeddings.resize(out.embeddings.size() + static_cast<std::size_t>(out.dimension),
                          std::numeric_limits<float>::quiet_NaN());
  }
}

StoreInfo describe(const StoreRowList& list, const std::string& program_version) {
  StoreInfo info = list.stores.front().info;
  if (info.model_name.empty()) info.model_repo = info.model_name = "imported";
  info.program_version = program_version;
  info.total_rows = static_cast<std::int64_t>(list.rows.size());
  info.first_row = 0;
  // No extraction makes this store: none may take it for its own.
  Sha256 hash;
  for (const StoreRow& row : list.rows) hash.update(row.id).update("\n");
  info.input_hash = hash.hex();
  info.identity = "imported";
  return info;
}

std::int64_t widest(const std::vector<StoreRow>& rows, std::string StoreRow::*member) {
  std::size_t width = 1;
  for (const StoreRow& row : rows) width = std::max(width, (row.*member).size());
  return static_cast<std::int64_t>(width);
}

}  // namespace

ConvertCounts import_vectors(const ConvertOptions& options, const std::string& program_version) {
  const StoreRowList list = read_input_rows(options.input, options.root, options.open);
  if (list.stores.empty())
    throw DataError("no row of " + options.input.string() + " has a vector: nothing to import");
  const fs::path store = options.folder / kStoreName;
  if (fs::exists(store) && !options.force)
    throw DataError(store.string() +
                    " is there already: choose another --save-dir, or replace it with --force");
  std::error_code error;
  fs::create_directories(options.folder, error);
  if (error)
    throw IoError("cannot create the folder " + options.folder.string() + ": " + error.message());

  ConvertCounts counts;
  const std::int64_t dimension = list.stores.front().rows.dimension;
  StoreWriter writer(store, describe(list, program_version),
                     static_cast<std::int64_t>(list.rows.size()), dimension,
                     widest(list.rows, &StoreRow::id), widest(list.rows, &StoreRow::speaker));
  std::string metadata = csv_line({"id", "speaker", "embedding"});
  for (std::size_t begin = 0; begin < list.rows.size(); begin += kBlock) {
    StoreRows block;
    block.dimension = dimension;
    for (std::size_t i = begin; i < std::min(begin + kBlock, list.rows.size()); ++i) {
      const StoreRow& row = list.rows[i];
      append_row(list, row, block);
      const bool ok = block.status.back() == static_cast<std::uint8_t>(RowStatus::kOk);
      ++(ok ? counts.rows : counts.left_out);
      const std::string cell = std::string(kStoreName) + "#" + std::to_string(i);
      metadata += csv_line({row.id, row.speaker, ok ? cell : ""});
    }
    writer.append(block);
  }
  write_file_atomically(options.folder / "metadata.csv", metadata);
  writer.finish();
  return counts;
}

}  // namespace balr
