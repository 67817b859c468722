# An archive defines no global symbol whose name does not begin with loam_, but for what compilers
# add by themselves.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
set_symbols(symbols ${${LAYER}_ARCHIVE} -g --defined-only)
if(NOT symbols)
  message(FATAL_ERROR "lib${LAYER}.a defines nothing")
endif()
list(FILTER symbols EXCLUDE REGEX "^_?loam_|^__odr_asan|^__x86\\.get_pc_thunk|^DW\\.ref\\.")
expect_equal("symbols that lib${LAYER}.a should not define" "${symbols}" "")
