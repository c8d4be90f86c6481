# Tests of what stands around the daemon.
leaseledger_test(http_listener SOURCES adapters/http_listener_test.cc LIBS leaseledger::adapters_http)
leaseledger_test(daemon_config SOURCES adapters/daemon_config_test.cc LIBS leaseledger::adapters_daemon)
leaseledger_test(daemon_metrics SOURCES adapters/daemon_metrics_test.cc LIBS leaseledger::adapters_daemon spdlog::spdlog)

# The Kea door of real daemons.
foreach(name kea_door kea_reconciler)
  leaseledger_test(${name} SOURCES adapters/${name}_test.cc support/free_port.cc
    LIBS leaseledger::adapters_rpc_client nlohmann_json::nlohmann_json)
  target_compile_definitions(tests_${name} PRIVATE LEASELEDGER_DAEMON="$<TARGET_FILE:leaseledgerd>")
  target_compile_options(tests_${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)  # as adapters/rpc
  add_dependencies(tests_${name} leaseledgerd)
endforeach()

# The Debian package in a minimal system of its own: ctest -L package. Needs root, debootstrap and a mirror; skipped without.
add_test(NAME Package.InstallsServesAndPurgesInAMinimalSystem
  COMMAND ${PROJECT_SOURCE_DIR}/tools/package/try_package.sh)
set_tests_properties(Package.InstallsServesAndPurgesInAMinimalSystem PROPERTIES
  LABELS package SKIP_RETURN_CODE 77 TIMEOUT 1800)
add_test(NAME Package.UnitsWorkUnderSystemd COMMAND ${PROJECT_SOURCE_DIR}/tools/package/try_units.sh)
set_tests_properties(Package.UnitsWorkUnderSystemd PROPERTIES LABELS package SKIP_RETURN_CODE 77 TIMEOUT 1800)
add_test(NAME Package.TheGuideToKeaWorksAsWritten COMMAND ${PROJECT_SOURCE_DIR}/tools/package/try_kea.sh)
set_tests_properties(Package.TheGuideToKeaWorksAsWritten PROPERTIES LABELS package SKIP_RETURN_CODE 77 TIMEOUT 1800)
