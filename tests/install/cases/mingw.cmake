# loam cross-compiles for Windows, without a warning, and a program links with what that installs.
# Where wine is, the program runs too.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
file(REMOVE_RECURSE ${WORK})
string(REPLACE " Multi-Config" "" generator ${GENERATOR})
set(cross -G${generator} -DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM} -DCMAKE_BUILD_TYPE=RelWithDebInfo
  -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_SYSTEM_PROCESSOR=x86_64 -DCMAKE_C_COMPILER=${MINGW_CC}
  -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY)

run(${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${WORK}/loam ${cross} -DLOAM_WERROR=ON -DLOAM_TESTS=OFF
  -DLOAM_EXAMPLES=OFF -DLOAM_DOCS=OFF -DLOAM_CHECKS=${CHECKS})
run(${CMAKE_COMMAND} --build ${WORK}/loam)
run(${CMAKE_COMMAND} --install ${WORK}/loam --prefix ${WORK}/prefix)

foreach(consumer IN ITEMS common arena)
  run(${CMAKE_COMMAND} -S ${CONSUMERS}/${consumer} -B ${WORK}/${consumer} ${cross}
    -DCMAKE_PREFIX_PATH=${WORK}/prefix)
  run(${CMAKE_COMMAND} --build ${WORK}/${consumer})
  if(WINE)
    set(ENV{WINEDEBUG} -all)
    set(ENV{WINEPREFIX} ${WORK_DIR}/wine)
    run(${WINE} ${WORK}/${consumer}/app.exe)
  endif()
endforeach()
