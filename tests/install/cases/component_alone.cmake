# common by itself, from an install that has nothing else.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BINARY_DIR} --config ${CONFIG} --prefix ${WORK}/prefix
  --component loam-common)
build_consumer(common -DCMAKE_PREFIX_PATH=${WORK}/prefix)
expect_package_in(${WORK}/prefix)
expect_linked("${OUTPUT}" libcommon.a ${THREAD_LIBRARIES})
