# Tests of what stands around the daemon.
leaseledger_test(http_listener SOURCES adapters/http_listener_test.cc LIBS leaseledger::adapters_http)
leaseledger_test(daemon_config SOURCES adapters/daemon_config_test.cc LIBS leaseledger::adapters_daemon)
leaseledger_test(daemon_metrics SOURCES adapters/daemon_metrics_test.cc LIBS leaseledger::adapters_daemon spdlog::spdlog)
