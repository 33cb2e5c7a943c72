#pragma once
#include <string>

#include "balr/data/vector_file.hpp"

// What messages and files call the two kinds of vectors.
namespace balr {

inline std::string command_of(VectorKind kind) {
  return kind == VectorKind::kEmbedding ? "balr extract" : "balr binarize";
}
inline std::string verb_of(VectorKind kind) {
  return kind == VectorKind::kEmbedding ? "extracted" : "binarized";
}
inline std::string called_of(VectorKind kind) {
  return kind == VectorKind::kEmbedding ? "embedding store" : "store of binary attributes";
}
inline std::string plural_of(VectorKind kind) {
  return kind == VectorKind::kEmbedding ? "embeddings" : "binary attributes";
}
inline std::string column_of(VectorKind kind) {
  return kind == VectorKind::kEmbedding ? "embedding" : "binary_attributes";
}
// The store in a folder that the command wrote.
inline std::string store_name_of(VectorKind kind) {
  return kind == VectorKind::kEmbedding ? "embeddings.h5" : "attributes.h5";
}

}  // namespace balr
