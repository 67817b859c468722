# A layer leans on nothing but what it declares: its archive needs no symbol of another layer, its
# sources include no header of one, and the system is called only from the files whose job that is.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
set_layer_closure(closure ${LAYER})

# Symbols: all that it needs of loam is defined in its closure.
set(offered "")
foreach(layer IN LISTS closure)
  set_symbols(symbols ${${layer}_ARCHIVE} -g --defined-only)
  list(APPEND offered ${symbols})
endforeach()
set_symbols(needed ${${LAYER}_ARCHIVE} -g --undefined-only)
list(FILTER needed INCLUDE REGEX "^_?loam_")
list(REMOVE_ITEM needed ${offered} "")
expect_equal("symbols that ${LAYER} needs and its layers do not define" "${needed}" "")

# Includes: public headers of its closure, private ones of its own or of common.
set(allowed "")
foreach(layer IN LISTS closure)
  list(APPEND allowed ${${layer}_HEADERS})
endforeach()
file(GLOB_RECURSE sources ${${LAYER}_FOLDER}/*.c ${${LAYER}_FOLDER}/*.h)
foreach(source IN LISTS sources)
  file(STRINGS ${source} lines REGEX "^ *# *include")
  foreach(line IN LISTS lines)
    if(line MATCHES "[<\"](loam/[^>\"]*)[>\"]" AND NOT CMAKE_MATCH_1 IN_LIST allowed)
      message(FATAL_ERROR "${source}: ${CMAKE_MATCH_1} is of no layer that ${LAYER} stands on")
    elseif(line MATCHES "\\.\\./")
      message(FATAL_ERROR "${source}: reaches out of its folder: ${line}")
    endif()
  endforeach()
endforeach()

# The system: which object file of common may need what, and nobody else.
set(calls
  "memory|mmap|munmap|mremap|mprotect|madvise|mincore|mlock|VirtualAlloc.*|VirtualFree.*"
  "vm_[a-z]+"
  "threads and clocks|pthread_.*|thrd_.*|mtx_.*|clock_gettime|time|nanosleep|sched_.*|getrandom"
  "os_[a-z]+"
  "the C allocator|malloc|calloc|realloc|free|aligned_alloc|posix_memalign" "libc_allocator"
  "the end of the program|abort|raise" "fatal"
  "files and exits|exit|_exit|printf|puts|fputs|fprintf|vfprintf|perror|fopen|fwrite|getenv" "none")
run(${NM} -u -P -A ${${LAYER}_ARCHIVE})
string(REPLACE "[" "(" OUTPUT "${OUTPUT}")
string(REPLACE "]" ")" OUTPUT "${OUTPUT}")
string(REPLACE "\n" ";" undefined "${OUTPUT}")
while(calls)
  list(POP_FRONT calls names owner)
  string(REGEX REPLACE "^([^|]*)\\|(.*)$" "\\2" pattern "${names}")
  string(REGEX REPLACE "\\|.*" "" what "${names}")
  foreach(line IN LISTS undefined)
    if(line MATCHES "\\(([a-z_0-9]+)\\.[^)]*\\): (${pattern})(64)? U"
        AND NOT CMAKE_MATCH_1 MATCHES "^(${owner})$")
      message(FATAL_ERROR "${CMAKE_MATCH_1}.c calls ${CMAKE_MATCH_2}: ${what} are not its job")
    endif()
  endforeach()
endwhile()
