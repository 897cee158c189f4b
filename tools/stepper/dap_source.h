// Where the trace points stand in the source: found at start, by reading it. What a layer passes is
// so shown as a line of its code, and a breakpoint on such a line is one on that STEP in that
// layer.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "iomgr/trace.h"

namespace understudy::stepper {

struct SourceLine {
  std::string file;  // in the source tree: "ff_driver/operation.cpp"
  unsigned line = 0;
  std::string what;           // as of a breakpoint: "408", "request_in"
  Layer layer = Layer::none;  // none: the code that all layers share
};

class SourceMap {
 public:
  explicit SourceMap(std::filesystem::path root);

  /// Where a layer passes such a point; the first, if there are several. Null if that is not known.
  const SourceLine* find(const TraceEntry& entry) const;
  /// The trace points of a file, by line. `path` may be of another clone.
  std::span<const SourceLine> in(std::string_view path) const;
  std::string path_of(const std::string& file) const { return (root_ / file).string(); }
  std::vector<std::string> files() const;

 private:
  void scan(const std::filesystem::path& file, Layer layer);

  std::filesystem::path root_;
  std::vector<SourceLine> lines_;  // by file and line
};

}  // namespace understudy::stepper
