# Tests of what stands around the daemon.
leaseledger_test(http_listener SOURCES adapters/http_listener_test.cc LIBS leaseledger::adapters_http)
