#include "weights/pt_archive.hpp"

#include <ATen/ops/empty.h>
#include <caffe2/serialize/inline_container.h>
#include <caffe2/serialize/read_adapter_interface.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "balr/core/error.hpp"
#include "weights/truth_values.hpp"

namespace balr {
namespace {

class BytesAdapter final : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit BytesAdapter(std::string_view bytes) : bytes_(bytes) {}
  size_t size() const override { return bytes_.size(); }
  size_t read(uint64_t pos, void* buf, size_t n, const char*) const override {
    if (pos >= bytes_.size() || n == 0) return 0;  // an empty record has no buffer
    const size_t count = std::min<uint64_t>(n, bytes_.size() - pos);
    std::memcpy(buf, bytes_.data() + pos, count);
    return count;
  }

 private:
  std::string_view bytes_;
};

// The names and shapes of the largest networks take less than 1 MiB; a value in memory may take 50 times its opcode.
constexpr std::uint64_t kMaxPickle = 16 << 20;
constexpr std::uint64_t kLocalHeaderSize = 30, kMethodOffset = 8;

constexpr std::size_t kEndSize = 22, kEntrySize = 46, kLocatorSize = 20, kEnd64Size = 56;

std::uint64_t little_endian(std::string_view bytes, std::uint64_t at, int size) {
  std::uint64_t value = 0;
  for (int i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<std::uint64_t>(i)]);
  return value;
}

// Where the local header of a record begins. LibTorch before 2.7 tells only where its data do, right behind that header.
template <typename Reader>
std::uint64_t header_offset(Reader& reader, std::string_view bytes, const std::string& name) {
  if constexpr (requires { reader.getRecordHeaderOffset(name); }) {
    return reader.getRecordHeaderOffset(name);
  } else {
    const std::uint64_t data = reader.getRecordOffset(name);
    for (std::uint64_t at = std::min<std::uint64_t>(data, bytes.size()); at-- > 0;) {
      if (bytes.substr(at, 4) != "PK\x03\x04" || bytes.size() - at < kLocalHeaderSize) continue;
      if (at + kLocalHeaderSize + little_endian(bytes, at + 26, 2) + little_endian(bytes, at + 28, 2) == data) return at;
    }
    return bytes.size();  // nowhere
  }
}

// LibTorch reads the record `version` before anything can be asked, with as much memory as the archive says: so the
// sizes of all records are looked at first. What is not an archive is left to its own complaint.
void check_directory(std::string_view bytes) {
  const std::size_t end = bytes.rfind("PK\x05\x06");
  if (end == bytes.npos || bytes.size() - end < kEndSize) return;
  std::uint64_t at = little_endian(bytes, end + 16, 4);
  if (end >= kLocatorSize && bytes.substr(end - kLocatorSize, 4) == "PK\x06\x07") {
    const std::uint64_t end64 = little_endian(bytes, end - kLocatorSize + 8, 8);
    if (end64 < bytes.size() && bytes.size() - end64 >= kEnd64Size) at = little_endian(bytes, end64 + 48, 8);
  }
  while (at < bytes.size() && bytes.size() - at >= kEntrySize && bytes.substr(at, 4) == "PK\x01\x02") {
    if (little_endian(bytes, at + 10, 2) != 0) throw DataError("it has compressed records, which torch.save never does; save it again");
    if (little_endian(bytes, at + 24, 4) > bytes.size())
      throw DataError("it has a record that reaches beyond the end of the file; copy the file again");
    at += kEntrySize + little_endian(bytes, at + 28, 2) + little_endian(bytes, at + 30, 2) + little_endian(bytes, at + 32, 2);
  }
}

}  // namespace

PtArchive::PtArchive(std::string bytes) : bytes_(std::move(bytes)) {
  if (!bytes_.starts_with("PK\x03\x04"))
    throw DataError("it is no zip archive, which torch.save has written since PyTorch 1.6; load it in Python and save it again");
  check_directory(bytes_);
  try {
    reader_ = std::make_unique<caffe2::serialize::PyTorchStreamReader>(std::make_shared<BytesAdapter>(bytes_));
  } catch (const std::exception&) {
    throw DataError("its zip archive is broken or cut off; copy the file again");
  }
  if (reader_->hasRecord("byteorder")) {
    std::string order(std::min<std::uint64_t>(record_size("byteorder"), 16), '\0');
    read("byteorder", order.data(), order.size());
    if (order != "little") throw DataError("its numbers are not little-endian; save it again on such a machine");
  }
}

PtArchive::~PtArchive() = default;

std::string PtArchive::pickle() {
  const std::uint64_t size = record_size("data.pkl");
  if (size > kMaxPickle)
    throw DataError("its record data.pkl has " + std::to_string(size) +
                    " bytes, far more than a state dict needs; save the state dict alone");
  std::string data(size, '\0');
  read("data.pkl", data.data(), data.size());
  return data;
}

at::Tensor PtArchive::storage(const std::string& key, at::ScalarType type, std::int64_t numel) {
  const std::string name = "data/" + key;
  const auto known = storages_.find(name);
  if (known != storages_.end()) {
    if (known->second.scalar_type() != type || known->second.numel() != numel)
      throw DataError("its storage " + name + " has two types or sizes");
    return known->second;
  }
  const std::uint64_t size = record_size(name), element = c10::elementSize(type);
  if (numel < 0 || size % element != 0 || static_cast<std::uint64_t>(numel) != size / element)
    throw DataError("its storage " + name + " has " + std::to_string(size) + " bytes, not " + std::to_string(numel) +
                    " elements of " + std::to_string(element));
  at::Tensor elements = at::empty({numel}, at::TensorOptions(type));
  read(name, elements.data_ptr(), size);
  if (type == at::kBool && !are_truth_values({static_cast<const char*>(elements.const_data_ptr()), size}))
    throw DataError("its storage " + name + " has truth values that are neither 0 nor 1");
  storages_.emplace(name, elements);
  return elements;
}

// Records are stored as they are, so none is larger than the file: a compressed one could be a bomb.
std::uint64_t PtArchive::record_size(const std::string& name) {
  std::uint64_t size = 0, header = 0;
  try {
    if (!reader_->hasRecord(name)) throw DataError("it has no record " + name + ", so it was not written by torch.save");
    size = reader_->getRecordSize(name);
    header = header_offset(*reader_, bytes_, name);
  } catch (const c10::Error&) {
    throw DataError("its record " + name + " is broken; copy the file again");
  }
  if (header > bytes_.size() || bytes_.size() - header < kLocalHeaderSize || size > bytes_.size() - header - kLocalHeaderSize)
    throw DataError("its record " + name + " reaches beyond the end of the file; copy the file again");
  if (bytes_[header + kMethodOffset] != 0 || bytes_[header + kMethodOffset + 1] != 0)
    throw DataError("its record " + name + " is compressed, which torch.save never does; save it again");
  return size;
}

void PtArchive::read(const std::string& name, void* to, std::uint64_t size) {
  try {
    if (size == 0 || reader_->getRecord(name, to, size) == size) return;
  } catch (const std::exception&) {
  }
  throw DataError("its record " + name + " cannot be read; copy the file again");
}

}  // namespace balr
