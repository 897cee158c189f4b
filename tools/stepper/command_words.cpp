#include "tools/stepper/command_words.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "iomgr/host/fault_text.h"

namespace understudy::stepper {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

namespace {

std::optional<std::uint64_t> number_in(std::string_view text, int base) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<std::uint64_t> number_of(std::string_view text) {
  return number_in(text, 10);
}

std::optional<std::uint64_t> value_of(std::string_view text) {
  return text.starts_with("0x") ? number_in(text.substr(2), 16) : number_in(text, 10);
}

std::string take_place(const std::string& word, const std::vector<std::string>& nodes,
                       std::string& node, Layer& layer) {
  const std::size_t dot = word.find('.');
  const std::string first = word.substr(0, dot);
  if (std::ranges::find(nodes, first) != nodes.end()) {
    node = first;
    if (dot == std::string::npos) return {};
    layer = parse_layer(word.substr(dot + 1));
  } else if (dot == std::string::npos) {
    layer = parse_layer(first);
  }
  if (layer == Layer::none) return "'" + word + "' is no node, layer, or node.layer";
  return {};
}

}  // namespace understudy::stepper
