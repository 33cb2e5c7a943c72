#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <caffe2/serialize/inline_container.h>

#include <filesystem>
#include <map>

#include "balr/core/error.hpp"
#include "balr/weights/state_dict.hpp"
#include "weights/pickle.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

at::ScalarType scalar_type(const std::string& storage) {
  static const std::map<std::string, at::ScalarType> kTypes = {
      {"FloatStorage", at::kFloat},  {"DoubleStorage", at::kDouble}, {"HalfStorage", at::kHalf},
      {"BFloat16Storage", at::kBFloat16}, {"LongStorage", at::kLong}, {"IntStorage", at::kInt},
      {"ShortStorage", at::kShort},  {"CharStorage", at::kChar},     {"ByteStorage", at::kByte},
      {"BoolStorage", at::kBool}};
  const auto at = kTypes.find(storage);
  if (at == kTypes.end()) throw DataError("it has a tensor of the type " + storage + ", which is not read");
  return at->second;
}

class Archive {
 public:
  explicit Archive(const fs::path& file) : file_size_(fs::file_size(file)), reader_(file.string()) {
    if (reader_.hasRecord("byteorder") && record("byteorder") != "little")
      throw DataError("it was written on a big-endian machine");
  }

  std::string record(const std::string& name) {
    const auto [data, size] = get(name);
    return {static_cast<const char*>(data.get()), size};
  }

  at::Tensor tensor(const pickle::Tensor& description) {
    const at::Tensor values = storage(description.storage);
    const std::size_t dimensions = description.size.size();
    if (dimensions != description.stride.size() || dimensions > 16 || description.offset < 0) broken();
    std::int64_t last = description.offset;  // the largest index that is used
    bool empty = false;
    for (std::size_t i = 0; i < dimensions; ++i) {
      const std::int64_t size = description.size[i], stride = description.stride[i];
      if (size < 0 || stride < 0 || size > values.numel() + 1 || stride > values.numel() + 1) broken();
      empty = empty || size == 0;
      // Both factors are bounded by the storage's size, so that neither product nor sum overflows.
      if (size > 0 && stride > 0 && size - 1 > values.numel() / stride) broken();
      last += size > 0 ? (size - 1) * stride : 0;
      if (last > 2 * values.numel()) broken();
    }
    if (!empty && last >= values.numel()) broken();
    if (empty) return at::empty(description.size, values.options());
    std::int64_t elements = 1;  // stride 0 could repeat one number endlessly
    for (const std::int64_t size : description.size)
      if (__builtin_mul_overflow(elements, size, &elements) || elements > values.numel()) broken();
    return values.as_strided(description.size, description.stride, description.offset).clone(at::MemoryFormat::Contiguous);
  }

 private:
  [[noreturn]] static void broken() { throw DataError("a tensor does not fit its storage"); }

  std::tuple<at::DataPtr, std::size_t> get(const std::string& name) {
    // Records are stored, not deflated: one that claims more than the file holds would only exhaust the memory.
    if (reader_.getRecordSize(name) > file_size_) throw DataError("the record " + name + " is larger than the file");
    return reader_.getRecord(name);
  }

  at::Tensor storage(const pickle::Storage& description) {
    if (const auto at = storages_.find(description.key); at != storages_.end()) return at->second;
    const at::ScalarType type = scalar_type(description.type);
    auto [data, size] = get("data/" + description.key);
    const auto width = static_cast<std::int64_t>(at::elementSize(type));
    if (description.elements < 0 || description.elements > static_cast<std::int64_t>(size) / width)
      throw DataError("the storage " + description.key + " is shorter than it should be");
    auto* raw = data.get();
    auto keep = std::make_shared<at::DataPtr>(std::move(data));
    return storages_.emplace(description.key, at::from_blob(raw, {description.elements}, [keep](void*) {}, type)).first->second;
  }

  std::uintmax_t file_size_;
  caffe2::serialize::PyTorchStreamReader reader_;
  std::map<std::string, at::Tensor> storages_;
};

const pickle::Dict* as_dict(const pickle::Value& value) {
  const auto* dict = std::get_if<std::shared_ptr<pickle::Dict>>(&value.data);
  return dict ? dict->get() : nullptr;
}

// The state dict itself, or where training programs put it.
const pickle::Dict& find_state_dict(const pickle::Value& top) {
  const pickle::Dict* dict = as_dict(top);
  if (!dict) throw DataError("it holds no state dict");
  for (const auto& [key, value] : dict->items) {
    const auto* name = std::get_if<std::string>(&key.data);
    if (!name || (*name != "state_dict" && *name != "model" && *name != "model_state_dict")) continue;
    if (const pickle::Dict* inner = as_dict(value)) return *inner;
  }
  return *dict;
}

StateDict read(const fs::path& file) {
  Archive archive(file);
  const std::string program = archive.record("data.pkl");
  const pickle::Value top = pickle::load(program);
  StateDict out;
  for (const auto& [key, value] : find_state_dict(top).items) {
    const auto* name = std::get_if<std::string>(&key.data);
    const auto* tensor = std::get_if<pickle::Tensor>(&value.data);
    if (!name || !tensor) throw DataError("an entry of its state dict is not a named tensor");
    out.emplace_back(*name, archive.tensor(*tensor));
  }
  return out;
}

}  // namespace

StateDict read_state_dict(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) throw IoError("cannot read the model file " + file.string() + ": no such file");
  const std::string prefix = "the model file " + file.string() + " cannot be used: ";
  try {
    return read(file);
  } catch (const DataError& e) {
    throw DataError(prefix + e.what());
  } catch (const c10::Error& e) {
    throw DataError(prefix + "it is not a file of torch.save, or damaged (" +
                    std::string(e.what_without_backtrace()).substr(0, 120) + ")");
  } catch (const std::bad_alloc&) {
    throw DataError(prefix + "it asks for too much memory");
  }
}

}  // namespace balr
