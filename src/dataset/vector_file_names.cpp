#include "balr/dataset/vector_file_names.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

#include "balr/core/error.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// Most paths are so already, and making them so takes longer than all the rest.
fs::path absolute_path(const std::string& path) {
  const bool plain = path.starts_with('/') && path.find("//") == std::string::npos &&
                     path.find("/.") == std::string::npos;
  return plain ? fs::path(path) : fs::absolute(path).lexically_normal();
}

// The folder that holds all the files, however deep.
fs::path common_folder(const std::vector<std::string>& references) {
  std::optional<fs::path> common;
  for (const std::string& reference : references) {
    if (reference.empty()) continue;
    const fs::path folder = absolute_path(reference).parent_path();
    if (!common) common = folder;
    if (folder == *common) continue;
    fs::path shared;
    auto a = common->begin(), b = folder.begin();
    for (; a != common->end() && b != folder.end() && *a == *b; ++a, ++b) shared /= *a;
    common = shared;
  }
  return common.value_or(fs::path());
}

// The rows whose text another row has too; empty ones aside. A million rows need 8 MB, where a set
// of texts needs 200.
std::vector<std::int64_t> rows_that_share(const std::vector<std::string>& texts) {
  std::vector<std::int64_t> order(texts.size());
  std::iota(order.begin(), order.end(), 0);
  const auto text = [&](std::int64_t row) -> const std::string& {
    return texts[static_cast<std::size_t>(row)];
  };
  std::sort(order.begin(), order.end(),
            [&](std::int64_t a, std::int64_t b) { return text(a) < text(b); });
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::string& own = text(order[i]);
    const bool before = i > 0 && text(order[i - 1]) == own;
    const bool behind = i + 1 < order.size() && text(order[i + 1]) == own;
    if (!own.empty() && (before || behind)) out.push_back(order[i]);
  }
  return out;
}

}  // namespace

VectorFileNames::VectorFileNames(const std::vector<std::string>& references,
                                 const std::vector<std::string>& ids, VectorKind kind,
                                 VectorFormat format, fs::path folder, const std::string& source) {
  if (!folder.empty()) folder = fs::absolute(folder).lexically_normal();
  const fs::path common = folder.empty() ? fs::path() : common_folder(references);
  const auto place = [&](const std::string& reference) {
    const fs::path path = absolute_path(reference);
    return folder.empty() ? path : folder / path.lexically_relative(common);
  };
  for (const std::string& reference : references)
    files_.push_back(reference.empty() ? std::string()
                                       : vector_file_name(place(reference), kind, format).string());
  // Rows of one file name (a.wav and a.flac) keep their suffix: a.wav_emb.pkl.
  const std::string ending =
      (kind == VectorKind::kEmbedding ? "_emb" : "_ba") + std::string(extension_of(format));
  for (const std::int64_t row : rows_that_share(files_)) {
    const auto at = static_cast<std::size_t>(row);
    files_[at] = place(references[at]).string() + ending;
  }
  if (const auto left = rows_that_share(files_); !left.empty()) {
    const auto at = static_cast<std::size_t>(left.front());
    throw DataError("the row '" + ids[at] + "' and another one of " + source +
                    " would share the vector file " + files_[at] +
                    ": keep the store alone (format hdf5), then use balr export");
  }
}

std::string VectorFileNames::cell(std::int64_t row, const fs::path& folder) const {
  const fs::path relative =
      fs::path(file(row)).lexically_relative(fs::absolute(folder).lexically_normal());
  return relative.empty() || *relative.begin() == ".." ? file(row) : relative.string();
}

}  // namespace balr
