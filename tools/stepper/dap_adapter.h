// The requests of the Debug Adapter Protocol, once the IDE is attached: threads are layers, frames
// are where the operation has been. Of a pair that runs: all of it in the director's thread. Of a
// recording: whatever goes somewhere has arrived when it is answered.
#pragma once

#include "tools/stepper/dap_breakpoints.h"

namespace understudy::stepper {

/// The answer to a request.
struct DapAnswer {
  bool ok = true;
  std::string error;
  json::object body;
};

DapAnswer refused(std::string why);

/// A message that answers `request`; its "seq" is the sender's.
json::object to_response(const json::object& request, DapAnswer answer);
json::object to_event(std::string_view name, json::object body);
/// `steps_back`: of a recording.
json::object dap_capabilities(bool steps_back);

class DapAdapter {
  /// Ids of targets from here on are those of pending messages, below of threads.
  static constexpr std::uint64_t kMessages = 1000;

 public:
  struct Settings {
    std::uint64_t line_base = 1;  // the IDE's first line
    bool stop_on_entry = false;
  };
  DapAdapter(Session& session, const SourceMap& source, Settings settings,
             std::function<void(json::object message)> send);
  DapAdapter(Replay& replay, const SourceMap& source, Settings settings,
             std::function<void(json::object message)> send);

  /// Answers, and tells what has changed by it.
  void handle(const json::object& request);
  void on_stop(const Stop& stop);

 private:
  using Handler = DapAnswer (DapAdapter::*)(const json::object& arguments);
  struct Thread {
    std::string node;
    Layer layer = Layer::none;
    std::string name() const { return node + "." + std::string(to_string(layer)); }
  };
  struct Frame {
    Point point;
    bool is_there = true;    // parked there, so that the IRP can be read; else it has been there
    std::size_t number = 0;  // of a recording: the point's
  };
  static const std::map<std::string_view, Handler>& table();

  DapAnswer configuration_done(const json::object& arguments);
  DapAnswer threads(const json::object& arguments);
  DapAnswer stack_trace(const json::object& arguments);
  DapAnswer scopes(const json::object& arguments);
  DapAnswer variables(const json::object& arguments);
  DapAnswer set_variable(const json::object& arguments);
  DapAnswer set_breakpoints(const json::object& arguments);
  DapAnswer set_function_breakpoints(const json::object& arguments);
  DapAnswer set_exception_breakpoints(const json::object& arguments);
  DapAnswer set_data_breakpoints(const json::object& arguments);
  DapAnswer data_breakpoint_info(const json::object& arguments);
  DapAnswer breakpoint_locations(const json::object& arguments);
  DapAnswer exception_info(const json::object& arguments);
  DapAnswer go_on(const json::object& arguments);
  DapAnswer next(const json::object& arguments);
  DapAnswer step_in(const json::object& arguments);
  DapAnswer step_in_targets(const json::object& arguments);
  DapAnswer take_message(const json::object& arguments, std::uint64_t index);
  std::vector<DebugTap::Pending> pending_at(const std::string& node) const;
  DapAnswer step_out(const json::object& arguments);
  DapAnswer step_back(const json::object& arguments);
  DapAnswer reverse_continue(const json::object& arguments);
  DapAnswer pause(const json::object& arguments);
  DapAnswer evaluate(const json::object& arguments);
  DapAnswer completions(const json::object& arguments);
  DapAnswer source(const json::object& arguments);
  DapAnswer loaded_sources(const json::object& arguments);
  DapAnswer terminate(const json::object& arguments);

  void add_threads();
  bool went_in_recording() const { return replay_ != nullptr && replay_->moves() != moves_; }
  DapAnswer step(const json::object& arguments, Target::Go how, const std::string& target = {});
  /// What is wrong if there is no such thread, or no operation in it to follow.
  std::string turn_to_thread(const json::object& arguments);
  std::optional<DapBreakpoints::Hit> hit() const;
  std::uint64_t id_of(std::string_view node, Layer layer) const;
  const Thread* thread(std::uint64_t id) const;
  const std::vector<Frame>& stack_of(std::uint64_t thread);
  const Frame* frame(std::uint64_t id);
  json::object irp_of_frame(const Frame& frame) const;
  json::object to_json(std::uint64_t id, const Frame& frame) const;
  json::object idle_frame(std::uint64_t thread);
  json::object source_of(const std::string& file) const;

  Target& target_;
  Session* const session_ = nullptr;  // one of the two
  Replay* const replay_ = nullptr;
  Commands commands_;
  const SourceMap& source_;
  const Settings settings_;
  const std::function<void(json::object message)> send_;
  DapBreakpoints breakpoints_;
  DapVariables variables_;
  std::vector<Thread> threads_;                         // by id, from 1
  std::map<std::uint64_t, std::vector<Frame>> stacks_;  // by thread, while everything stands
  bool goes_by_request_ = false;                        // of which the answer tells
  std::string reason_ = "pause";                        // of a stop that has no reason of its own
  std::uint64_t moves_ = 0;                             // of the recording, before the request
  std::uint64_t paused_ = 1;                            // thread that the IDE asked to pause
};

}  // namespace understudy::stepper
