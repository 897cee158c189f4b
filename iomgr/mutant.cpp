#include "iomgr/mutant.h"

#include <algorithm>

namespace understudy {
namespace {

constexpr MutantFacts kMutants[] = {
#define UNDERSTUDY_MUTANT_ROW(name, rule, text) {Mutant::name, #name, rule, text},
    UNDERSTUDY_MUTANT_TABLE(UNDERSTUDY_MUTANT_ROW)
#undef UNDERSTUDY_MUTANT_ROW
};

}  // namespace

std::span<const MutantFacts> all_mutants() {
  return kMutants;
}

std::optional<Mutant> mutant_named(std::string_view name) {
  const auto* const found = std::ranges::find(kMutants, name, &MutantFacts::name);
  if (found == std::end(kMutants)) return std::nullopt;
  return found->mutant;
}

}  // namespace understudy
