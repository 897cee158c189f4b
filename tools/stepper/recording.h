// A recording: what the layers of a pair have passed, where it stood, and what was to be seen there
// (docs/stepping-recording.md). A file of JSON objects, one a line:
//
//     {"recording": "understudy", "version": 1, "nodes": ["a", "b"], "started_ns": ..., "by": ...}
//     {"point": {...}}      what to_json(Point) tells, and the numbers that make it whole
//     {"shown": {...}}      what the layer showed of an earlier one
//     {"stop": {...}}       everything stood: why, and at which point ("at")
//     {"snapshot": {...}}   what was to be seen then (snapshot.h)
//
// A line is written whole and at once, so whatever ends the writer costs at most the last line.
// Lines of another kind are passed over, damaged ones counted.
#pragma once

#include <memory>

#include "iomgr/host/unique_fd.h"
#include "tools/stepper/judge.h"
#include "tools/stepper/snapshot.h"

namespace understudy::stepper {

inline constexpr std::uint64_t kRecordingVersion = 1;

struct RecordingHeader {
  std::vector<std::string> nodes;
  std::int64_t started_ns = 0;  // by the wall clock; 0: a simulated history
  std::string by;
};

class RecordingWriter {
 public:
  /// `replace`: what the file held before is gone; else there must not be one. Null and the reason
  /// in `wrong` if it cannot be written.
  static std::unique_ptr<RecordingWriter> create(const std::string& file, bool replace,
                                                 const RecordingHeader& header, std::string& wrong);

  void write(const Point& point);
  /// What a layer shows of a point that was written before.
  void write_shown(const Point& point);
  /// `operation`: the one that is followed there.
  void write(const Stop& stop, const std::optional<Followed>& operation);
  void write(const Snapshot& snapshot);
  /// Why nothing is written any more, or nothing.
  const std::string& wrong() const { return wrong_; }
  const std::string& file() const { return file_; }

 private:
  RecordingWriter(std::string file, UniqueFd descriptor)
      : file_(std::move(file)), descriptor_(std::move(descriptor)) {}
  void write(const json::object& line);

  std::string file_;
  UniqueFd descriptor_;
  std::size_t points_ = 0;
  std::string wrong_;
};

struct Recording : RecordingHeader {
  std::vector<Point> points;                 // nothing is received before it is sent
  std::vector<std::size_t> senders;          // causality.h
  std::map<std::size_t, json::object> irps;  // by point: what the layer showed
  struct Stood {
    std::size_t point = 0;
    Stop stop;
    std::optional<Followed> followed;
  };
  std::vector<Stood> stops;
  std::map<std::size_t, Snapshot> snapshots;  // by the point that had been passed
  std::uint64_t missing = 0;                  // points that were overwritten before they were read
  std::uint64_t damaged = 0;                  // lines that could not be read ...
  std::string damage;                         // ... and what is wrong with the first
  bool is_cut = false;                        // the last line is not whole
};

/// Nothing and the reason in `wrong`, with the line, if it is no recording.
std::optional<Recording> read_recording(const std::string& file, std::string& wrong);
std::optional<Recording> read_recording(std::istream& in, std::string& wrong);

/// The points of one operation, by index: those that name its place, and what its IRP did before it
/// had one.
std::vector<std::size_t> points_of(const Recording& recording, std::uint32_t lun,
                                   std::uint64_t lsn);

}  // namespace understudy::stepper
