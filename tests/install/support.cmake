# What the scripts of this folder share. They are run as
#
#   cmake -DSETTINGS=<file> -DCASE=<name> -P cases/<script>.cmake
#
# and need no shell and no tool but cmake, the compiler and binutils.
#
# SETTINGS is a file, written when loam is configured, that tells where things are and with what
# they were built. CASE names the folder that the script may use, WORK.
cmake_minimum_required(VERSION 3.23)
include(${SETTINGS})
set(WORK ${WORK_DIR}/${CASE})
set(CONSUMERS ${CMAKE_CURRENT_LIST_DIR}/consumers)

# What a caller may have set would change what is tested.
foreach(name IN ITEMS MAKEFLAGS MFLAGS MAKELEVEL DESTDIR VERBOSE loam_DIR loam_ROOT
    CMAKE_PREFIX_PATH CMAKE_GENERATOR CFLAGS CXXFLAGS CPPFLAGS LDFLAGS CPATH C_INCLUDE_PATH
    LIBRARY_PATH PKG_CONFIG_PATH)
  unset(ENV{${name}})
endforeach()

# run(<command>...): the test fails unless the command ends with 0. Sets OUTPUT to all it wrote.
function(run)
  execute_process(COMMAND ${ARGN}
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message("${command}\n${output}")
    message(FATAL_ERROR "the command above failed: ${result}")
  endif()
  set(OUTPUT "${output}" PARENT_SCOPE)
endfunction()

# refuse(<text> <command>...): the test fails unless the command fails and says the text. Blanks
# and line ends count alike, since CMake breaks long messages.
function(refuse text)
  execute_process(COMMAND ${ARGN}
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n]+" " " flat "${output}")
  string(FIND "${flat}" "${text}" at)
  if(result EQUAL 0)
    message("${output}")
    message(FATAL_ERROR "the command succeeded where it should say: ${text}")
  elseif(at EQUAL -1)
    message("${output}")
    message(FATAL_ERROR "the command failed, but did not say: ${text}")
  endif()
endfunction()

# expect_equal(<what> <list> <expected list>)
function(expect_equal what have expected)
  if(NOT "${have}" STREQUAL "${expected}")
    message("have     ${have}\nexpected ${expected}")
    message(FATAL_ERROR "not as expected: ${what}")
  endif()
endfunction()

# set_configure(<variable> <consumer> <build folder> <argument>...): the command that configures a
# consumer with the compiler, the flags and the generator that loam was configured with.
# An argument -G<generator> replaces the generator.
function(set_configure variable consumer folder)
  set(generator -G${GENERATOR} -DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM})
  if(GENERATOR_PLATFORM)
    list(APPEND generator -A${GENERATOR_PLATFORM})
  endif()
  if("${ARGN}" MATCHES "(^|;)-G")
    set(generator "")
  endif()
  set(cxx "")
  if(CXX_COMPILER)
    set(cxx -DCMAKE_CXX_COMPILER=${CXX_COMPILER} "-DCMAKE_CXX_FLAGS=${CXX_FLAGS}")
  endif()
  set(${variable} ${CMAKE_COMMAND} -S ${CONSUMERS}/${consumer} -B ${folder} --no-warn-unused-cli
    ${generator} -DCMAKE_BUILD_TYPE=${CONFIG} -DCMAKE_C_COMPILER=${C_COMPILER}
    "-DCMAKE_C_FLAGS=${C_FLAGS}" "-DCMAKE_EXE_LINKER_FLAGS=${LINKER_FLAGS}" ${cxx}
    -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF ${ARGN} PARENT_SCOPE)
endfunction()

# build_consumer(<consumer> <argument>...): configures a consumer in WORK/build, builds it and runs
# its program, APP. Sets OUTPUT to what the build said.
function(build_consumer consumer)
  file(REMOVE_RECURSE ${WORK}/build)
  set_configure(configure ${consumer} ${WORK}/build ${ARGN})
  run(${configure})
  run(${CMAKE_COMMAND} --build ${WORK}/build --config ${CONFIG} --verbose)
  set(OUTPUT "${OUTPUT}" PARENT_SCOPE)
  find_program(APP app PATHS ${WORK}/build ${WORK}/build/${CONFIG}
    NO_DEFAULT_PATH NO_CACHE REQUIRED)
  set(APP ${APP} PARENT_SCOPE)
  run(${APP})
endfunction()

# expect_package_in(<folder>): the consumer found loam below this folder and nowhere else.
function(expect_package_in folder)
  load_cache(${WORK}/build READ_WITH_PREFIX cached_ loam_DIR)
  string(FIND "${cached_loam_DIR}/" "${folder}/" at)
  if(NOT at EQUAL 0)
    message(FATAL_ERROR "loam was found in '${cached_loam_DIR}', which is not in ${folder}")
  endif()
endfunction()

# expect_linked(<output of a build> <archive>...): the program app was linked with exactly these
# archives, in this order, and with no other library.
function(expect_linked output)
  string(REGEX MATCHALL "[^\n]* -o [^ ]*app [^\n]*" lines "${output}")
  if(NOT lines)
    message("${output}")
    message(FATAL_ERROR "there is no link line in this")
  endif()
  string(REGEX MATCHALL "[^ \n]*\\.(a|so)[0-9.]*( |\n|$)|-l[^ \n]+" libraries "${lines} ")
  set(names "")
  foreach(library IN LISTS libraries)
    string(STRIP "${library}" library)
    get_filename_component(name "${library}" NAME)
    list(APPEND names ${name})
  endforeach()
  expect_equal("libraries on the link line" "${names}" "${ARGN}")
endfunction()

# set_symbols(<variable> <file> <option>...): the symbols that nm lists. In a program the symbols of
# an archive are local, since they are hidden.
function(set_symbols variable file)
  run(${NM} -P ${ARGN} ${file})
  string(REPLACE "\n" ";" lines "${OUTPUT}")
  list(FILTER lines INCLUDE REGEX "^[^ ]+ [A-Za-z]( |$)")
  list(TRANSFORM lines REPLACE " .*" "")
  list(REMOVE_DUPLICATES lines)
  set(${variable} "${lines}" PARENT_SCOPE)
endfunction()

# set_layer_closure(<variable> <layer>): the layer and all that it stands on.
function(set_layer_closure variable)
  set(closure "")
  set(open ${ARGN})
  while(open)
    list(POP_FRONT open layer)
    list(APPEND closure ${layer})
    list(APPEND open ${${layer}_DEPENDS})
  endwhile()
  list(REMOVE_DUPLICATES closure)
  set(${variable} ${closure} PARENT_SCOPE)
endfunction()
