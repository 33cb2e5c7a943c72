#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace balr {

class Sha256;

// What tables of vectors and of attributes have in common.

// Throws DataError naming the first row without a speaker.
void check_speakers(const std::vector<std::string>& ids, const std::vector<std::string>& speakers,
                    const std::filesystem::path& input);
// The name of each label that encode_labels(speakers) gave.
std::vector<std::string> names_of_labels(const std::vector<std::int64_t>& labels,
                                         const std::vector<std::string>& speakers);
// Lengths go before texts, so that no two lists give the same stream.
void hash_texts(Sha256& hash, const std::vector<std::string>& texts);
std::string join(const std::vector<std::filesystem::path>& files);

}  // namespace balr
