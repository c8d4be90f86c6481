# Manual pages and the changelog as Debian wants them, in the tree that becomes the package.
file(GLOB_RECURSE pages ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/man/*.[1-8])
file(GLOB changelogs ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/doc/leaseledger/changelog)
foreach(each ${pages} ${changelogs})
  execute_process(COMMAND gzip -9n ${each} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
# What stands in static libraries for the debugger is of no use to who links them.
file(GLOB_RECURSE archives ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/lib/*.a)
foreach(each ${archives})
  execute_process(COMMAND strip --strip-debug --remove-section=.comment --remove-section=.note --enable-deterministic-archives ${each}
                  COMMAND_ERROR_IS_FATAL ANY)
endforeach()
