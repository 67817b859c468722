# Elements that C++ can't move as bytes: no operation that an array of them needs compiles, in any
# language since C++11, and the compiler says why. The same with elements that can be moved does.
#
#   cmake -DCOMPILER=<C++ compiler> -DLOAM=<source folder> -P vec_cxx_refuses.cmake
set(source ${CMAKE_CURRENT_LIST_DIR}/vec_cxx_refuses.cpp)
set(why "elements of LOAM_VEC are moved as bytes: they must be trivially copyable")

foreach(standard IN ITEMS 11 14 17 20)
  set(compile ${COMPILER} -std=c++${standard} -fsyntax-only -Wall -Wextra -Wpedantic -Werror
    -I${LOAM}/common/include -I${LOAM}/vector/include)
  foreach(operation IN ITEMS
      "(void)loam_vec_push(&v, x)" "(void)loam_vec_push_within(&v, x)"
      "(void)loam_vec_push_slot(&v)" "(void)loam_vec_push_n(&v, &x, 1)"
      "(void)loam_vec_insert(&v, 0, x)" "(void)loam_vec_resize(&v, 1)"
      "(void)loam_vec_reserve(&v, 1)" "(void)loam_vec_init_reserved(&v, 1)"
      "(void)loam_vec_adopt(&v, &x, 1, 1)" "(void)loam_vec_copy(&v, &v)"
      "(void)loam_vec_append(&v, &v)" "loam_vec_sort(&v, compare, nullptr)"
      "(void)loam_vec_insert_sorted(&v, compare, nullptr, x)" "loam_vec_deinit(&v)"
      "LOAM_VEC_EACH(element *, it, &v) (void)it")
    execute_process(COMMAND ${compile} "-DOPERATION=${operation}" ${source}
      RESULT_VARIABLE result ERROR_VARIABLE output)
    if(NOT result EQUAL 0)
      message("${output}")
      message(FATAL_ERROR "C++${standard} refuses what it should not: ${operation}")
    endif()
    execute_process(COMMAND ${compile} -DOWNS "-DOPERATION=${operation}" ${source}
      RESULT_VARIABLE result ERROR_VARIABLE output)
    string(FIND "${output}" "${why}" at)
    if(result EQUAL 0)
      message(FATAL_ERROR "C++${standard} compiles what can't be right: ${operation}")
    elseif(at EQUAL -1)
      message("${output}")
      message(FATAL_ERROR "C++${standard} refuses for another reason: ${operation}")
    endif()
  endforeach()
endforeach()
