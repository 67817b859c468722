# loam inside somebody's shared library: position-independent, and not exported from it.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
build_consumer(shared -DCMAKE_PREFIX_PATH=${STAGE})
find_library(notes notes PATHS ${WORK}/build ${WORK}/build/${CONFIG} NO_DEFAULT_PATH REQUIRED)
set_symbols(exported ${notes} -D -g --defined-only)
list(FILTER exported INCLUDE REGEX "^loam_")
expect_equal("symbols of loam that the library exports" "${exported}" "")
