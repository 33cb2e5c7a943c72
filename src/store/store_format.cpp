#include "store/store_format.hpp"

#include "balr/core/error.hpp"

namespace balr {

std::string attributes_text(const StoreInfo& info) {
  std::string out = std::string("format=") + kFormatName +
                    "\nformat_version=" + std::to_string(kFormatVersion) + "\n";
  for (const auto& [name, member] : kTextAttributes)
    out += std::string(name) + "=" + info.*member + "\n";
  for (const auto& [name, member] : kNumberAttributes)
    out += std::string(name) + "=" + std::to_string(info.*member) + "\n";
  return out;
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
