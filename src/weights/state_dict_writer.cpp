#include <ATen/ATen.h>
#include <caffe2/serialize/inline_container.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/weights/state_dict.hpp"

namespace balr {
namespace {

// Writes the pickle (protocol 2) of OrderedDict([(name, tensor), ...]) as torch.save does.
class Pickler {
 public:
  Pickler() { out_ = "\x80\x02"; }

  void begin_dict() {
    empty_ordered_dict();
    out_ += '(';
  }
  void end() { out_ += "u."; }

  void tensor(const std::string& name, const at::Tensor& tensor, std::size_t key) {
    text(name);
    global("torch._utils", "_rebuild_tensor_v2");
    out_ += "((";
    text("storage");
    global("torch", storage_type(tensor.scalar_type()));
    text(std::to_string(key));
    text("cpu");
    integer(tensor.numel());
    out_ += "tQ";  // the storage, by persistent id
    integer(0);    // offset
    integers(tensor.sizes());
    integers(tensor.strides());
    out_ += '\x89';  // requires_grad: False
    empty_ordered_dict();
    out_ += "tR";
  }

  const std::string& bytes() const { return out_; }

 private:
  static const char* storage_type(at::ScalarType type) {
    switch (type) {
      case at::kFloat: return "FloatStorage";
      case at::kDouble: return "DoubleStorage";
      case at::kLong: return "LongStorage";
      case at::kInt: return "IntStorage";
      case at::kByte: return "ByteStorage";
      case at::kBool: return "BoolStorage";
      default: throw InternalError("tensors of this type are not written");
    }
  }
  void global(const char* module, const char* name) { out_ += std::string("c") + module + "\n" + name + "\n"; }
  void empty_ordered_dict() {
    global("collections", "OrderedDict");
    out_ += ")R";
  }
  template <class T>
  void raw(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(const std::string& value) {
    out_ += 'X';
    raw(static_cast<std::uint32_t>(value.size()));
    out_ += value;
  }
  void integer(std::int64_t value) {
    if (value >= INT32_MIN && value <= INT32_MAX) {
      out_ += 'J';
      raw(static_cast<std::int32_t>(value));
    } else {
      out_ += "\x8a\x08";
      raw(value);
    }
  }
  void integers(at::IntArrayRef values) {
    out_ += '(';
    for (const std::int64_t value : values) integer(value);
    out_ += 't';
  }

  std::string out_;
};

void write_archive(const std::filesystem::path& file, const StateDict& tensors) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  const auto check = [&] {
    if (!out) throw IoError("cannot write " + file.string() + ": " + std::strerror(errno));
  };
  check();
  // The name of the archive's top folder comes from the file's name otherwise, and that is a temporary one.
  caffe2::serialize::PyTorchStreamWriter writer([&](const void* bytes, std::size_t size) {
    out.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
    return out ? size : 0;
  });
  Pickler pickler;
  pickler.begin_dict();
  StateDict contiguous;
  for (const auto& [name, tensor] : tensors) {
    contiguous.emplace_back(name, tensor.detach().cpu().contiguous());
    pickler.tensor(name, contiguous.back().second, contiguous.size() - 1);
  }
  pickler.end();
  writer.writeRecord("data.pkl", pickler.bytes().data(), pickler.bytes().size());
  writer.writeRecord("byteorder", "little", 6);
  for (std::size_t i = 0; i < contiguous.size(); ++i)
    writer.writeRecord("data/" + std::to_string(i), contiguous[i].second.data_ptr(), contiguous[i].second.nbytes());
  writer.writeEndOfFile();
  out.close();
  check();
}

}  // namespace

void write_state_dict(const std::filesystem::path& file, const StateDict& tensors) {
  const std::filesystem::path temporary = temporary_name(file);
  try {
    write_archive(temporary, tensors);
    publish(temporary, file);
  } catch (const Error&) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw;
  } catch (const c10::Error& e) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw IoError("cannot write " + file.string() + ": " + e.what_without_backtrace());
  }
}

}  // namespace balr
