// main() for programs that have wmain() instead: a program's own main() comes before this one.
#include "adapters/dhcpsapi/text.h"

#include <cstdio>
#include <string>
#include <vector>

extern "C" {
// The program's, under the name that C gives it and the two that C++ does.
__attribute__((weak)) int wmain(int, char16_t**);
__attribute__((weak)) int wmain_of_cpp(int, char16_t**) __asm__("_Z5wmainiPPw");
__attribute__((weak)) int wmain_alone_of_cpp() __asm__("_Z5wmainv");

__attribute__((weak, visibility("default"))) int main(int argc, char** argv);
}

int main(int argc, char** argv) {
  using leaseledger::dhcpsapi::to_utf16;
  std::vector<std::u16string> texts;
  for (int i = 0; i < argc; ++i) texts.push_back(to_utf16(argv[i]));
  std::vector<char16_t*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  if (wmain != nullptr) return wmain(argc, out.data());
  if (wmain_of_cpp != nullptr) return wmain_of_cpp(argc, out.data());
  if (wmain_alone_of_cpp != nullptr) return wmain_alone_of_cpp();
  std::fputs("the program has neither main() nor wmain()\n", stderr);
  return 127;
}
