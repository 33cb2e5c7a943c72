#include <ATen/core/Tensor.h>
#include <caffe2/serialize/inline_container.h>

#include <set>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/weights/state_dict.hpp"
#include "weights/rebuild_tensor.hpp"
#include "weights/safetensors.hpp"

namespace balr {
namespace {

// Writes opcodes of protocol 2, which every torch.load reads.
class Pickler {
 public:
  Pickler() { text_ = "\x80\x02"; }

  Pickler& raw(std::string_view opcodes) {
    text_ += opcodes;
    return *this;
  }
  Pickler& global(std::string_view module, std::string_view name) {
    return raw("c").raw(module).raw("\n").raw(name).raw("\n");
  }
  Pickler& text(std::string_view value) {
    raw("X").little_endian(value.size(), 4);
    return raw(value);
  }
  Pickler& integer(std::int64_t value) {
    if (value >= 0 && value < 1 << 8) return raw("K").little_endian(static_cast<std::uint64_t>(value), 1);
    if (value >= 0 && value <= INT32_MAX) return raw("J").little_endian(static_cast<std::uint64_t>(value), 4);
    return raw("\x8a\x08").little_endian(static_cast<std::uint64_t>(value), 8);
  }
  Pickler& tuple(at::IntArrayRef values) {
    raw("(");
    for (const std::int64_t value : values) integer(value);
    return raw("t");
  }
  Pickler& ordered_dict() { return global("collections", "OrderedDict").raw(")R"); }
  const std::string& str() const { return text_; }

 private:
  Pickler& little_endian(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) text_ += static_cast<char>(value >> (8 * i) & 0xff);
    return *this;
  }

  std::string text_;
};

// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)
void pickle_tensor(Pickler& pickle, const at::Tensor& tensor, std::size_t storage) {
  pickle.global("torch._utils", "_rebuild_tensor_v2").raw("(");
  pickle.raw("(").text("storage").global("torch", storage_name(tensor.scalar_type()));
  pickle.text(std::to_string(storage)).text("cpu").integer(tensor.numel()).raw("tQ");
  pickle.integer(0).tuple(tensor.sizes()).tuple(tensor.strides()).raw("\x89");
  pickle.ordered_dict().raw("tR");
}

std::string pickle_state_dict(const StateDict& tensors) {
  Pickler pickle;
  pickle.ordered_dict().raw("(");
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    pickle.text(tensors[i].first);
    pickle_tensor(pickle, tensors[i].second, i);
  }
  return pickle.raw("u.").str();
}

StateDict on_host(const StateDict& tensors) {
  StateDict out;
  std::set<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    check(names.insert(name).second, "a state dict names two tensors alike");
    out.emplace_back(name, tensor.detach().cpu().contiguous());
  }
  return out;
}

std::string format_pt(const StateDict& tensors) {
  const StateDict host = on_host(tensors);
  std::string bytes;
  caffe2::serialize::PyTorchStreamWriter archive([&](const void* data, std::size_t size) {
    bytes.append(static_cast<const char*>(data), size);
    return size;
  });
  const std::string pickle = pickle_state_dict(host);
  archive.writeRecord("data.pkl", pickle.data(), pickle.size());
  archive.writeRecord("byteorder", "little", 6);
  for (std::size_t i = 0; i < host.size(); ++i)
    archive.writeRecord("data/" + std::to_string(i), host[i].second.const_data_ptr(), host[i].second.nbytes());
  archive.writeEndOfFile();
  return bytes;
}

}  // namespace

void write_state_dict(const std::filesystem::path& file, const StateDict& tensors) {
  write_file_atomically(file, file.extension() == ".safetensors" ? format_safetensors(tensors) : format_pt(tensors));
}

}  // namespace balr
