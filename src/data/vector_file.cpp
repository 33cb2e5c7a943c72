#include "balr/data/vector_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "data/npy.hpp"
#include "data/pickled_array.hpp"
#include "data/text_array.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxBytes = 64 << 20;
constexpr std::array kFormats{VectorFormat::kText, VectorFormat::kPickle, VectorFormat::kNpy};

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

[[noreturn]] void fail(const char* what, const fs::path& file) {
  throw IoError(std::string("cannot ") + what + " " + file.string() + ": " + std::strerror(errno));
}

// A whole regular file; a pipe or a device would never end.
std::string read_whole(const fs::path& file, std::uintmax_t limit) {
  std::error_code error;
  const auto status = fs::status(file, error);
  if (status.type() == fs::file_type::not_found)
    throw DataError("the vector file " + file.string() + " does not exist");
  if (error) throw IoError("cannot read " + file.string() + ": " + error.message());
  if (status.type() != fs::file_type::regular)
    throw DataError("the vector file " + file.string() + " is not a file");
  const std::uintmax_t bytes = fs::file_size(file, error);
  if (error) throw IoError("cannot read " + file.string() + ": " + error.message());
  if (bytes > limit)
    throw DataError("the vector file " + file.string() + " has " + std::to_string(bytes) +
                    " bytes, too many for one vector");
  const File in(std::fopen(file.c_str(), "rb"));
  if (!in) fail("read", file);
  std::string content(static_cast<std::size_t>(bytes), '\0');
  content.resize(std::fread(content.data(), 1, content.size(), in.get()));
  if (std::ferror(in.get())) fail("read", file);
  return content;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string_view suffix_of(VectorKind kind) {
  return kind == VectorKind::kEmbedding ? "_emb" : "_ba";
}

}  // namespace

std::string_view extension_of(VectorFormat format) {
  switch (format) {
    case VectorFormat::kPickle:
      return ".pkl";
    case VectorFormat::kText:
      return ".txt";
    case VectorFormat::kNpy:
      return ".npy";
  }
  return "";
}

std::optional<VectorFormat> vector_format_of(const fs::path& file) {
  const std::string extension = lower(file.extension().string());
  for (const VectorFormat format : kFormats)
    if (extension == extension_of(format)) return format;
  return std::nullopt;
}

VectorArray read_vector_file(const fs::path& file) {
  const auto format = vector_format_of(file);
  if (!format)
    throw DataError(file.string() + " is not a vector file: .pkl, .txt and .npy files are read");
  const auto limit = format == VectorFormat::kNpy ? UINTMAX_MAX : kMaxBytes;
  return parse_vector(read_whole(file, limit), *format, file.string());
}

VectorArray parse_vector(std::string_view content, VectorFormat format, const std::string& name) {
  try {
    if (content.empty()) throw DataError("it is empty");
    switch (format) {
      case VectorFormat::kPickle:
        return parse_pickled_array(content);
      case VectorFormat::kText:
        return parse_text_array(content);
      case VectorFormat::kNpy:
        return parse_npy(content);
    }
    throw DataError("unknown format");
  } catch (const DataError& error) {
    throw DataError("cannot take a vector from " + name + ": " + error.what());
  }
}

std::string vector_file_content(std::span<const float> values,
                                const std::vector<std::int64_t>& shape, VectorFormat format) {
  switch (format) {
    case VectorFormat::kPickle:
      return pickle_array(values, shape);
    case VectorFormat::kText:
      return text_array(values, shape);
    case VectorFormat::kNpy:
      break;
  }
  return npy_header(shape).append(reinterpret_cast<const char*>(values.data()),
                                  values.size_bytes());
}

void write_vector_file(const fs::path& file, std::string_view content) {
  const fs::path temporary = temporary_name(file);
  File out(std::fopen(temporary.c_str(), "wb"));
  if (!out) fail("create", temporary);
  const bool written = std::fwrite(content.data(), 1, content.size(), out.get()) == content.size();
  const bool closed = std::fclose(out.release()) == 0;
  if (written && closed && std::rename(temporary.c_str(), file.c_str()) == 0) return;
  const int cause = errno;
  std::remove(temporary.c_str());
  errno = cause;
  fail("write", file);
}

fs::path vector_file_name(const fs::path& reference, VectorKind kind, VectorFormat format) {
  std::string name = reference.stem().string();
  const std::string_view suffix = suffix_of(kind);
  if (!name.ends_with(suffix)) name += suffix;
  return reference.parent_path() / name.append(extension_of(format));
}

std::optional<fs::path> find_vector_file(const fs::path& reference, VectorKind kind) {
  std::error_code ignored;
  for (const VectorFormat format : {VectorFormat::kText, VectorFormat::kPickle}) {
    fs::path file = vector_file_name(reference, kind, format);
    if (fs::exists(file, ignored)) return file;
  }
  return std::nullopt;
}

}  // namespace balr
