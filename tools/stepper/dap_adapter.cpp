// The adapter's frame: which request goes where, what the IDE hears of by itself, how everything
// goes on. What it shows: dap_views.cpp.
#include "tools/stepper/dap_adapter.h"

#include "tools/stepper/command_words.h"
#include "tools/stepper/dap_frames.h"

namespace understudy::stepper {
namespace {

constexpr const char* kNoWayBack = "a running pair cannot go back: no recording is open";

/// As the protocol calls it; `otherwise`: of a stop that has none of its own.
std::string reason_of(const Stop& stop, const std::string& otherwise) {
  switch (stop.why) {
    case Stop::Why::breakpoint:
      return "breakpoint";
    case Stop::Why::step:
      return "step";
    case Stop::Why::rule:
      return "exception";
    case Stop::Why::end:
      return "end";
    case Stop::Why::pause:
      break;
  }
  return otherwise;
}

}  // namespace

DapAnswer refused(std::string why) {
  while (why.ends_with('\n')) why.pop_back();
  return {false, std::move(why), {}};
}

json::object to_response(const json::object& request, DapAnswer answer) {
  json::object response = {{"type", "response"},
                           {"request_seq", understudy::number_of(request, "seq")},
                           {"command", understudy::text_of(request, "command")},
                           {"success", answer.ok}};
  if (!answer.ok) {
    response["message"] = answer.error;
    answer.body = {{"error", {{"id", 1}, {"format", answer.error}, {"showUser", true}}}};
  }
  if (!answer.body.empty()) response["body"] = std::move(answer.body);
  return response;
}

json::object to_event(std::string_view name, json::object body) {
  json::object event = {{"type", "event"}, {"event", name}};
  if (!body.empty()) event["body"] = std::move(body);
  return event;
}

json::object dap_capabilities(bool steps_back) {
  json::object can = {{"exceptionBreakpointFilters", DapBreakpoints::exception_filters()}};
  for (const char* const each : {"supportsConfigurationDoneRequest", "supportsFunctionBreakpoints",
                                 "supportsConditionalBreakpoints", "supportsEvaluateForHovers",
                                 "supportsStepInTargetsRequest", "supportsCompletionsRequest",
                                 "supportsExceptionFilterOptions", "supportsExceptionInfoRequest",
                                 "supportsLoadedSourcesRequest", "supportsTerminateRequest",
                                 "supportsDataBreakpoints", "supportsBreakpointLocationsRequest"})
    can[each] = true;
  can["supportsStepBack"] = steps_back;
  can["supportsSetVariable"] = !steps_back;
  return can;
}

DapAdapter::DapAdapter(Session& session, const SourceMap& source, Settings settings,
                       std::function<void(json::object message)> send)
    : target_(session),
      session_(&session),
      commands_(session, std::chrono::seconds(0)),
      source_(source),
      settings_(settings),
      send_(std::move(send)),
      breakpoints_(session, commands_, source),
      variables_(session, nullptr) {
  add_threads();
}

DapAdapter::DapAdapter(Replay& replay, const SourceMap& source, Settings settings,
                       std::function<void(json::object message)> send)
    : target_(replay),
      replay_(&replay),
      commands_(replay),
      source_(source),
      settings_(settings),
      send_(std::move(send)),
      breakpoints_(replay, commands_, source),
      variables_(replay, &replay) {
  add_threads();
}

void DapAdapter::add_threads() {
  for (const std::string& node : target_.nodes()) {
    for (std::size_t index = 1; index < kLayers; ++index)
      threads_.push_back({node, static_cast<Layer>(index)});
  }
}

const std::map<std::string_view, DapAdapter::Handler>& DapAdapter::table() {
  static const std::map<std::string_view, Handler> kTable = {
      {"configurationDone", &DapAdapter::configuration_done},
      {"threads", &DapAdapter::threads},
      {"stackTrace", &DapAdapter::stack_trace},
      {"scopes", &DapAdapter::scopes},
      {"variables", &DapAdapter::variables},
      {"setVariable", &DapAdapter::set_variable},
      {"setBreakpoints", &DapAdapter::set_breakpoints},
      {"setFunctionBreakpoints", &DapAdapter::set_function_breakpoints},
      {"setExceptionBreakpoints", &DapAdapter::set_exception_breakpoints},
      {"setDataBreakpoints", &DapAdapter::set_data_breakpoints},
      {"dataBreakpointInfo", &DapAdapter::data_breakpoint_info},
      {"breakpointLocations", &DapAdapter::breakpoint_locations},
      {"exceptionInfo", &DapAdapter::exception_info},
      {"continue", &DapAdapter::go_on},
      {"next", &DapAdapter::next},
      {"stepIn", &DapAdapter::step_in},
      {"stepInTargets", &DapAdapter::step_in_targets},
      {"stepOut", &DapAdapter::step_out},
      {"stepBack", &DapAdapter::step_back},
      {"reverseContinue", &DapAdapter::reverse_continue},
      {"pause", &DapAdapter::pause},
      {"evaluate", &DapAdapter::evaluate},
      {"completions", &DapAdapter::completions},
      {"source", &DapAdapter::source},
      {"loadedSources", &DapAdapter::loaded_sources},
      {"terminate", &DapAdapter::terminate}};
  return kTable;
}

void DapAdapter::handle(const json::object& request) {
  const std::string command = understudy::text_of(request, "command");
  const auto handler = table().find(command);
  const bool stood = target_.stands();
  goes_by_request_ = false;
  reason_ = "pause";
  if (replay_ != nullptr) moves_ = replay_->moves();
  send_(to_response(request, handler == table().end()
                                 ? refused("this debugger knows no '" + command + "'")
                                 : (this->*handler->second)(object_of(request, "arguments"))));
  const bool has_gone_and_stands = replay_ != nullptr && (goes_by_request_ || went_in_recording());
  if (has_gone_and_stands || (stood && !target_.stands())) {
    variables_.clear();
    stacks_.clear();
    if (!goes_by_request_)
      send_(to_event("continued", {{"threadId", 1}, {"allThreadsContinued", true}}));
  }
  if (has_gone_and_stands || (!stood && target_.stands())) on_stop(*target_.stop());
}

/// What the IDE set that everything stands at.
std::optional<DapBreakpoints::Hit> DapAdapter::hit() const {
  return target_.stands() ? breakpoints_.hit(target_.stop()->breakpoint) : std::nullopt;
}

void DapAdapter::on_stop(const Stop& stop) {
  const auto what = breakpoints_.hit(stop.breakpoint);
  json::object body = {{"allThreadsStopped", true}, {"threadId", paused_}};
  std::string reason = reason_of(stop, reason_);
  if (!stop.text.empty()) body["description"] = stop.text;
  if (stop.point) {
    body["threadId"] = id_of(stop.point->node, stop.point->entry.layer);
    std::string text = line_of(*stop.point);
    if (replay_ != nullptr) text = std::to_string(replay_->number()) + ": " + text;
    if (!stop.text.empty()) text = stop.text + "\n" + text;
    send_(to_event("output", {{"category", "console"}, {"output", text + "\n"}}));
    body["text"] = text;
  }
  if (what) {
    using Kind = DapBreakpoints::Kind;
    if (what->kind == Kind::function) reason = "function breakpoint";
    if (what->kind == Kind::exception) reason = "exception";
    if (what->kind == Kind::data) reason = "data breakpoint";
    if (what->kind == Kind::exception && stop.text.empty())
      body["description"] = "Stopped: " + what->name;
  }
  body["reason"] = reason;
  if (stop.breakpoint != 0) body["hitBreakpointIds"] = json::array{stop.breakpoint};
  send_(to_event("stopped", std::move(body)));
  // What was waited for cannot come by again: it is on the medium, and its copies are gone.
  if (session_ != nullptr && what && what->record && !is_stored(target_, *what->record)) {
    breakpoints_.remove(stop.breakpoint);
    send_(to_event("breakpoint", {{"reason", "removed"},
                                  {"breakpoint", {{"id", stop.breakpoint}, {"verified", false}}}}));
  }
}

DapAnswer DapAdapter::configuration_done(const json::object&) {
  if (replay_ != nullptr) {
    reason_ = "entry";
    goes_by_request_ = true;
  } else if (settings_.stop_on_entry) {
    session_->pause();
  }
  return {};
}

DapAnswer DapAdapter::go_on(const json::object&) {
  goes_by_request_ = true;
  if (target_.stands()) target_.go(Target::Go::on);
  return {true, {}, {{"allThreadsContinued", true}}};
}

std::string DapAdapter::turn_to_thread(const json::object& arguments) {
  if (!target_.stands()) return "it runs; pause it first";
  const Thread* const of = thread(understudy::number_of(arguments, "threadId"));
  if (of == nullptr) return "there is no such thread";
  const std::optional<Point>& at = target_.stop()->point;
  if (at && at->where() == of->name()) return {};
  if (session_ != nullptr && session_->turn_to(of->node, of->layer)) return {};
  return of->name() + " waits at no point: there is no operation to follow";
}

DapAnswer DapAdapter::step(const json::object& arguments, Target::Go how,
                           const std::string& target) {
  const std::string wrong = turn_to_thread(arguments);
  if (!wrong.empty()) return refused(wrong);
  goes_by_request_ = true;
  target_.go(how, target);
  return {};
}

DapAnswer DapAdapter::next(const json::object& arguments) {
  return step(arguments, Target::Go::step);
}

DapAnswer DapAdapter::step_in(const json::object& arguments) {
  const std::uint64_t id = understudy::number_of(arguments, "targetId");
  if (id >= kMessages) return take_message(arguments, id - kMessages);
  const Thread* const target = thread(id);
  if (id != 0 && target == nullptr) return refused("there is no such target");
  return step(arguments, Target::Go::into, target == nullptr ? std::string() : target->name());
}

/// Lets a message that waits for the thread's layer go before the others, to where it arrives.
DapAnswer DapAdapter::take_message(const json::object& arguments, std::uint64_t index) {
  const Thread* const of = thread(understudy::number_of(arguments, "threadId"));
  const std::vector<DebugTap::Pending> waiting =
      of == nullptr ? std::vector<DebugTap::Pending>() : pending_at(of->node);
  if (index >= waiting.size() || waiting[index].to != of->layer)
    return refused("there is no such message any more");
  const DebugTap::Pending& message = waiting[index];
  session_->tap(of->node)->move_pending(message, 0);
  Breakpoint arrival;
  arrival.hops = 1U << static_cast<unsigned>(Hop::request_in);
  arrival.node = of->node;
  arrival.layer = of->layer;
  arrival.text = "irp == " + std::to_string(message.irp.id);
  std::string error;
  arrival.condition = Condition::parse(arrival.text, is_field, error);
  arrival.once = true;
  target_.add(std::move(arrival));
  goes_by_request_ = true;
  target_.go(Target::Go::on);
  return {};
}

DapAnswer DapAdapter::step_out(const json::object& arguments) {
  return step(arguments, Target::Go::out);
}

DapAnswer DapAdapter::step_back(const json::object& arguments) {
  if (replay_ == nullptr) return refused(kNoWayBack);
  const std::string wrong = turn_to_thread(arguments);
  if (!wrong.empty()) return refused(wrong);
  reason_ = "step";
  if (!replay_->back_to_step() && !replay_->back()) return refused("the recording begins here");
  goes_by_request_ = true;
  return {};
}

DapAnswer DapAdapter::reverse_continue(const json::object&) {
  if (replay_ == nullptr) return refused(kNoWayBack);
  if (!replay_->back_to_breakpoint()) return refused("no breakpoint stops it before this point");
  goes_by_request_ = true;
  return {};
}

DapAnswer DapAdapter::pause(const json::object& arguments) {
  if (session_ == nullptr) return refused("a recording stands always");
  const std::uint64_t id = understudy::number_of(arguments, "threadId");
  if (thread(id) != nullptr) paused_ = id;
  session_->pause();
  return {};
}

/// Everything goes on, and nothing will stop it.
DapAnswer DapAdapter::terminate(const json::object&) {
  while (!target_.breakpoints().empty()) breakpoints_.remove(target_.breakpoints().front().number);
  if (session_ != nullptr) {
    if (session_->stands()) session_->go(Target::Go::on);
    goes_by_request_ = true;
  }
  send_(to_event("terminated", {}));
  return {};
}

DapAnswer DapAdapter::set_breakpoints(const json::object& arguments) {
  return {true, {}, breakpoints_.set_lines(arguments, settings_.line_base)};
}
DapAnswer DapAdapter::set_function_breakpoints(const json::object& arguments) {
  return {true, {}, breakpoints_.set_functions(arguments)};
}
DapAnswer DapAdapter::set_exception_breakpoints(const json::object& arguments) {
  return {true, {}, breakpoints_.set_exceptions(arguments)};
}
DapAnswer DapAdapter::set_data_breakpoints(const json::object& arguments) {
  return {true, {}, breakpoints_.set_data(arguments)};
}

/// A field of the IRP with which a layer goes on from where it waits.
DapAnswer DapAdapter::set_variable(const json::object& arguments) {
  const std::string name = understudy::text_of(arguments, "name");
  const auto refuse = [&name](const std::string& why) {
    return refused("'" + name + "' cannot be set: " + why);
  };
  if (session_ == nullptr) return refuse("a recording only shows what was");
  const auto id = variables_.frame_of(understudy::number_of(arguments, "variablesReference"));
  const Frame* const of = id ? frame(*id) : nullptr;
  if (of == nullptr || !of->is_there)
    return refuse(
        "it is what the layers said or stored; fields of the IRP of a layer that waits at a hop "
        "can be. Faults are made by commands: fail, drop, kill, hang");
  const auto value = value_of(understudy::text_of(arguments, "value"));
  if (!value) return refuse("to what number?");
  const std::string wrong = session_->edit(of->point.node, of->point.entry.layer, name, *value);
  if (!wrong.empty()) return refuse(wrong);
  stacks_.clear();
  const Frame* const changed = frame(*id);
  if (changed == nullptr) return refuse("its layer is gone");
  const json::object irp = irp_of_frame(*changed);
  variables_.change(*id, irp);
  const json::value& now = irp.at(name);
  return {true,
          {},
          {{"value", now.is_string() ? now.get_string() : json::string(json::serialize(now))},
           {"variablesReference", 0}}};
}

/// In the console a command of the terminal; elsewhere (hovering, watching) a field of the point.
DapAnswer DapAdapter::evaluate(const json::object& arguments) {
  constexpr std::size_t kMaxResult = std::size_t{128} << 10;
  const std::string expression = understudy::text_of(arguments, "expression");
  const std::string context = understudy::text_of(arguments, "context");
  if (!context.empty() && context != "repl") {
    const auto& stop = target_.stop();
    const auto value = stop && stop->point ? field_of(*stop->point, expression) : std::nullopt;
    if (!value) return refused("'" + expression + "' is no field of this point");
    const std::string* const text = std::get_if<std::string>(&*value);
    return {true,
            {},
            {{"result", text != nullptr ? *text : std::to_string(std::get<std::uint64_t>(*value))},
             {"variablesReference", 0}}};
  }
  const Reply reply = commands_.run(expression);
  if (commands_.over()) {
    static_cast<void>(terminate({}));
    return {true, {}, {{"result", ""}, {"variablesReference", 0}}};
  }
  if (!reply.ok) return refused(reply.text);
  const bool keeps = target_.stands() && !went_in_recording();
  return {true,
          {},
          {{"result", shortened(reply.text, kMaxResult)},
           {"variablesReference", keeps ? variables_.hold(reply.data) : 0}}};
}

DapAnswer DapAdapter::completions(const json::object& arguments) {
  const std::string text = understudy::text_of(arguments, "text");
  json::array targets;
  for (const std::string& each : commands_.complete(text))
    targets.push_back(json::object{{"label", each}});
  return {true, {}, {{"targets", std::move(targets)}}};
}

}  // namespace understudy::stepper
