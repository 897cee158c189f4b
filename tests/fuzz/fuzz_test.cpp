// Every target takes its seeds, the corpus, and what lies next to them. A search for more is
// tools/fuzz.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/fuzz/targets.h"

namespace understudy::fuzz {
namespace {

std::vector<Octets> corpus(const Target& target) {
  std::vector<Octets> inputs = target.seeds();
  std::vector<std::filesystem::path> files;
  const auto folder = std::filesystem::path(UNDERSTUDY_FUZZ_CORPUS) / target.name;
  std::error_code none;  // a target may have seeds alone
  for (const auto& entry : std::filesystem::directory_iterator(folder, none))
    files.push_back(entry);
  std::ranges::sort(files);
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return inputs;
}

/// A few bytes changed, cut out or doubled.
Octets neighbour(Octets input, std::mt19937& random) {
  for (auto changes = 1 + random() % 4; changes > 0 && !input.empty(); --changes) {
    const auto at = input.begin() + static_cast<std::ptrdiff_t>(random() % input.size());
    const auto left = static_cast<std::size_t>(input.end() - at);
    const auto end =
        at + static_cast<std::ptrdiff_t>(std::min<std::size_t>(1 + random() % 8, left));
    switch (random() % 4) {
      case 0:
        *at = static_cast<std::uint8_t>(random());
        break;
      case 1:
        *at = static_cast<std::uint8_t>(random() % 2 == 0 ? 0xFF : 0);
        break;
      case 2:
        input.erase(at, end);
        break;
      default:
        const Octets again(at, end);
        input.insert(at, again.begin(), again.end());
    }
  }
  return input;
}

class Fuzz : public ::testing::TestWithParam<Target> {};

TEST_P(Fuzz, TakesTheCorpusAndWhatLiesNextToIt) {
  constexpr std::size_t kNeighbours = 300;
  std::mt19937 random(1);
  const std::vector<Octets> inputs = corpus(GetParam());
  for (const Octets& input : inputs) GetParam().run(input);
  for (std::size_t i = 0; i < kNeighbours; ++i)
    GetParam().run(neighbour(inputs.at(i % inputs.size()), random));
}

INSTANTIATE_TEST_SUITE_P(Each, Fuzz, ::testing::ValuesIn(targets()),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace understudy::fuzz
