# A layer, described once: loam_add_layer() turns the description into a target, an export set, a
# pkg-config file and an install component, and writes it into a table from which the package file,
# the manual and the tests of tests/install are made.
#
# The table is a set of global properties:
#   LOAM_LAYERS                 the layers, each after those it depends on
#   LOAM_<layer>_DEPENDS        the layers that it links, direct ones only
#   LOAM_<layer>_PACKAGES       the CMake packages that a user of the archive must find
#   LOAM_<layer>_HEADERS        its public headers, as they are included: loam/arena.h
#   LOAM_<layer>_FOLDER         its folder
include(GNUInstallDirs)

set(loam_archive_dir ${CMAKE_INSTALL_LIBDIR}/loam)
set(loam_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/loam)
set(loam_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# loam_add_layer(<name> DESCRIPTION <text> SOURCES <file>... HEADERS <file>...
#                [DEPENDS <layer>...] [SYSTEM <library>...] [THREADS])
#
# Called in the folder of the layer. Headers are given as include/loam/x.h. SYSTEM names libraries
# of the system that every linker knows; THREADS asks for the system's threads, whatever that takes.
function(loam_add_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 layer "THREADS" "DESCRIPTION" "SOURCES;HEADERS;DEPENDS;SYSTEM")
  if(layer_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "loam_add_layer(${name}): unknown ${layer_UNPARSED_ARGUMENTS}")
  endif()

  set(target loam_${name})
  add_library(${target} STATIC ${layer_SOURCES})
  add_library(loam::${name} ALIAS ${target})
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${layer_HEADERS})
  target_include_directories(${target} PRIVATE ${loam_SOURCE_DIR}/common src)
  target_compile_definitions(${target} PUBLIC LOAM_CHECKS=$<BOOL:${LOAM_CHECKS}>)
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name} OUTPUT_NAME ${name} C_VISIBILITY_PRESET hidden)
  if(NOT DEFINED CMAKE_POSITION_INDEPENDENT_CODE)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  endif()
  loam_own_target(${target})
  loam_archive_options(${target})

  # The edges of the star, and what lies under it.
  list(TRANSFORM layer_DEPENDS PREPEND loam:: OUTPUT_VARIABLE links)
  target_link_libraries(${target} PUBLIC ${links} PRIVATE ${layer_SYSTEM})
  set(packages "")
  if(layer_THREADS)
    find_package(Threads REQUIRED)
    target_link_libraries(${target} PRIVATE Threads::Threads)
    set(packages Threads)
  endif()

  loam_install_layer(${name})
  loam_write_pc(${name} "${layer_DESCRIPTION}" "${layer_DEPENDS}" "${layer_SYSTEM}" "${packages}")

  list(TRANSFORM layer_HEADERS REPLACE "^include/" "" OUTPUT_VARIABLE headers)
  set_property(GLOBAL APPEND PROPERTY LOAM_LAYERS ${name})
  set_property(GLOBAL PROPERTY LOAM_${name}_DEPENDS ${layer_DEPENDS})
  set_property(GLOBAL PROPERTY LOAM_${name}_PACKAGES ${packages})
  set_property(GLOBAL PROPERTY LOAM_${name}_HEADERS ${headers})
  set_property(GLOBAL PROPERTY LOAM_${name}_FOLDER ${CMAKE_CURRENT_SOURCE_DIR})
endfunction()

# Sections of their own let a linker drop what a program does not call. The prefix map keeps the
# builder's paths out of what is installed; a Debug build keeps them, for debuggers.
function(loam_archive_options target)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
    return()
  endif()
  target_compile_options(${target} PRIVATE -ffunction-sections -fdata-sections)
  foreach(directory IN ITEMS ${loam_BINARY_DIR} ${loam_SOURCE_DIR})
    target_compile_options(${target} PRIVATE
      "$<$<NOT:$<CONFIG:Debug>>:-ffile-prefix-map=${directory}=.>")
  endforeach()
endfunction()

# One export set and one install component for each layer. The export set exists also when nothing
# is installed, so that the build folder is a package and a parent can export what links loam.
function(loam_install_layer name)
  if(NOT LOAM_INSTALL)
    set(unless_installed EXCLUDE_FROM_ALL)
  endif()
  install(TARGETS loam_${name} EXPORT loam-${name}-targets
    ARCHIVE DESTINATION ${loam_archive_dir} COMPONENT loam-${name} ${unless_installed}
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT loam-${name}
    ${unless_installed})
  install(EXPORT loam-${name}-targets NAMESPACE loam:: DESTINATION ${loam_package_dir}
    COMPONENT loam-${name} ${unless_installed})
  export(EXPORT loam-${name}-targets NAMESPACE loam::
    FILE ${loam_BINARY_DIR}/loam-${name}-targets.cmake)
endfunction()

# The pkg-config file finds its prefix from where it lies. Everything is in Requires and Libs, not
# in their private twins: an archive always needs what it stands on.
function(loam_write_pc name description depends system packages)
  set(pc_name ${name})
  set(pc_description "${description}")
  set(pc_requires "")
  foreach(layer IN LISTS depends)
    string(APPEND pc_requires " loam-${layer} = ${loam_VERSION}")
  endforeach()
  set(pc_libs "")
  foreach(library IN LISTS system)
    string(APPEND pc_libs " -l${library}")
  endforeach()
  if(packages AND CMAKE_THREAD_LIBS_INIT)
    string(APPEND pc_libs " ${CMAKE_THREAD_LIBS_INIT}")
  endif()
  set(pc_checks 0)
  if(LOAM_CHECKS)
    set(pc_checks 1)
  endif()

  file(RELATIVE_PATH pc_prefix /prefix/${loam_pc_dir} /prefix)
  string(REGEX REPLACE "/$" "" pc_prefix "\${pcfiledir}/${pc_prefix}")
  set(pc_includedir \${prefix}/${CMAKE_INSTALL_INCLUDEDIR})
  set(pc_libdir \${prefix}/${loam_archive_dir})
  if(IS_ABSOLUTE "${loam_pc_dir}")
    set(pc_prefix ${CMAKE_INSTALL_PREFIX})
  endif()
  if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(pc_includedir ${CMAKE_INSTALL_INCLUDEDIR})
  endif()
  if(IS_ABSOLUTE "${loam_archive_dir}")
    set(pc_libdir ${loam_archive_dir})
  endif()
  configure_file(${loam_SOURCE_DIR}/cmake/loam-layer.pc.in ${loam_BINARY_DIR}/loam-${name}.pc @ONLY)
  if(LOAM_INSTALL)
    install(FILES ${loam_BINARY_DIR}/loam-${name}.pc DESTINATION ${loam_pc_dir}
      COMPONENT loam-${name})
  endif()
endfunction()

# loam_write_package(): called once, after the last layer. Writes the package file, which serves
# the install tree and the build folder alike. It belongs to component loam-common, which every
# other component needs.
function(loam_write_package)
  include(CMakePackageConfigHelpers)
  get_property(config_layers GLOBAL PROPERTY LOAM_LAYERS)
  set(config_table "")
  foreach(layer IN LISTS config_layers)
    get_property(depends GLOBAL PROPERTY LOAM_${layer}_DEPENDS)
    get_property(packages GLOBAL PROPERTY LOAM_${layer}_PACKAGES)
    string(APPEND config_table "set(loam_${layer}_depends \"${depends}\")\n")
    string(APPEND config_table "set(loam_${layer}_packages \"${packages}\")\n")
  endforeach()
  configure_file(${loam_SOURCE_DIR}/cmake/loam-config.cmake.in ${loam_BINARY_DIR}/loam-config.cmake
    @ONLY)
  # While the major number is 0, a new minor number may change the API.
  write_basic_package_version_file(${loam_BINARY_DIR}/loam-config-version.cmake
    COMPATIBILITY SameMinorVersion)
  if(LOAM_INSTALL)
    install(FILES ${loam_BINARY_DIR}/loam-config.cmake
      ${loam_BINARY_DIR}/loam-config-version.cmake
      DESTINATION ${loam_package_dir} COMPONENT loam-common)
    install(FILES ${loam_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR}
      COMPONENT loam-common)
  endif()
endfunction()

# loam_layer_closure(<variable> <layer>...): the layers and all that they stand on, each before
# what it depends on, as a linker wants archives.
function(loam_layer_closure variable)
  set(closure "")
  set(open ${ARGN})
  while(open)
    list(POP_FRONT open layer)
    list(REMOVE_ITEM closure ${layer})
    list(APPEND closure ${layer})
    get_property(depends GLOBAL PROPERTY LOAM_${layer}_DEPENDS)
    list(APPEND open ${depends})
  endwhile()
  set(${variable} ${closure} PARENT_SCOPE)
endfunction()
