# A program that is built with Ninja, whatever loam was built with.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
build_consumer(arena -DCMAKE_PREFIX_PATH=${STAGE} -GNinja -DCMAKE_MAKE_PROGRAM=${NINJA})
expect_package_in(${STAGE})
expect_linked("${OUTPUT}" libarena.a libcommon.a ${THREAD_LIBRARIES})
