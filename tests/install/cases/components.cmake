# find_package defines what was asked for, with all that it stands on, and nothing else.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)

function(expect_targets expected)
  set_configure(configure probe ${WORK}/build -DCMAKE_PREFIX_PATH=${STAGE} ${ARGN})
  file(REMOVE_RECURSE ${WORK}/build)
  run(${configure})
  file(READ ${WORK}/build/found.txt found)
  list(SORT expected)
  expect_equal("layers defined for ${ARGN}" "${found}" "${expected}")
endfunction()

foreach(layer IN LISTS LAYERS)
  set_layer_closure(closure ${layer})
  expect_targets("${closure}" -DCOMPONENTS=${layer})
endforeach()
expect_targets("${LAYERS}")
expect_targets("common" -DCOMPONENTS=common -DOPTIONAL=granary)
