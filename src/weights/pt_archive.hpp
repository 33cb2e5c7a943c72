#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace caffe2::serialize {
class PyTorchStreamReader;
}

namespace balr {

// The records of a `.pt` file: a zip archive with `data.pkl` and the raw storages. Throws DataError without the file's
// name.
class PtArchive {
 public:
  explicit PtArchive(std::string bytes);
  ~PtArchive();

  std::string pickle();
  // The elements of storage `key`, which must have exactly this size.
  at::Tensor storage(const std::string& key, at::ScalarType type, std::int64_t numel);

 private:
  std::uint64_t record_size(const std::string& name);
  void read(const std::string& name, void* to, std::uint64_t size);

  std::string bytes_;
  std::unique_ptr<caffe2::serialize::PyTorchStreamReader> reader_;
  std::map<std::string, at::Tensor> storages_;
};

}  // namespace balr
