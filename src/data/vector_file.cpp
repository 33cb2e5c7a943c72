#include "balr/data/vector_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "data/audio_source.hpp"
#include "data/npy.hpp"
#include "data/pickled_array.hpp"
#include "data/text_array.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMaxBytes = 64 << 20;
constexpr std::array kFormats{VectorFormat::kText, VectorFormat::kPickle, VectorFormat::kNpy};

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

[[noreturn]] void fail(const char* what, const fs::path& file) {
  throw IoError(std::string("cannot ") + what + " " + file.string() + ": " + std::strerror(errno));
}

// A whole regular file.
std::string read_whole(const fs::path& file, std::int64_t limit) {
  InputFile in;
  const DecodeResult opened = in.open(file);
  if (opened.status != RowStatus::kOk) throw DataError(opened.reason);
  const std::int64_t bytes = in.size();
  if (bytes > limit)
    throw DataError("it has " + std::to_string(bytes) + " bytes, too many for one vector");
  std::string content(static_cast<std::size_t>(bytes), '\0');
  content.resize(static_cast<std::size_t>(in.read(content.data(), bytes)));
  if (in.error() != 0)
    throw IoError("cannot read " + file.string() + ": " + std::strerror(in.error()));
  return content;
}

VectorArray parse(std::string_view content, VectorFormat format) {
  if (content.empty()) throw DataError("it is empty");
  switch (format) {
    case VectorFormat::kPickle:
      return parse_pickled_array(content);
    case VectorFormat::kText:
      return parse_text_array(content);
    case VectorFormat::kNpy:
      break;
  }
  return parse_npy(content);
}

[[noreturn]] void refuse(const std::string& name, const DataError& cause) {
  throw DataError("cannot take a vector from " + name + ": " + cause.what());
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
  try {
    return parse(read_whole(file, format == VectorFormat::kNpy ? INT64_MAX : kMaxBytes), *format);
  } catch (const DataError& error) {
    refuse(file.string(), error);
  }
}

VectorArray parse_vector(std::string_view content, VectorFormat format, const std::string& name) {
  try {
    return parse(content, format);
  } catch (const DataError& error) {
    refuse(name, error);
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
