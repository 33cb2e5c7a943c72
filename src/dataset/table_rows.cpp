#include <fstream>
#include <unordered_map>

#include "balr/core/error.hpp"
#include "balr/data/kaldi_table.hpp"
#include "dataset/manifest_rows.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// Kaldi's speakers: lines of key and speaker.
std::unordered_map<std::string, std::string> read_speakers(const fs::path& file) {
  std::unordered_map<std::string, std::string> out;
  std::ifstream in(file, std::ios::binary);
  std::string key, speaker;
  while (in >> key >> speaker) out[key] = speaker;
  return out;
}

}  // namespace

StoreRowList rows_of_kaldi(const fs::path& table, bool script, VectorKind kind) {
  StoreRowList out(kind);
  const auto speakers = read_speakers(table.parent_path() / "utt2spk");
  std::vector<float> values;
  std::size_t dimension = 0;
  read_kaldi_table(table, script, [&](KaldiVector entry) {
    if (out.rows.empty()) dimension = entry.values.size();
    if (entry.values.size() != dimension || dimension == 0)
      throw DataError("the entry '" + entry.key + "' of " + table.string() + " has " +
                      std::to_string(entry.values.size()) + " numbers, and the first has " +
                      std::to_string(dimension));
    values.insert(values.end(), entry.values.begin(), entry.values.end());
    const auto speaker = speakers.find(entry.key);
    out.rows.push_back({std::move(entry.key), speaker == speakers.end() ? "" : speaker->second, 0,
                        static_cast<std::int64_t>(out.rows.size())});
  });
  if (out.rows.empty()) throw DataError(table.string() + " holds no vectors");
  std::unordered_map<std::string_view, std::size_t> seen;
  for (const StoreRow& row : out.rows)
    if (!seen.emplace(row.id, 0).second)
      throw DataError(table.string() + " has two entries '" + row.id + "'; keys must be unique");
  out.add(table, std::move(values), static_cast<std::int64_t>(dimension));
  return out;
}

StoreRowList rows_of_matrix(const fs::path& file, VectorKind kind) {
  StoreRowList out(kind);
  const std::size_t store = out.load_matrix(file);
  for (std::int64_t i = 0; i < out.rows_in(store); ++i)
    out.rows.push_back({std::to_string(i), "", store, i});
  if (out.rows.empty()) throw DataError(file.string() + " holds no vectors");
  return out;
}

}  // namespace balr
