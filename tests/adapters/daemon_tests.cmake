# Tests of what stands around the daemon.
leaseledger_test(http_listener SOURCES adapters/http_listener_test.cc LIBS leaseledger::adapters_http)
leaseledger_test(daemon_config SOURCES adapters/daemon_config_test.cc LIBS leaseledger::adapters_daemon)
leaseledger_test(daemon_metrics SOURCES adapters/daemon_metrics_test.cc LIBS leaseledger::adapters_daemon spdlog::spdlog)

# The Debian package in a minimal system of its own: ctest -L package. Needs root, debootstrap and a mirror; skipped without.
add_test(NAME Package.InstallsServesAndPurgesInAMinimalSystem
  COMMAND ${PROJECT_SOURCE_DIR}/tools/package/try_package.sh)
set_tests_properties(Package.InstallsServesAndPurgesInAMinimalSystem PROPERTIES
  LABELS package SKIP_RETURN_CODE 77 TIMEOUT 1800)
add_test(NAME Package.UnitsWorkUnderSystemd COMMAND ${PROJECT_SOURCE_DIR}/tools/package/try_units.sh)
set_tests_properties(Package.UnitsWorkUnderSystemd PROPERTIES LABELS package SKIP_RETURN_CODE 77 TIMEOUT 1800)
