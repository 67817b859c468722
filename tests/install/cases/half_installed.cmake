# An install from which a part was taken says which part is missing, and for whom.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
file(REMOVE_RECURSE ${WORK})
file(COPY ${STAGE}/${LIBDIR}/cmake DESTINATION ${WORK}/prefix/${LIBDIR})
set_configure(configure probe ${WORK}/build -DCMAKE_PREFIX_PATH=${WORK}/prefix -DCOMPONENTS=arena)

file(REMOVE ${WORK}/prefix/${LIBDIR}/cmake/loam/loam-common-targets.cmake)
refuse("component 'arena' cannot be used: component 'common' is not installed" ${configure})

file(REMOVE ${WORK}/prefix/${LIBDIR}/cmake/loam/loam-arena-targets.cmake)
refuse("component 'arena' is not installed" ${configure})
