# loam by FetchContent, from a folder that is here already: nothing is downloaded.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
build_consumer(fetch -DFETCHCONTENT_SOURCE_DIR_LOAM=${SOURCE_DIR} -DLOAM_CHECKS=${CHECKS})
if(NOT EXISTS ${WORK}/build/_deps/loam-build)
  message(FATAL_ERROR "loam was not built with the program")
endif()
