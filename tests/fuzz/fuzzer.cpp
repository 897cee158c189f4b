// One target as a libFuzzer program: UNDERSTUDY_FUZZ_TARGET names it. With --seeds DIR it writes
// the target's seeds there.
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/fuzz/targets.h"

namespace {

const understudy::fuzz::Target& target() {
  for (const auto& each : understudy::fuzz::targets()) {
    if (each.name == UNDERSTUDY_FUZZ_TARGET) return each;
  }
  std::abort();
}

void write_seeds(const std::filesystem::path& folder) {
  int number = 0;
  for (const auto& seed : target().seeds()) {
    std::ofstream file(folder / ("seed" + std::to_string(number++)), std::ios::binary);
    file.write(reinterpret_cast<const char*>(seed.data()),
               static_cast<std::streamsize>(seed.size()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
  if (*count != 3 || std::string((*arguments)[1]) != "--seeds") return 0;
  write_seeds((*arguments)[2]);
  std::exit(0);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target().run({data, size});
  return 0;
}
