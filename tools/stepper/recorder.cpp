#include "tools/stepper/recorder.h"

#include <filesystem>

namespace understudy::stepper {

std::unique_ptr<Recorder> Recorder::start(Session& session, const std::string& file,
                                          std::string& wrong) {
  const std::chrono::nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
  auto writer = RecordingWriter::create(std::filesystem::absolute(file).string(), false,
                                        {session.nodes(), now.count(), "stepper"}, wrong);
  if (!writer) return nullptr;
  return std::unique_ptr<Recorder>(new Recorder(session, std::move(writer)));
}

Recorder::Recorder(Session& session, std::unique_ptr<RecordingWriter> writer)
    : session_(session), writer_(std::move(writer)) {
  static_cast<void>(session_.history());  // what was passed before is not of this recording ...
  Session::Listener listener;
  listener.on_points = [this](const std::vector<Point>& points) {
    for (const Point& point : points) writer_->write(point);
  };
  listener.on_shown = [this](const Point& point) { writer_->write_shown(point); };
  listener.on_stop = [this](const Stop& stop) { stood(stop); };
  listens_ = session_.add_listener(std::move(listener));
  const std::optional<Stop>& stop = session_.stop();
  if (!stop) return;
  if (stop->point) writer_->write(*stop->point);  // ... but where it stands now
  stood(*stop);
}

Recorder::~Recorder() {
  static_cast<void>(session_.history());
  session_.remove_listener(listens_);
}

void Recorder::stood(const Stop& stop) {
  const Snapshot snapshot = session_.snapshot();
  writer_->write(stop, session_.followed());
  writer_->write(snapshot);
}

}  // namespace understudy::stepper
