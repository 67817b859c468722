# An install tree that was moved, to a path with a blank, works from where it is.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
set(moved "${WORK}/moved here")
file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BINARY_DIR} --config ${CONFIG} --prefix ${WORK}/first)
file(RENAME ${WORK}/first "${moved}")
build_consumer(arena "-DCMAKE_PREFIX_PATH=${moved}")
expect_package_in("${moved}")
