#include <cstring>
#include <fstream>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/data/kaldi_table.hpp"

namespace balr {

namespace fs = std::filesystem;

struct KaldiWriter::State {
  fs::path ark, scp, temporary_ark, temporary_scp;
  std::ofstream vectors, places;
  std::uintmax_t at = 0;  // bytes of the ark so far
};

KaldiWriter::KaldiWriter(const fs::path& ark) : state_(std::make_unique<State>()) {
  state_->ark = ark;
  state_->scp = fs::path(ark).replace_extension(".scp");
  state_->temporary_ark = temporary_name(ark);
  state_->temporary_scp = temporary_name(state_->scp);
  state_->vectors = std::ofstream(state_->temporary_ark, std::ios::binary);
  state_->places = std::ofstream(state_->temporary_scp, std::ios::binary);
  if (!state_->vectors || !state_->places) throw IoError("cannot create " + ark.string());
}

KaldiWriter::~KaldiWriter() {
  std::error_code ignored;
  fs::remove(state_->temporary_ark, ignored);
  fs::remove(state_->temporary_scp, ignored);
}

void KaldiWriter::append(const std::string& key, std::span<const float> values) {
  if (key.empty() || key.find_first_of(" \t\r\n\v\f") != std::string::npos ||
      key.find('\0') != std::string::npos)
    throw DataError("the id '" + key +
                    "' cannot be a key of a Kaldi table, which has no blanks: rename it, or export "
                    "another format");
  std::string entry = key + ' ';
  state_->places << key << ' ' << state_->ark.string() << ':' << state_->at + entry.size() << '\n';
  entry.append("\0BFV \4", 6);
  const auto count = static_cast<std::int32_t>(values.size());
  entry.append(reinterpret_cast<const char*>(&count), sizeof count);
  entry.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  state_->vectors.write(entry.data(), static_cast<std::streamsize>(entry.size()));
  state_->at += entry.size();
  if (!state_->vectors || !state_->places) throw IoError("cannot write " + state_->ark.string());
}

void KaldiWriter::finish() {
  state_->vectors.close();
  state_->places.close();
  if (!state_->vectors || !state_->places) throw IoError("cannot write " + state_->ark.string());
  publish(state_->temporary_ark, state_->ark);
  publish(state_->temporary_scp, state_->scp);
}

}  // namespace balr
