# Installs loam into STAGE, for all the entries that use it.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
file(REMOVE_RECURSE ${STAGE})
run(${CMAKE_COMMAND} --install ${BINARY_DIR} --config ${CONFIG} --prefix ${STAGE})
