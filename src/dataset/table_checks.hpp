#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace balr {

// What tables of vectors and of attributes have in common.

// Throws DataError naming the first row without a speaker.
void check_speakers(const std::vector<std::string>& ids, const std::vector<std::string>& speakers,
                    const std::filesystem::path& input);
// The name of each label that encode_labels(speakers) gave.
std::vector<std::string> names_of_labels(const std::vector<std::int64_t>& labels,
                                         const std::vector<std::string>& speakers);
// SHA-256 over what a table holds, in order: title ("balr vectors 1"), rows, width, ids, speakers and
// the numbers as they lie in memory.
std::string hash_table(const std::string& title, std::int64_t width,
                       const std::vector<std::string>& ids,
                       const std::vector<std::string>& speakers,
                       std::span<const std::byte> numbers);
std::string join(const std::vector<std::filesystem::path>& files);

}  // namespace balr
