#include "store/store_format.hpp"

#include "balr/core/error.hpp"

namespace balr {

std::vector<RootAttribute> root_attributes(const StoreInfo& info) {
  std::vector<RootAttribute> out = {{"format", kFormatName}, {"format_version", kFormatVersion}};
  for (const auto& [name, member] : kTextAttributes) out.push_back({name, info.*member});
  for (const auto& [name, member] : kNumberAttributes) out.push_back({name, info.*member});
  return out;
}

ColumnFileSpec store_spec(const StoreInfo& info, const StoreShape& shape) {
  ColumnFileSpec spec{root_attributes(info), shape.rows, {}};
  spec.columns = {{"embeddings", Cell::kFloat32, static_cast<std::size_t>(shape.dimension), true},
                  {"id", Cell::kText, shape.id_width},
                  {"speaker", Cell::kText, shape.speaker_width},
                  {"status", Cell::kStatus},
                  {"seconds", Cell::kFloat32},
                  {"source_rate", Cell::kInt32}};
  if (shape.reason_width > 0) spec.columns.push_back({"reason", Cell::kText, shape.reason_width});
  if (shape.files) spec.columns.push_back({"file_size", Cell::kInt64});
  if (shape.files) spec.columns.push_back({"file_time", Cell::kInt64});
  return spec;
}

Hdf5Handle text_type(std::size_t width) {
  Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  BALR_CHECK(type && H5Tset_size(type.get(), width) >= 0 &&
             H5Tset_strpad(type.get(), H5T_STR_NULLPAD) >= 0 &&
             H5Tset_cset(type.get(), H5T_CSET_UTF8) >= 0);
  return type;
}

Hdf5Handle status_type() {
  Hdf5Handle type(H5Tenum_create(H5T_STD_U8LE), H5Tclose);
  BALR_CHECK(type);
  for (std::size_t i = 0; i < kStatusNames.size(); ++i) {
    const auto value = static_cast<std::uint8_t>(i);
    BALR_CHECK(H5Tenum_insert(type.get(), kStatusNames[i], &value) >= 0);
  }
  return type;
}

Hdf5Handle predefined(hid_t type) {
  return Hdf5Handle(type, [](hid_t) -> herr_t { return 0; });
}

}  // namespace balr
