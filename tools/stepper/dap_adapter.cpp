// The adapter's frame: which request goes where, what the IDE hears of by itself, how everything
// goes on. What it shows: dap_views.cpp.
#include "tools/stepper/dap_adapter.h"

#include "tools/stepper/dap_frames.h"

namespace understudy::stepper {

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

json::object dap_capabilities() {
  json::object can = {{"exceptionBreakpointFilters", DapBreakpoints::exception_filters()}};
  for (const char* const each : {"supportsConfigurationDoneRequest", "supportsFunctionBreakpoints",
                                 "supportsConditionalBreakpoints", "supportsEvaluateForHovers",
                                 "supportsStepInTargetsRequest", "supportsCompletionsRequest",
                                 "supportsExceptionFilterOptions", "supportsExceptionInfoRequest",
                                 "supportsLoadedSourcesRequest", "supportsTerminateRequest",
                                 "supportsDataBreakpoints", "supportsBreakpointLocationsRequest"})
    can[each] = true;
  for (const char* const each : {"supportsStepBack", "supportsSetVariable"}) can[each] = false;
  return can;
}

DapAdapter::DapAdapter(Session& session, const SourceMap& source, Settings settings,
                       std::function<void(json::object message)> send)
    : session_(session),
      commands_(session, std::chrono::seconds(0)),
      source_(source),
      settings_(settings),
      send_(std::move(send)),
      breakpoints_(session, commands_, source),
      variables_(session) {
  for (const std::string& node : session.nodes()) {
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
      {"reverseContinue", &DapAdapter::step_back},
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
  const bool stood = session_.stands();
  goes_by_request_ = false;
  send_(to_response(request, handler == table().end()
                                 ? refused("this debugger knows no '" + command + "'")
                                 : (this->*handler->second)(object_of(request, "arguments"))));
  if (stood && !session_.stands()) {
    variables_.clear();
    stacks_.clear();
    if (!goes_by_request_)
      send_(to_event("continued", {{"threadId", 1}, {"allThreadsContinued", true}}));
  }
  if (!stood && session_.stands()) on_stop(*session_.stop());
}

/// What the IDE set that everything stands at.
std::optional<DapBreakpoints::Hit> DapAdapter::hit() const {
  return session_.stands() ? breakpoints_.hit(session_.stop()->breakpoint) : std::nullopt;
}

void DapAdapter::on_stop(const Stop& stop) {
  const auto what = breakpoints_.hit(stop.breakpoint);
  json::object body = {{"allThreadsStopped", true}, {"threadId", paused_}};
  std::string reason = "pause";
  if (stop.point) {
    body["threadId"] = id_of(stop.point->node, stop.point->entry.layer);
    body["text"] = line_of(*stop.point);
    send_(to_event("output", {{"category", "console"}, {"output", line_of(*stop.point) + "\n"}}));
    reason = stop.why == Stop::Why::step ? "step" : "breakpoint";
  }
  if (what) {
    using Kind = DapBreakpoints::Kind;
    if (what->kind == Kind::function) reason = "function breakpoint";
    if (what->kind == Kind::exception) reason = "exception";
    if (what->kind == Kind::data) reason = "data breakpoint";
    if (what->kind == Kind::exception) body["description"] = "Stopped: " + what->name;
  }
  body["reason"] = reason;
  if (stop.breakpoint != 0) body["hitBreakpointIds"] = json::array{stop.breakpoint};
  send_(to_event("stopped", std::move(body)));
  // What was waited for cannot come by again: it is on the medium, and its copies are gone.
  if (what && what->record && !is_stored(session_, *what->record)) {
    breakpoints_.remove(stop.breakpoint);
    send_(to_event("breakpoint", {{"reason", "removed"},
                                  {"breakpoint", {{"id", stop.breakpoint}, {"verified", false}}}}));
  }
}

DapAnswer DapAdapter::configuration_done(const json::object&) {
  if (settings_.stop_on_entry) session_.pause();
  return {};
}

DapAnswer DapAdapter::go_on(const json::object&) {
  goes_by_request_ = true;
  if (session_.stands()) session_.go(Session::Go::on);
  return {true, {}, {{"allThreadsContinued", true}}};
}

DapAnswer DapAdapter::step(const json::object& arguments, Session::Go how,
                           const std::string& target) {
  if (!session_.stands()) return refused("it runs; pause it first");
  const Thread* const of = thread(understudy::number_of(arguments, "threadId"));
  if (of == nullptr) return refused("there is no such thread");
  const std::optional<Point>& at = session_.stop()->point;
  if (!(at && at->where() == of->name()) && !session_.turn_to(of->node, of->layer))
    return refused(of->name() + " waits at no point: there is no operation to follow");
  goes_by_request_ = true;
  session_.go(how, target);
  return {};
}

DapAnswer DapAdapter::next(const json::object& arguments) {
  return step(arguments, Session::Go::step);
}

DapAnswer DapAdapter::step_in(const json::object& arguments) {
  const std::uint64_t id = understudy::number_of(arguments, "targetId");
  const Thread* const target = thread(id);
  if (id != 0 && target == nullptr) return refused("there is no such target");
  return step(arguments, Session::Go::into, target == nullptr ? std::string() : target->name());
}

DapAnswer DapAdapter::step_out(const json::object& arguments) {
  return step(arguments, Session::Go::out);
}

DapAnswer DapAdapter::step_back(const json::object&) {
  return refused("a running pair cannot go back: no recording is open");
}

DapAnswer DapAdapter::pause(const json::object& arguments) {
  const std::uint64_t id = understudy::number_of(arguments, "threadId");
  if (thread(id) != nullptr) paused_ = id;
  session_.pause();
  return {};
}

/// Everything goes on, and nothing will stop it.
DapAnswer DapAdapter::terminate(const json::object&) {
  while (!session_.breakpoints().empty())
    breakpoints_.remove(session_.breakpoints().front().number);
  if (session_.stands()) session_.go(Session::Go::on);
  goes_by_request_ = true;
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

DapAnswer DapAdapter::set_variable(const json::object& arguments) {
  return refused("'" + understudy::text_of(arguments, "name") +
                 "' cannot be set: it is what the layers said or stored. Faults are made by "
                 "commands: fail, kill, hang");
}

/// In the console a command of the terminal; elsewhere (hovering, watching) a field of the point.
DapAnswer DapAdapter::evaluate(const json::object& arguments) {
  constexpr std::size_t kMaxResult = std::size_t{128} << 10;
  const std::string expression = understudy::text_of(arguments, "expression");
  const std::string context = understudy::text_of(arguments, "context");
  if (!context.empty() && context != "repl") {
    const auto& stop = session_.stop();
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
  return {true,
          {},
          {{"result", shortened(reply.text, kMaxResult)},
           {"variablesReference", session_.stands() ? variables_.hold(reply.data) : 0}}};
}

DapAnswer DapAdapter::completions(const json::object& arguments) {
  const std::string text = understudy::text_of(arguments, "text");
  json::array targets;
  for (const std::string& each : commands_.complete(text))
    targets.push_back(json::object{{"label", each}});
  return {true, {}, {{"targets", std::move(targets)}}};
}

}  // namespace understudy::stepper
