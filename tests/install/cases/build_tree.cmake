# The build folder is a package too.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
build_consumer(arena -Dloam_DIR=${BINARY_DIR})
expect_package_in(${BINARY_DIR})
expect_linked("${OUTPUT}" libarena.a libcommon.a ${THREAD_LIBRARIES})
