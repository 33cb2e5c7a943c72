#pragma once
#include <cstdint>
#include <limits>

#include "balr/store/attribute_store.hpp"
#include "balr/store/embedding_store.hpp"

namespace balr::test {

// Row i: values i + j / 8, texts of several scripts and lengths, every status once; h5py_test.py
// knows the same rule.
inline StoreRows sample_rows(std::int64_t count, std::int64_t dimension) {
  static const char* const kIds[] = {"a",   "été/naïve.wav", "語-2", "日本語の長い名前.flac",
                                     "007", "x y,\"z\"",     "ö",    "crash"};
  StoreRows rows;
  rows.dimension = dimension;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto status = static_cast<std::uint8_t>(i % 8);
    for (std::int64_t j = 0; j < dimension; ++j)
      rows.embeddings.push_back(status == 0 ? static_cast<float>(i) + static_cast<float>(j) / 8
                                            : std::numeric_limits<float>::quiet_NaN());
    rows.ids.push_back(std::string(kIds[i % 8]) + (i < 8 ? "" : std::to_string(i)));
    rows.speakers.push_back(i % 3 == 0 ? "" : "спикер" + std::to_string(i % 3));
    rows.status.push_back(status);
    rows.seconds.push_back(static_cast<float>(i) * 0.25f);
    rows.source_rate.push_back(i % 2 == 0 ? 16000 : 44100);
  }
  return rows;
}

inline StoreInfo sample_info(std::int64_t rows) {
  StoreInfo info;
  info.model_repo = "Wespeaker/wespeaker-voxceleb-resnet34-LM";
  info.model_name = "modèle";
  info.model_sha256 = std::string(64, 'c');
  info.features = "fbank 80 mel";
  info.precision = "fp32";
  info.input_hash = std::string(64, 'a');
  info.identity = std::string(64, 'b');
  info.recipe = std::string(64, 'd');
  info.program_version = "0.1.0";
  info.total_rows = rows;
  return info;
}

// The same texts and status; attribute a of row i by a rule that attributes_test.py knows.
inline AttributeRows sample_attributes(std::int64_t count, std::int64_t attributes) {
  const StoreRows texts = sample_rows(count, 1);
  AttributeRows rows;
  rows.attributes = attributes;
  rows.ids = texts.ids;
  rows.speakers = texts.speakers;
  rows.status = texts.status;
  const std::int64_t bytes = attribute_bytes(attributes);
  rows.bits.resize(static_cast<std::size_t>(count * bytes));
  for (std::int64_t i = 0; i < count; i += 8)  // those that are ok
    for (std::int64_t a = 0; a < attributes; ++a)
      if ((i + 7 * a * a + a) % 5 < 2) set_attribute_bit(rows.bits.data() + i * bytes, a);
  return rows;
}

inline AttributeInfo sample_attribute_info(std::int64_t rows, std::int64_t attributes) {
  AttributeInfo info;
  info.attributes = attributes;
  info.encoder_sha256 = std::string(64, 'e');
  info.embeddings_sha256 = std::string(64, 'f');
  info.model = "dépôt/modèle " + std::string(64, 'c');
  info.identity = std::string(64, 'b');
  info.program_version = "0.1.0";
  info.total_rows = rows;
  return info;
}

}  // namespace balr::test
