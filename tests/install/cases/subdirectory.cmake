# loam as a folder of somebody's project: the parent's settings stay as they are (the consumer looks
# at that), and the parent installs itself and nothing of loam.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
build_consumer(subdirectory -DLOAM_SOURCE_DIR=${SOURCE_DIR} -DLOAM_CHECKS=${CHECKS})
file(REMOVE_RECURSE ${WORK}/prefix)
run(${CMAKE_COMMAND} --install ${WORK}/build --config ${CONFIG} --prefix ${WORK}/prefix)
file(GLOB_RECURSE installed RELATIVE ${WORK}/prefix ${WORK}/prefix/*)
expect_equal("what the parent installs" "${installed}" "bin/app")
