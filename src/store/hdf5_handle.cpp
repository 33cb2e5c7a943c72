#include "store/hdf5_handle.hpp"

#include "balr/core/error.hpp"

namespace balr {

void silence_hdf5() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

std::string hdf5_error_text() {
  std::string text;
  const auto keep_last = [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
    if (error->desc && *error->desc) *static_cast<std::string*>(out) = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_last, &text);
  if (text.empty()) text = "HDF5 gives no reason";
  if (text.find("lock") != std::string::npos && text.find("block") == std::string::npos)
    text += " (the file system has no locks: set HDF5_USE_FILE_LOCKING=FALSE)";
  return text;
}

Hdf5Handle file_access_list() {
  Hdf5Handle list(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  BALR_CHECK(list);
  BALR_CHECK(H5Pset_libver_bounds(list.get(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V110) >= 0);
#if H5_VERSION_GE(1, 10, 7)
  // Stores are published by rename and never changed: locks add nothing, and Lustre or NFS may have
  // none. The environment variable wins over this (HDF5 looks at it itself).
  BALR_CHECK(H5Pset_file_locking(list.get(), false, true) >= 0);
#endif
  return list;
}

}  // namespace balr
