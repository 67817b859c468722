# What every target of loam's own is compiled with, and the languages that are there.
# Nothing here reaches a parent project: all of it is set target by target.

# A package without a build type would be one without optimisation.
if(loam_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE)
  get_property(loam_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
  if(NOT loam_multi_config)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug, Release, RelWithDebInfo, MinSizeRel"
      FORCE)
  endif()
endif()

# Only C is required. C++ serves some tests and the benchmarks; it must be enabled before the first
# target exists.
if(LOAM_TESTS OR LOAM_BENCH)
  include(CheckLanguage)
  check_language(CXX)
  if(CMAKE_CXX_COMPILER)
    enable_language(CXX)
  endif()
endif()

set(loam_c_warnings -Wall -Wextra -Wpedantic -Wundef -Wconversion -Wshadow -Wstrict-prototypes
  -Wmissing-prototypes -Wvla)
set(loam_cxx_warnings -Wall -Wextra -Wpedantic -Wundef -Wconversion -Wshadow)

# loam_own_target(<target>): the language level and the warnings of loam's own code. Warnings are
# for those who work on loam: a parent project meets none of them.
function(loam_own_target target)
  set_target_properties(${target} PROPERTIES
    C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
    CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
  if(NOT loam_IS_TOP_LEVEL)
    return()
  endif()
  if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
    target_compile_options(${target} PRIVATE
      "$<$<COMPILE_LANGUAGE:C>:${loam_c_warnings}>"
      "$<$<COMPILE_LANGUAGE:CXX>:${loam_cxx_warnings}>"
      $<$<BOOL:${LOAM_WERROR}>:-Werror>)
  elseif(MSVC)
    target_compile_options(${target} PRIVATE /W4 $<$<BOOL:${LOAM_WERROR}>:/WX>)
  endif()
endfunction()
