#include "dataset/table_checks.hpp"

#include <algorithm>
#include <bit>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"

namespace balr {

namespace fs = std::filesystem;

namespace {

// Lengths go before texts, so that no two lists give the same stream.
void hash_texts(Sha256& hash, const std::vector<std::string>& texts) {
  std::string block;
  for (const std::string& text : texts) block += std::to_string(text.size()) + ":" + text;
  hash.update(block);
}

}  // namespace

void check_speakers(const std::vector<std::string>& ids, const std::vector<std::string>& speakers,
                    const fs::path& input) {
  const auto missing = std::count(speakers.begin(), speakers.end(), std::string());
  if (missing == 0) return;
  const auto first = std::find(speakers.begin(), speakers.end(), std::string()) - speakers.begin();
  throw DataError(std::to_string(missing) + " of " + std::to_string(ids.size()) + " rows of " +
                  input.string() + " have no speaker (the first is '" +
                  ids[static_cast<std::size_t>(first)] +
                  "'): fill a column `speaker` in the CSV (and run `balr extract` again if you "
                  "pass its folder or store)");
}

std::vector<std::string> names_of_labels(const std::vector<std::int64_t>& labels,
                                         const std::vector<std::string>& speakers) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto label = static_cast<std::size_t>(labels[i]);
    if (label >= names.size()) names.resize(label + 1);
    names[label] = speakers[i];
  }
  return names;
}

std::string hash_table(const std::string& title, std::int64_t width,
                       const std::vector<std::string>& ids,
                       const std::vector<std::string>& speakers,
                       std::span<const std::byte> numbers) {
  static_assert(std::endian::native == std::endian::little,
                "numbers are hashed as they lie in memory");
  Sha256 hash;
  hash.update(title + " " + std::to_string(ids.size()) + " " + std::to_string(width) + "\n");
  hash_texts(hash, ids);
  hash_texts(hash, speakers);
  return hash.update(numbers).hex();
}

std::string join(const std::vector<fs::path>& files) {
  std::string out;
  for (const fs::path& file : files) out += (out.empty() ? "" : ", ") + file.string();
  return out;
}

}  // namespace balr
