// Writes a recording of a session: all that is passed, and at every stop what is to be seen.
#pragma once

#include "tools/stepper/recording.h"
#include "tools/stepper/session.h"

namespace understudy::stepper {

class Recorder {
 public:
  /// From now on, until it is destroyed; `session` outlives it. The file must not be there yet.
  /// Null and the reason in `wrong` if it cannot be written.
  static std::unique_ptr<Recorder> start(Session& session, const std::string& file,
                                         std::string& wrong);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  const std::string& file() const { return writer_->file(); }
  /// Why nothing is written any more, or nothing.
  const std::string& wrong() const { return writer_->wrong(); }

 private:
  Recorder(Session& session, std::unique_ptr<RecordingWriter> writer);
  void stood(const Stop& stop);

  Session& session_;
  std::unique_ptr<RecordingWriter> writer_;
  int listens_ = 0;
};

}  // namespace understudy::stepper
