# Third-party packages, each found once; modules link to the imported targets only.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
# The C API only: mpi.h must not pull in the old C++ bindings, which need a library of their own.
target_compile_definitions(MPI::MPI_C INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
# How the tests start ranks: more of them than cores, unbound. MPICH's launcher does so by itself, and knows no such options.
set(BALR_MPIRUN "${MPIEXEC_EXECUTABLE}")
execute_process(COMMAND ${MPIEXEC_EXECUTABLE} --version OUTPUT_VARIABLE _launcher ERROR_QUIET)
if(_launcher MATCHES "Open MPI|OpenRTE|PRRTE|prte")
  list(APPEND BALR_MPIRUN --oversubscribe --bind-to none)
endif()
set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(LibTorch REQUIRED)
pkg_check_modules(sndfile REQUIRED IMPORTED_TARGET sndfile)
if(BALR_WITH_FFMPEG)  # 5.1 or newer: m4a, wma
  pkg_check_modules(FFMPEG libavformat>=59.27 libavcodec>=59.37 libavutil>=57.28)
endif()
pkg_check_modules(hwy REQUIRED IMPORTED_TARGET libhwy)
find_path(BALR_LIBCSV_INCLUDE csv.h REQUIRED)
find_library(BALR_LIBCSV_LIBRARY csv REQUIRED)
if(BALR_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()

add_library(balr_libcsv INTERFACE)
target_include_directories(balr_libcsv INTERFACE ${BALR_LIBCSV_INCLUDE})
target_link_libraries(balr_libcsv INTERFACE ${BALR_LIBCSV_LIBRARY})

add_library(balr_hdf5 INTERFACE)
target_include_directories(balr_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(balr_hdf5 INTERFACE ${HDF5_C_LIBRARIES})
target_compile_definitions(balr_hdf5 INTERFACE ${HDF5_C_DEFINITIONS})

# yaml-cpp's target has had two names.
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()
