#include "tools/stepper/dap_source.h"

#include <algorithm>
#include <cctype>
#include <fstream>

#include "tools/stepper/point.h"

namespace understudy::stepper {
namespace {

namespace fs = std::filesystem;

/// The word behind `mark`: of "trace().step(Step::s408, irp)" that behind "step(Step::s".
std::string word_behind(std::string_view line, std::string_view mark) {
  const std::size_t at = line.find(mark);
  if (at == std::string_view::npos) return {};
  const auto is_end = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_';
  };
  const std::string_view rest = line.substr(at + mark.size());
  return {rest.begin(), std::ranges::find_if(rest, is_end)};
}

bool is_source(const fs::path& path) {
  const std::string name = path.filename().string();
  return (name.ends_with(".cpp") || name.ends_with(".h")) && !name.ends_with("_test.cpp");
}

}  // namespace

SourceMap::SourceMap(fs::path root) : root_(std::move(root)) {
  for (std::size_t index = 0; index < kLayers; ++index) {
    const auto layer = static_cast<Layer>(index);
    const std::string folder = layer == Layer::none ? "iomgr" : std::string(to_string(layer));
    std::error_code error;
    for (fs::recursive_directory_iterator each(root_ / folder, error), end; !error && each != end;
         each.increment(error)) {
      if (is_source(each->path())) scan(each->path(), layer);
    }
  }
  std::ranges::sort(lines_, [](const SourceLine& one, const SourceLine& other) {
    return std::tie(one.file, one.line) < std::tie(other.file, other.line);
  });
}

void SourceMap::scan(const fs::path& file, Layer layer) {
  const std::string name = file.lexically_relative(root_).generic_string();
  std::ifstream in(file);
  unsigned number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    std::string what = word_behind(line, "step(Step::s");
    if (what.empty()) what = word_behind(line, "hop(Hop::");
    if (!what.empty()) lines_.push_back({name, number, std::move(what), layer});
  }
}

const SourceLine* SourceMap::find(const TraceEntry& entry) const {
  const std::string what = what_of(entry);
  for (const Layer layer : {entry.layer, Layer::none}) {
    const auto found = std::ranges::find_if(
        lines_, [&](const SourceLine& each) { return each.layer == layer && each.what == what; });
    if (found != lines_.end()) return &*found;
  }
  return nullptr;
}

std::span<const SourceLine> SourceMap::in(std::string_view path) const {
  const auto is_it = [path](const SourceLine& each) {
    return path == each.file || path.ends_with("/" + each.file);
  };
  const auto first = std::ranges::find_if(lines_, is_it);
  return {first, std::find_if_not(first, lines_.end(), is_it)};
}

std::vector<std::string> SourceMap::files() const {
  std::vector<std::string> files;
  for (const SourceLine& each : lines_) {
    if (files.empty() || files.back() != each.file) files.push_back(each.file);
  }
  return files;
}

}  // namespace understudy::stepper
