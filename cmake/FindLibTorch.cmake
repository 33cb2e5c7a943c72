# Finds LibTorch without a CUDA toolkit: the PyPI wheel's torch folder, the C++ zip, or a site's own.
#   LibTorch_ROOT, or CMAKE_PREFIX_PATH, names the folder that holds include/torch and lib/libtorch.so
#   (the wheel: <venv>/lib/python3.x/site-packages/torch). Without either, $BALR_DEPS (default: balr in
#   the user's cache folder), where tools/setup.sh puts the wheel, is searched.
# LibTorch's own find_package(Torch) asks for nvcc, which compute centres' login nodes and laptops lack.
# Defines the target LibTorch::LibTorch (CPU or CUDA), and LibTorch::CUDA_HEADERS and LibTorch::NCCL
# where their headers are found; LibTorch_WITH_CUDA, LibTorch_VERSION.
include(FindPackageHandleStandardArgs)

if(DEFINED ENV{BALR_DEPS})
  set(_deps "$ENV{BALR_DEPS}")
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(_deps "$ENV{XDG_CACHE_HOME}/balr")
else()
  set(_deps "$ENV{HOME}/.cache/balr")
endif()
file(GLOB _wheels "${_deps}/*/lib/python3*/site-packages/torch")

find_path(LibTorch_INCLUDE_DIR ATen/ATen.h PATH_SUFFIXES include HINTS ${LibTorch_ROOT} ${_wheels})
get_filename_component(_root "${LibTorch_INCLUDE_DIR}" DIRECTORY)
find_library(LibTorch_LIBRARY torch HINTS "${_root}/lib" NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu HINTS "${_root}/lib" NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 HINTS "${_root}/lib" NO_DEFAULT_PATH)
find_library(LibTorch_CUDA_LIBRARY torch_cuda HINTS "${_root}/lib" NO_DEFAULT_PATH)
find_library(LibTorch_C10_CUDA_LIBRARY c10_cuda HINTS "${_root}/lib" NO_DEFAULT_PATH)
if(EXISTS "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h")
  file(STRINGS "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h" _version REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH)")
elseif(EXISTS "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include/torch/version.h")
  file(STRINGS "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include/torch/version.h" _version REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH)")
endif()
string(REGEX REPLACE "[^0-9]+" "." LibTorch_VERSION "${_version}")
string(REGEX REPLACE "^\\.|\\.$" "" LibTorch_VERSION "${LibTorch_VERSION}")

find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_LIBRARY LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "Run tools/setup.sh, or set LibTorch_ROOT to a folder with include/ATen and lib/libtorch.so (2.6 or newer).")
if(NOT LibTorch_FOUND)
  return()
endif()

# Texts of the old C++ library (before GCC 5) do not link to ours: PyPI's wheels up to 2.6 are built so.
file(STRINGS "${LibTorch_C10_LIBRARY}" _new_texts REGEX "_ZNK3c106Device3strB5cxx11Ev" LIMIT_COUNT 1)
if(NOT _new_texts)
  message(FATAL_ERROR "LibTorch ${LibTorch_VERSION} in ${_root} is built with the C++ ABI from before GCC 5: take the wheel torch==2.7.1 (CUDA 12.6) "
    "or a newer one, or of 2.6 the archive libtorch-cxx11-abi, and set LibTorch_ROOT to it")
endif()

# The wheels of the CUDA libraries lie beside torch; a site's own come with the toolkit.
get_filename_component(_site "${_root}" DIRECTORY)
file(GLOB _nvidia_libs LIST_DIRECTORIES true "${_site}/nvidia/*/lib")
find_path(LibTorch_CUDA_INCLUDE_DIR cuda_runtime_api.h
  HINTS "${_site}/nvidia/cu13/include" "${_site}/nvidia/cuda_runtime/include" ENV CUDA_HOME PATH_SUFFIXES include)
# CUDA's headers include crt/, which only the toolkit has; triton's wheel, which the torch wheel needs, carries a copy.
find_path(LibTorch_CUDA_CRT_INCLUDE_DIR crt/host_defines.h
  HINTS "${LibTorch_CUDA_INCLUDE_DIR}" ENV CUDA_HOME PATHS "${_site}/triton/backends/nvidia/include" PATH_SUFFIXES include)
find_path(LibTorch_NCCL_INCLUDE_DIR nccl.h HINTS "${_site}/nvidia/nccl/include" ENV NCCL_HOME PATH_SUFFIXES include)
find_library(LibTorch_NCCL_LIBRARY NAMES libnccl.so.2 nccl HINTS "${_site}/nvidia/nccl/lib" ENV NCCL_HOME PATH_SUFFIXES lib)
find_library(LibTorch_CUDART_LIBRARY NAMES libcudart.so.13 libcudart.so.12 cudart
  HINTS "${_site}/nvidia/cu13/lib" "${_site}/nvidia/cuda_runtime/lib" ENV CUDA_HOME PATH_SUFFIXES lib lib64)
set(LibTorch_WITH_CUDA OFF)
if(LibTorch_CUDA_LIBRARY)
  set(LibTorch_WITH_CUDA ON)
endif()

if(NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  # -idirafter: the wheel carries a newer fmt, which must not shadow the system's that spdlog was built for.
  target_compile_options(LibTorch::LibTorch INTERFACE
    "SHELL:-idirafter ${LibTorch_INCLUDE_DIR}" "SHELL:-idirafter ${LibTorch_INCLUDE_DIR}/torch/csrc/api/include")
  set(_libraries ${LibTorch_LIBRARY} ${LibTorch_CPU_LIBRARY} ${LibTorch_C10_LIBRARY})
  if(LibTorch_WITH_CUDA)
    list(APPEND _libraries ${LibTorch_CUDA_LIBRARY} ${LibTorch_C10_CUDA_LIBRARY})
  endif()
  target_link_libraries(LibTorch::LibTorch INTERFACE -Wl,--no-as-needed ${_libraries} -Wl,--as-needed)
  # The system's libstdc++ first: the wheel's libraries export an old std::filesystem of their own, whose remove_all
  # crashes in our programs.
  target_link_options(LibTorch::LibTorch INTERFACE "SHELL:-Wl,--no-as-needed -lstdc++ -Wl,--as-needed")
  target_link_options(LibTorch::LibTorch INTERFACE -Wl,--allow-shlib-undefined "-Wl,-rpath,${_root}/lib")
  foreach(_dir ${_nvidia_libs})
    target_link_options(LibTorch::LibTorch INTERFACE "-Wl,-rpath,${_dir}")
  endforeach()
endif()
if(LibTorch_WITH_CUDA AND NOT LibTorch_CUDA_CRT_INCLUDE_DIR)
  message(WARNING "balr is built without CUDA: crt/host_defines.h is missing; set CUDA_HOME to the CUDA toolkit, or install nvidia-cuda-crt")
endif()
if(LibTorch_WITH_CUDA AND LibTorch_CUDA_INCLUDE_DIR AND LibTorch_CUDA_CRT_INCLUDE_DIR AND LibTorch_CUDART_LIBRARY AND NOT TARGET LibTorch::CUDA)
  add_library(LibTorch::CUDA INTERFACE IMPORTED)
  target_compile_options(LibTorch::CUDA INTERFACE "SHELL:-idirafter ${LibTorch_CUDA_INCLUDE_DIR}")
  if(LibTorch_CUDA_CRT_INCLUDE_DIR MATCHES "/triton/")
    target_compile_options(LibTorch::CUDA INTERFACE "SHELL:-idirafter ${LibTorch_CUDA_CRT_INCLUDE_DIR}")
  endif()
  target_link_libraries(LibTorch::CUDA INTERFACE ${LibTorch_CUDART_LIBRARY})
endif()
if(LibTorch_WITH_CUDA AND LibTorch_NCCL_INCLUDE_DIR AND LibTorch_NCCL_LIBRARY AND TARGET LibTorch::CUDA AND NOT TARGET LibTorch::NCCL)
  add_library(LibTorch::NCCL INTERFACE IMPORTED)
  target_compile_options(LibTorch::NCCL INTERFACE "SHELL:-idirafter ${LibTorch_NCCL_INCLUDE_DIR}")
  target_link_libraries(LibTorch::NCCL INTERFACE ${LibTorch_NCCL_LIBRARY} LibTorch::CUDA)
endif()
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_LIBRARY LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY
  LibTorch_CUDA_CRT_INCLUDE_DIR LibTorch_CUDA_LIBRARY LibTorch_C10_CUDA_LIBRARY LibTorch_CUDA_INCLUDE_DIR LibTorch_NCCL_INCLUDE_DIR
  LibTorch_NCCL_LIBRARY LibTorch_CUDART_LIBRARY)
