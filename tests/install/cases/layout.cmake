# A public structure has the same members in checked and in unchecked builds, so that objects can
# pass between them.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
file(REMOVE_RECURSE ${WORK})
set_layer_closure(closure ${LAYER})
set(source "")
foreach(header IN LISTS ${LAYER}_HEADERS)
  string(APPEND source "#include <${header}>\n")
endforeach()
file(WRITE ${WORK}/headers.c "${source}")
set(includes "")
foreach(layer IN LISTS closure)
  list(APPEND includes -I${${layer}_FOLDER}/include)
endforeach()

# One member of nested braces is as deep as a public structure goes.
foreach(checks IN ITEMS 0 1)
  run(${C_COMPILER} -std=c11 -E -P -DLOAM_CHECKS=${checks} ${includes} ${WORK}/headers.c)
  string(REGEX REPLACE "[ \n]+" " " text "${OUTPUT}")
  string(REPLACE ";" "," text "${text}")
  string(REPLACE "[" "(" text "${text}")
  string(REPLACE "]" ")" text "${text}")
  string(REGEX MATCHALL "(struct|union) loam_[a-z_]+ {([^{}]|{[^{}]*})*}" structures_${checks}
    "${text}")
endforeach()
if(NOT structures_0 MATCHES "loam_[a-z]+ {")
  message(FATAL_ERROR "no structure was found in ${source}")
endif()
expect_equal("structures of ${LAYER}, with checks and without" "${structures_1}" "${structures_0}")
