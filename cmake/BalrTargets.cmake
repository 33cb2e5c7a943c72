# Functions that define our targets in one way: balr_add_module, balr_add_test.

add_library(balr_options INTERFACE)
# No contraction of a*b+c behind our back: where a fused multiply-add is wanted, the source says so.
# That is part of the promise of equal bytes on every CPU type.
target_compile_options(balr_options INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -ffp-contract=off
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>  # false alarms, GCC bug 105651
  $<$<BOOL:${BALR_WERROR}>:-Werror>)
target_include_directories(balr_options INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
if(BALR_SANITIZER)
  target_compile_options(balr_options INTERFACE -fsanitize=${BALR_SANITIZER} -fno-omit-frame-pointer)
  target_link_options(balr_options INTERFACE -fsanitize=${BALR_SANITIZER})
endif()

# balr_add_module(NAME SOURCES a.cpp ... [LINK targets ...]): static library balr_NAME.
function(balr_add_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(balr_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(balr_${name} PUBLIC balr_options ${ARG_LINK})
endfunction()

# balr_add_test(NAME SOURCES x_test.cpp ... LINK targets ... [MPI n] [LABELS l ...] [TIMEOUT s]):
# one GoogleTest program; with MPI it runs under mpiexec on n ranks.
function(balr_add_test name)
  cmake_parse_arguments(ARG "" "MPI;TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE balr_options ${ARG_LINK} GTest::gtest)
  if(ARG_MPI)
    add_test(NAME ${name} COMMAND ${BALR_MPIRUN} ${MPIEXEC_NUMPROC_FLAG} ${ARG_MPI}
      $<TARGET_FILE:${name}>)
    target_link_libraries(${name} PRIVATE balr_test_mpi_main)
    set(ARG_LABELS ${ARG_LABELS} mpi)
  else()
    add_test(NAME ${name} COMMAND ${name})
    target_link_libraries(${name} PRIVATE GTest::gtest_main)
  endif()
  balr_test_properties(${name} TIMEOUT ${ARG_TIMEOUT} LABELS ${ARG_LABELS})
endfunction()

# balr_add_python_test(NAME script.py [LABELS l ...] [TIMEOUT s] [ARGS a ...]): a unittest program.
function(balr_add_python_test name script)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS;ARGS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_test(NAME ${name} COMMAND ${BALR_TEST_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/${script} ${ARG_ARGS})
  balr_test_properties(${name} TIMEOUT ${ARG_TIMEOUT} LABELS ${ARG_LABELS})
endfunction()

# Environment, labels and time limit that every test shares, whatever its language.
function(balr_test_properties name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS" ${ARGN})
  string(REPLACE ";" " " mpirun "${BALR_MPIRUN}")
  set(environment
    "OMPI_ALLOW_RUN_AS_ROOT=1" "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1" "OMPI_MCA_rmaps_base_oversubscribe=1"
    "OMPI_MCA_btl_vader_single_copy_mechanism=none" "OMPI_MCA_mpi_yield_when_idle=1"
    "PYTHONDONTWRITEBYTECODE=1" "BALR_MPIRUN=${mpirun}" "BALR_BUILD_DIR=${PROJECT_BINARY_DIR}" "BALR_SOURCE_DIR=${PROJECT_SOURCE_DIR}")
  set_tests_properties(${name} PROPERTIES TIMEOUT "${ARG_TIMEOUT}" LABELS "${ARG_LABELS}"
    ENVIRONMENT "${environment}" SKIP_RETURN_CODE 77)
endfunction()
