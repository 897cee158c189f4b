// The small JSON objects that are asked and answered between nodes and by the command line.
// Functions of their own, because g++ 12 cannot build an object with an initialiser list inside a
// coroutine's awaited expression.
#pragma once

#include <string>
#include <vector>

#include "iomgr/json_fields.h"

namespace understudy {

inline json::object question(std::string_view verb) {
  return {{"verb", verb}};
}

inline json::object question(std::string_view verb, const std::vector<std::uint32_t>& luns) {
  return {{"verb", verb}, {"luns", json::array(luns.begin(), luns.end())}};
}

inline json::object agreed(std::string text = {}) {
  return {{"ok", true}, {"text", std::move(text)}};
}

inline json::object refused(std::string text) {
  return {{"ok", false}, {"text", std::move(text)}};
}

}  // namespace understudy
