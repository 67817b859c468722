# The same project takes the installed loam where there is one.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
build_consumer(fetch -DCMAKE_PREFIX_PATH=${STAGE} -DFETCHCONTENT_FULLY_DISCONNECTED=ON)
expect_package_in(${STAGE})
if(EXISTS ${WORK}/build/_deps/loam-build)
  message(FATAL_ERROR "loam was built, though it is installed")
endif()
