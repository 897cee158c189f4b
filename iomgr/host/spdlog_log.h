// A process's log over spdlog. One line an event:
//
//     2026-01-31T12:00:00.123+01:00 warning a.fs_cache flush failed lun=0 status=STATUS_DISK_FULL
//
// A value with anything in it but plain letters is quoted and escaped, so that what a client sends
// cannot make a line of its own. Lines of level info and above are written out at once: every
// process here may be killed at any moment.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "iomgr/log.h"
#include "iomgr/result.h"

namespace understudy {

class SpdlogLog : public Log {
 public:
  /// `name`: "node.layer". Appends to `file`; an empty one means standard error.
  /// STATUS_ACCESS_DENIED when the file cannot be opened.
  static Result<std::unique_ptr<SpdlogLog>> open(const std::string& name, const std::string& file,
                                                 Level level);
  ~SpdlogLog() override;

  void write(Level level, std::string_view message, Fields fields) override;
  /// Leaves out what is below `level`.
  void set_level(Level level);
  void flush();

 private:
  struct Parts;
  explicit SpdlogLog(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// "debug", "info", "warning" or "error".
std::optional<Log::Level> parse_log_level(std::string_view text);

}  // namespace understudy
