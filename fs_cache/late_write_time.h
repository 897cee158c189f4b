// What clients see of the time of a file's last write on a LUN with late write times: a write shows
// late, as from smbd 4.17 and from Windows before it changed times at once.
#pragma once

#include "iomgr/executor.h"

namespace understudy {

/// Of one file, from its first write to its last close. Only what is shown is late: log and medium
/// have the true time at once, so who mounts the LUN next shows that.
class LateWriteTime {
 public:
  /// A write changes the time, which was `before`. The first one shows after kDelay, every later
  /// one when somebody asks for it.
  void write(FileTime before, FileTime now) {
    if (hides(now)) return;
    until_ = written_ ? kUntilAsked : now + kDelay;
    written_ = true;
    shown_ = before;
  }
  /// A FLUSH, a size or a time that is set, or a CLOSE asks for it.
  void show() { until_ = 0; }

  bool hides(FileTime now) const { return now < until_; }
  FileTime seen(FileTime write_time, FileTime now) const {
    return hides(now) ? shown_ : write_time;
  }

 private:
  static constexpr FileTime kDelay = 20'000'000;  // 2 s
  static constexpr FileTime kUntilAsked = ~FileTime{0};

  bool written_ = false;
  FileTime shown_ = 0;
  FileTime until_ = 0;
};

}  // namespace understudy
