# No build system at all: one call of the compiler.
include(${CMAKE_CURRENT_LIST_DIR}/../support.cmake)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
separate_arguments(flags NATIVE_COMMAND "${C_FLAGS} ${LINKER_FLAGS}")
run(${C_COMPILER} ${flags} -I${STAGE}/${INCLUDEDIR} -DLOAM_CHECKS=${CHECKS}
  ${CONSUMERS}/arena/main.c -L${STAGE}/${LIBDIR}/loam -larena -lcommon ${THREAD_LIBRARIES}
  -o ${WORK}/app)
run(${WORK}/app)
