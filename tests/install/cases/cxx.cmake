# A C++ program whose project knows no C.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
build_consumer(cxx -DCMAKE_PREFIX_PATH=${STAGE})
expect_package_in(${STAGE})
expect_linked("${OUTPUT}" libarena.a libcommon.a ${THREAD_LIBRARIES})
