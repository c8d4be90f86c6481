// The same tests, compiled as C++: the header must be both.
#include "tests/dhcpsapi/calls_test.c"
