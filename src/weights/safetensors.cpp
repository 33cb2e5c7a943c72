#include "weights/safetensors.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "balr/core/error.hpp"
#include "balr/core/pickle_machine.hpp"
#include "weights/truth_values.hpp"

namespace balr {
namespace {

using Json = nlohmann::json;

struct Type {
  std::string_view name;
  at::ScalarType type;
};
// In the order in which the Python library writes them, so that each is aligned.
constexpr std::array kTypes{Type{"I64", at::kLong},  Type{"F64", at::kDouble},    Type{"F32", at::kFloat},
                            Type{"I32", at::kInt},   Type{"BF16", at::kBFloat16}, Type{"F16", at::kHalf},
                            Type{"I16", at::kShort}, Type{"I8", at::kChar},       Type{"U8", at::kByte},
                            Type{"BOOL", at::kBool}};
constexpr std::size_t kLengthBytes = 8, kAlignment = 8;
// The names and shapes of the largest networks take less than 1 MiB; a value in memory takes several times its text.
constexpr std::uint64_t kMaxHeader = 16 << 20;
constexpr std::size_t kMaxDimensions = 16;
constexpr int kMaxDepth = 3;  // of the elements of a shape
constexpr const char* kMetadata = "__metadata__";

struct Entry {
  std::string name;
  at::ScalarType type;
  std::vector<std::int64_t> shape;
  std::uint64_t begin, end;
};

std::uint64_t header_length(std::string_view bytes) {
  std::uint64_t length = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) length = length << 8 | static_cast<unsigned char>(bytes[i]);
  return length;
}

Json parse_header(std::string_view text) {
  std::array<std::set<std::string>, kMaxDepth + 1> seen;  // names of the object that is open at each depth
  const auto look = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMaxDepth) throw DataError("its header is nested too deeply");
    const auto level = static_cast<std::size_t>(depth);
    if (event == Json::parse_event_t::object_start && depth < kMaxDepth) seen[level + 1].clear();
    if (event == Json::parse_event_t::key && !seen[level].insert(parsed.get<std::string>()).second)
      throw DataError("its header names " + printable_name(parsed.get<std::string>()) + " twice");
    return true;
  };
  try {
    return Json::parse(text, look);
  } catch (const Json::exception&) {
    throw DataError("its header is no JSON; copy the file again");
  }
}

std::uint64_t whole_number(const Json& value) {
  if (!value.is_number_unsigned()) throw DataError("a number from 0 on is missing");
  return value.get<std::uint64_t>();
}

std::vector<std::int64_t> parse_shape(const Json& value, std::uint64_t bytes, std::uint64_t element) {
  if (!value.is_array() || value.size() > kMaxDimensions) throw DataError("its shape is no short list");
  std::vector<std::int64_t> shape;
  // An empty tensor's shape, too, must be one that a tensor can have.
  unsigned __int128 extent = element, size = element;
  for (const Json& item : value) {
    const std::uint64_t n = whole_number(item);
    size *= n;
    if (n > INT64_MAX || (extent *= std::max<std::uint64_t>(n, 1)) > INT64_MAX) throw DataError("its shape is too large");
    shape.push_back(static_cast<std::int64_t>(n));
  }
  if (size != bytes) throw DataError("its shape does not fit its " + std::to_string(bytes) + " bytes");
  return shape;
}

Entry parse_entry(const std::string& name, const Json& info, std::uint64_t data) {
  if (!info.is_object() || !info.contains("dtype") || !info["dtype"].is_string() || !info.contains("shape") ||
      !info.contains("data_offsets") || !info["data_offsets"].is_array() || info["data_offsets"].size() != 2)
    throw DataError("it has no dtype, shape and two data_offsets");
  Entry entry{name, {}, {}, whole_number(info["data_offsets"][0]), whole_number(info["data_offsets"][1])};
  const auto& type = info["dtype"].get_ref<const std::string&>();
  const auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](const Type& known) { return known.name == type; });
  if (found == kTypes.end()) throw DataError("its type " + printable_name(type) + " is not read; save it as F32");
  entry.type = found->type;
  if (entry.begin > entry.end || entry.end > data) throw DataError("its bytes lie outside of the file");
  entry.shape = parse_shape(info["shape"], entry.end - entry.begin, c10::elementSize(entry.type));
  return entry;
}

void check_metadata(const Json& metadata) {
  if (!metadata.is_object() || std::any_of(metadata.begin(), metadata.end(), [](const Json& value) { return !value.is_string(); }))
    throw DataError("its metadata are not texts");
}

// By place; together they are all of the data, each byte once.
std::vector<Entry> parse_entries(const Json& header, std::uint64_t data) {
  std::vector<Entry> entries;
  for (const auto& [name, info] : header.items()) {
    if (name == kMetadata) {
      check_metadata(info);
      continue;
    }
    try {
      entries.push_back(parse_entry(name, info, data));
    } catch (const DataError& error) {
      throw DataError("its tensor " + printable_name(name) + " is broken: " + error.what());
    }
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::uint64_t end = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != end)
      throw DataError("its tensor " + printable_name(entry.name) + (entry.begin < end ? " overlaps another one" : " comes after a gap"));
    end = entry.end;
  }
  if (end != data) throw DataError("it has bytes that belong to no tensor; copy the file again");
  return entries;
}

std::string_view type_name(at::ScalarType type) {
  for (const Type& known : kTypes)
    if (known.type == type) return known.name;
  throw InternalError(std::string("internal error: a tensor of type ") + at::toString(type) + " cannot be saved; please report it");
}

std::size_t type_rank(at::ScalarType type) {
  return static_cast<std::size_t>(
      std::find_if(kTypes.begin(), kTypes.end(), [&](const Type& known) { return known.type == type; }) - kTypes.begin());
}

}  // namespace

bool looks_like_safetensors(std::string_view bytes) {
  return bytes.size() > kLengthBytes && bytes[kLengthBytes] == '{' && header_length(bytes) <= bytes.size() - kLengthBytes;
}

StateDict parse_safetensors(std::string_view bytes) {
  if (bytes.size() < kLengthBytes) throw DataError("it is too short for a safetensors file; copy it again");
  const std::uint64_t length = header_length(bytes);
  if (length > kMaxHeader) throw DataError("its header has " + std::to_string(length) + " bytes, far more than a state dict needs");
  if (length > bytes.size() - kLengthBytes) throw DataError("it ends within its header; copy the file again");
  const std::string_view text = bytes.substr(kLengthBytes, length), data = bytes.substr(kLengthBytes + length);
  if (!text.starts_with('{')) throw DataError("it is no safetensors file: its header is no JSON object");
  StateDict out;
  for (const Entry& entry : parse_entries(parse_header(text), data.size())) {
    const std::string_view content = data.substr(entry.begin, entry.end - entry.begin);
    if (entry.type == at::kBool && !are_truth_values(content))
      throw DataError("its tensor " + printable_name(entry.name) + " has truth values that are neither 0 nor 1");
    at::Tensor tensor = at::empty(entry.shape, at::TensorOptions(entry.type));
    if (!content.empty()) std::memcpy(tensor.mutable_data_ptr(), content.data(), content.size());
    out.emplace_back(entry.name, std::move(tensor));
  }
  return out;
}

std::string format_safetensors(const StateDict& tensors) {
  StateDict sorted;
  for (const auto& [name, tensor] : tensors) {
    check(name != kMetadata, "a tensor has the name of the metadata");
    sorted.emplace_back(name, tensor.detach().cpu().contiguous());
  }
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    const auto rank_a = type_rank(a.second.scalar_type()), rank_b = type_rank(b.second.scalar_type());
    return std::tie(rank_a, a.first) < std::tie(rank_b, b.first);
  });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  std::uint64_t end = 0;
  for (const auto& [name, tensor] : sorted) {
    check(!header.contains(name), "a state dict names two tensors alike");
    const std::uint64_t begin = end;
    end += tensor.nbytes();
    header[name] = {{"dtype", type_name(tensor.scalar_type())}, {"shape", tensor.sizes().vec()}, {"data_offsets", {begin, end}}};
  }
  std::string text = header.dump();
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  std::string bytes;
  bytes.reserve(kLengthBytes + text.size() + end);
  for (std::size_t i = 0; i < kLengthBytes; ++i) bytes += static_cast<char>(text.size() >> (8 * i) & 0xff);
  bytes += text;
  for (const auto& [name, tensor] : sorted)
    if (tensor.nbytes() > 0) bytes.append(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
  return bytes;
}

}  // namespace balr
