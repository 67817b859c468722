# Typed trees compile in every language that their header promises, without a warning: all of their functions
# are in typed_faces.h.
#
#   cmake -DC_COMPILER=<C compiler> -DCXX_COMPILER=<C++ compiler or nothing> -DLOAM=<source folder>
#         -P typed_languages.cmake
set(folder ${CMAKE_CURRENT_LIST_DIR})
set(options -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror
  -I${LOAM}/tests -I${LOAM}/common/include -I${LOAM}/btree/include)

function(expect_compiles compiler standard source)
  foreach(checks IN ITEMS 0 1)
    execute_process(
      COMMAND ${compiler} -std=${standard} -DLOAM_CHECKS=${checks} ${options} ${ARGN} ${folder}/${source}
      RESULT_VARIABLE result ERROR_VARIABLE output)
    if(NOT result EQUAL 0)
      message("${output}")
      message(FATAL_ERROR "${source} does not compile as ${standard} ${ARGN}")
    endif()
  endforeach()
endfunction()

# Not for keys or values that have to know when they are moved.
function(expect_refused source)
  execute_process(
    COMMAND ${CXX_COMPILER} -std=c++11 -fsyntax-only -I${LOAM}/common/include -I${LOAM}/btree/include ${ARGN}
      ${folder}/${source}
    RESULT_VARIABLE result ERROR_VARIABLE output)
  if(result EQUAL 0 OR NOT output MATCHES "must be trivially copyable")
    message("${output}")
    message(FATAL_ERROR "${source} compiles ${ARGN}, or fails without a word of that")
  endif()
endfunction()

foreach(standard IN ITEMS c11 c17 c2x)
  expect_compiles(${C_COMPILER} ${standard} test_typed.c -Wstrict-prototypes)
  expect_compiles(${C_COMPILER} ${standard} test_typed_names.c -Wstrict-prototypes)
endforeach()
if(CXX_COMPILER)
  foreach(standard IN ITEMS c++11 c++14 c++17 c++20)
    expect_compiles(${CXX_COMPILER} ${standard} test_typed_cxx.cpp)
    expect_compiles(${CXX_COMPILER} ${standard} test_typed_names.c -xc++)
  endforeach()
  expect_refused(typed_refused.cpp)
  expect_refused(typed_refused.cpp -DAS_KEY)
endif()
