# How a test case becomes a ctest entry.
#
# A test program is C (or C++) built on tests/support/test.h, and runs the case that its first
# argument names. Its sources are read here for lines of the form
#
#   TEST(name, fast) {
#
# and each gives the entry <program>.<name> with the label fast, slow or stress:
#
#   fast     the everyday run; all of it takes less than three minutes on two cores
#   slow     what the checks of a change add
#   stress   hours if you let it; run by hand
#
# A case that cannot run where it is ends with code 77 and is reported as skipped.

set(LOAM_TEST_TIMEOUT_FAST 60 CACHE STRING "Seconds that a case labelled fast may take")
set(LOAM_TEST_TIMEOUT_SLOW 600 CACHE STRING "Seconds that a case labelled slow may take")
set(LOAM_TEST_TIMEOUT_STRESS 3600 CACHE STRING "Seconds that a case labelled stress may take")
mark_as_advanced(LOAM_TEST_TIMEOUT_FAST LOAM_TEST_TIMEOUT_SLOW LOAM_TEST_TIMEOUT_STRESS)

# Some builds run some programs only, and need not build the others.
set(LOAM_TEST_ONLY "" CACHE STRING "A regular expression: programs to test, if not all")
set(LOAM_TEST_WITHOUT "" CACHE STRING "A regular expression: programs not to test")
mark_as_advanced(LOAM_TEST_ONLY LOAM_TEST_WITHOUT)

# loam_add_test(<program> SOURCES <file>... [LINK <target>...] [INTERNAL] [NEEDS_CXX]
#               [DEFINITIONS <name=value>...] [ENVIRONMENT <name=value>...])
#
# INTERNAL lets the program include "internal/x.h". NEEDS_CXX names a program with C++ sources:
# without a C++ compiler its cases are there all the same, and skipped.
function(loam_add_test program)
  cmake_parse_arguments(PARSE_ARGV 1 test "INTERNAL;NEEDS_CXX" ""
    "SOURCES;LINK;DEFINITIONS;ENVIRONMENT")
  if(test_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "loam_add_test(${program}): unknown ${test_UNPARSED_ARGUMENTS}")
  endif()

  if(test_NEEDS_CXX AND NOT CMAKE_CXX_COMPILER)
    set(command loam_skip "no C++ compiler")
  else()
    set(command ${program})
    add_executable(${program} ${test_SOURCES})
    loam_own_target(${program})
    target_link_libraries(${program} PRIVATE ${test_LINK} loam_test_support)
    target_compile_definitions(${program} PRIVATE ${test_DEFINITIONS})
    target_include_directories(${program} PRIVATE ${loam_SOURCE_DIR}/tests)
    if(test_INTERNAL)
      target_include_directories(${program} PRIVATE ${loam_SOURCE_DIR}/common)
    endif()
  endif()

  if((LOAM_TEST_ONLY AND NOT program MATCHES "${LOAM_TEST_ONLY}") OR
     (LOAM_TEST_WITHOUT AND program MATCHES "${LOAM_TEST_WITHOUT}"))
    if(TARGET ${program})
      set_target_properties(${program} PROPERTIES EXCLUDE_FROM_ALL TRUE)
    endif()
    return()
  endif()

  set(seen "")
  foreach(source IN LISTS test_SOURCES)
    get_filename_component(source ${source} ABSOLUTE)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    file(STRINGS ${source} lines REGEX "^TEST\\(")
    foreach(line IN LISTS lines)
      if(NOT line MATCHES "^TEST\\(([a-z0-9_]+), (fast|slow|stress)\\)")
        message(FATAL_ERROR "${source}: not of the form TEST(name, fast|slow|stress): ${line}")
      endif()
      set(case ${CMAKE_MATCH_1})
      set(label ${CMAKE_MATCH_2})
      if(case IN_LIST seen)
        message(FATAL_ERROR "${source}: a second case '${case}' in ${program}")
      endif()
      list(APPEND seen ${case})
      add_test(NAME ${program}.${case} COMMAND ${command} ${case})
      loam_set_test_label(${program}.${case} ${label})
      set_tests_properties(${program}.${case} PROPERTIES ENVIRONMENT "${test_ENVIRONMENT}")
    endforeach()
  endforeach()
  if(NOT seen)
    message(FATAL_ERROR "loam_add_test(${program}): there is no case in ${test_SOURCES}")
  endif()
endfunction()

# loam_set_test_label(<entry> fast|slow|stress [<label>...]): what every entry has, whoever made it.
function(loam_set_test_label entry label)
  string(TOUPPER ${label} upper)
  set(labels ${label} ${ARGN})
  set_tests_properties(${entry} PROPERTIES
    LABELS "${labels}"
    TIMEOUT ${LOAM_TEST_TIMEOUT_${upper}}
    SKIP_RETURN_CODE 77)
endfunction()
