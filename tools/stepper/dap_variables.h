// What an IDE shows beside a frame: the scopes IRP, Cache, Mirror and Ledger, each a tree of names
// and values. It is read when it is first opened, and lives until everything goes on.
#pragma once

#include <list>
#include <map>
#include <vector>

#include "tools/stepper/replay.h"

namespace understudy::stepper {

/// An operation whose record lies in a cache or a mirror store.
struct RecordPlace {
  std::uint32_t lun = 0;
  std::uint64_t lsn = 0;
};
/// Whether one does at any node.
bool is_stored(Target& target, const RecordPlace& place);

class DapVariables {
 public:
  /// `replay`: the target, if it is one; its scopes say of which point they are.
  DapVariables(Target& target, const Replay* replay) : target_(target), replay_(replay) { clear(); }

  /// Of a frame, whose IRP is `irp`.
  json::array scopes(std::uint64_t frame, const std::function<json::object()>& irp);
  /// What is below a number that was given out; nothing if it was not.
  std::optional<json::array> open(std::uint64_t number);
  /// The frame whose IRP that number opens.
  std::optional<std::uint64_t> frame_of(std::uint64_t number) const;
  /// The IRP of that frame says something else by now.
  void change(std::uint64_t frame, const json::object& irp);
  /// A number under which `value` can be opened; 0 if there is nothing in it, or too much is held.
  std::uint64_t hold(json::object value);
  /// The record that a name in the scopes Cache and Mirror is of.
  std::optional<RecordPlace> record(std::uint64_t number, std::string_view name) const;
  void clear();

 private:
  enum : std::uint64_t { kCache = 1, kMirror, kLedger };

  json::object read(std::uint64_t scope);
  std::uint64_t number_of(const json::value& value);

  Target& target_;
  const Replay* const replay_;
  std::list<json::value> roots_;
  std::vector<const json::value*> numbered_;  // by number; null: not read yet
  std::map<const json::value*, std::uint64_t> numbers_;
  std::map<std::uint64_t, std::uint64_t> irps_;  // by frame
};

}  // namespace understudy::stepper
