// Many histories, in several processes: a bugcheck in one ends one process, and its seed is known.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace understudy::sim {

/// A history that went wrong.
struct Failure {
  std::uint64_t seed = 0;
  int rule = 0;  // kCrash, kNotRepeatable, or a rule's number
  std::string text;
};
inline constexpr int kCrash = 0;
inline constexpr int kNotRepeatable = 14;

struct Batch {
  std::uint64_t histories = 0;
  std::uint64_t operations = 0;
  std::uint64_t faults = 0;
  std::uint64_t takeovers = 0;  // histories with one
  std::uint64_t repeated = 0;   // run twice, to compare
  double cpu_seconds = 0;
  std::map<std::string, std::uint64_t, std::less<>> marks;
  std::vector<Failure> failures;
};

/// Runs the histories of `seeds`, `jobs` processes at a time. One in a hundred is run twice, and
/// both runs must be the same.
Batch run_batch(const std::vector<std::uint64_t>& seeds, unsigned jobs);

/// Which rule catches a planted bug, and after how many seeds.
struct Catch {
  std::uint64_t seeds = 0;        // until any rule broke; 0: none did
  int rule = 0;                   // the first that broke
  std::uint64_t named_seeds = 0;  // until the one that the bug is named for broke; 0: it did not
};

/// Plants each bug in turn and looks for it in the seeds from `first` on, `most` of them.
std::map<std::string, Catch> catch_mutants(const std::vector<std::string>& names,
                                           std::uint64_t first, std::uint64_t most, unsigned jobs);

}  // namespace understudy::sim
