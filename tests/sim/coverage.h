// "Sometimes" points: situations that a long run must have met, so that a run without a broken rule
// means something. Each mark is counted where the situation arises.
#pragma once

#include <span>
#include <string_view>

namespace understudy::sim {

struct Mark {
  std::string_view name;
  std::string_view meaning;
};
std::span<const Mark> marks();

}  // namespace understudy::sim
