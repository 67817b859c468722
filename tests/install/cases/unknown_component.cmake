# A component that does not exist is refused with its name and with those that do.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
file(REMOVE_RECURSE ${WORK})
set_configure(configure probe ${WORK}/build -DCMAKE_PREFIX_PATH=${STAGE}
  "-DCOMPONENTS=arena granary")
string(REPLACE ";" " " layers "${LAYERS}")
refuse("there is no component 'granary' in loam ${VERSION}, which has: ${layers}" ${configure})
