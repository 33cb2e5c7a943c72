#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Vector files: one numpy array a file, as the Python balr keeps them beside its audio (`_emb.pkl`,
// `_emb.txt`, `_ba.*`), and .npy. A file is data, never a program: a pickle that holds anything but
// one array of numbers is refused, and no byte of it is executed.
namespace balr {

struct VectorArray {
  std::vector<std::int64_t> shape;  // empty: one number
  std::vector<float> values;        // in C order
};

enum class VectorFormat {
  kPickle,  // .pkl: numpy 1 or 2, protocols 2 to 5, f2 f4 f8 i8 u1 b1 of either byte order
  kText,    // .txt: numpy.savetxt's
  kNpy,     // .npy: versions 1 to 3, the same types
};
std::optional<VectorFormat> vector_format_of(
    const std::filesystem::path& file);              // by its extension
std::string_view extension_of(VectorFormat format);  // ".pkl", ...

// Throws DataError that names the file and what is wrong with it: not an array, another type, cut
// off, a shape that is not that of its data, larger than 64 MiB (.npy: any size). IoError: cannot
// be read.
VectorArray read_vector_file(const std::filesystem::path& file);
// The same for bytes in memory; `name` is for messages.
VectorArray parse_vector(std::string_view content, VectorFormat format, const std::string& name);

// The bytes of a file: float32 as numpy's own save, pickle (numpy.core.multiarray._reconstruct,
// protocol 4: loads in numpy 1 and 2, quietly) and savetxt ("%.18e") write it. Shapes of at most 2
// dimensions.
std::string vector_file_content(std::span<const float> values,
                                const std::vector<std::int64_t>& shape, VectorFormat format);

// Replaces `file` by rename, so that a killed run leaves no half of one; not fsynced (a million of
// them would take hours), so a crash of the machine may lose it. Throws IoError.
void write_vector_file(const std::filesystem::path& file, std::string_view content);

enum class VectorKind { kEmbedding, kBinaryAttributes };
// x/a.wav -> x/a_emb.pkl; a suffix of the kind that is there already is kept once (a_emb.txt ->
// a_emb.pkl). Unlike Python's, an inner dot stays: a.1.wav -> a.1_emb.pkl.
std::filesystem::path vector_file_name(const std::filesystem::path& reference, VectorKind kind,
                                       VectorFormat format);
// The vector file beside a reference path that exists: .txt before .pkl, as the Python balr looks.
std::optional<std::filesystem::path> find_vector_file(const std::filesystem::path& reference,
                                                      VectorKind kind);

}  // namespace balr
