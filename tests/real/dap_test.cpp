// The stepper as a server of the Debug Adapter Protocol: what an IDE asks and hears, over TCP, with
// a real pair and a real SMB client.
#include <gtest/gtest.h>

#include <fstream>
#include <future>

#include "tests/real/dap_client.h"
#include "tests/real/stepper.h"
#include "tools/stepper/dap_source.h"
#include "tools/stepper/replay.h"

namespace understudy {
namespace {

const Pair::Settings kHeld = {{"lazy_writer", "\"hold\""}};

std::future<CommandResult> put_file(const Pair& pair, const std::string& name) {
  std::ofstream(pair.directory() / name) << "content";
  return std::async(std::launch::async, [&pair, name] {
    return pair.smb("a", "share0", "lcd " + pair.directory().string() + "; put " + name);
  });
}

/// The thread of that name, "a.ff_driver".
std::uint64_t thread_of(DapClient& ide, const std::string& name) {
  const json::object all = ide.body("threads");
  for (const json::value& each : array_of(all, "threads")) {
    if (text_of(each.as_object(), "name") == name) return number_of(each.as_object(), "id");
  }
  return 0;
}

json::array stack(DapClient& ide, std::uint64_t thread) {
  const json::object answer = ide.body("stackTrace", {{"threadId", thread}});
  return array_of(answer, "stackFrames");
}

/// The name of the newest frame of the thread at which everything stopped.
std::string top_of(DapClient& ide, const json::object& stopped) {
  const json::array frames = stack(ide, number_of(stopped, "threadId"));
  return frames.empty() ? "" : text_of(frames.front().as_object(), "name");
}

bool stands_at(DapClient& ide, const json::object& stopped, const std::string& place) {
  return top_of(ide, stopped).starts_with(place + "  ");
}

/// What is in a scope of the newest frame, by name; its number in `reference`.
std::map<std::string, std::string> scope(DapClient& ide, std::uint64_t thread,
                                         const std::string& name,
                                         std::uint64_t* reference = nullptr) {
  std::map<std::string, std::string> found;
  const json::array frames = stack(ide, thread);
  if (frames.empty()) return found;
  const std::uint64_t frame = number_of(frames.front().as_object(), "id");
  const json::object scopes = ide.body("scopes", {{"frameId", frame}});
  for (const json::value& each : array_of(scopes, "scopes")) {
    if (text_of(each.as_object(), "name") != name) continue;
    const std::uint64_t number = number_of(each.as_object(), "variablesReference");
    if (reference != nullptr) *reference = number;
    const json::object variables = ide.body("variables", {{"variablesReference", number}});
    for (const json::value& variable : array_of(variables, "variables"))
      found[text_of(variable.as_object(), "name")] = text_of(variable.as_object(), "value");
  }
  return found;
}

bool verified(const json::object& body) {
  const json::array& all = array_of(body, "breakpoints");
  return !all.empty() && flag_of(all.front().as_object(), "verified");
}

TEST(RealDap, FollowsAWriteFromALineOfTheSourceToTheOtherNodeAndOutAgain) {
  Pair pair(kHeld);
  ASSERT_TRUE(pair.start_mirrored());
  const DapServerProcess server(pair);
  DapClient ide(server.port());
  ASSERT_TRUE(ide.attach(server.token()));
  const json::object source = {{"path", "/somewhere/else/ff_driver/operation.cpp"}};
  const json::object lines =
      ide.body("breakpointLocations", {{"source", source}, {"line", 1}, {"endLine", 1000}});
  ASSERT_GE(array_of(lines, "breakpoints").size(), 6U) << "STEPs 400 to 412";

  json::object breakpoint = {{"name", "STEP 408 on a.ff_driver"}, {"condition", "lun == 0"}};
  ASSERT_TRUE(
      verified(ide.body("setFunctionBreakpoints", {{"breakpoints", json::array{breakpoint}}})));
  auto client = put_file(pair, "f");
  json::object stopped = ide.event("stopped");
  EXPECT_EQ(text_of(stopped, "reason"), "function breakpoint");
  EXPECT_TRUE(flag_of(stopped, "allThreadsStopped"));
  const std::uint64_t a_ff_driver = thread_of(ide, "a.ff_driver");
  EXPECT_EQ(number_of(stopped, "threadId"), a_ff_driver);
  ASSERT_TRUE(stands_at(ide, stopped, "a.ff_driver")) << top_of(ide, stopped);

  const json::array frames = stack(ide, a_ff_driver);
  ASSERT_GE(frames.size(), 3U) << "it has been in netstack, and at STEPs 400 to 406";
  const json::object& newest = frames.front().as_object();
  EXPECT_TRUE(text_of(object_of(newest, "source"), "path").ends_with("/ff_driver/operation.cpp"));
  EXPECT_GT(number_of(newest, "line"), 0U);
  EXPECT_TRUE(text_of(frames.back().as_object(), "name").starts_with("a.netstack  "))
      << json::serialize(frames);
  const std::string lsn = scope(ide, a_ff_driver, "IRP")["lsn"];
  const std::string record = "b: lun 0 lsn " + lsn;
  EXPECT_EQ(scope(ide, a_ff_driver, "Cache").count("a: lun 0 lsn " + lsn), 1U);
  EXPECT_EQ(scope(ide, a_ff_driver, "Mirror").count(record), 0U);
  EXPECT_EQ(text_of(ide.body("evaluate", {{"expression", "lsn"}, {"context", "hover"}}), "result"),
            lsn);

  ide.body("setFunctionBreakpoints", {{"breakpoints", json::array()}});
  const json::object targets = ide.body("stepInTargets", {{"frameId", number_of(newest, "id")}});
  EXPECT_EQ(array_of(targets, "targets").size(), 3U) << "netstack, fs_cache, rd_driver";
  const std::uint64_t a_rd_driver = thread_of(ide, "a.rd_driver");
  ASSERT_TRUE(flag_of(ide.request("stepIn", {{"threadId", a_ff_driver}, {"targetId", a_rd_driver}}),
                      "success"));
  stopped = ide.event("stopped");
  EXPECT_EQ(text_of(stopped, "reason"), "step");
  ASSERT_TRUE(stands_at(ide, stopped, "a.rd_driver")) << top_of(ide, stopped);
  ASSERT_TRUE(flag_of(ide.request("stepIn", {{"threadId", a_rd_driver}}), "success"));
  stopped = ide.event("stopped");
  ASSERT_TRUE(stands_at(ide, stopped, "b.mirror_server")) << top_of(ide, stopped);
  const std::uint64_t b_mirror_server = number_of(stopped, "threadId");
  ASSERT_TRUE(flag_of(ide.request("next", {{"threadId", b_mirror_server}}), "success"));
  stopped = ide.event("stopped");
  ASSERT_TRUE(stands_at(ide, stopped, "b.mirror_server")) << top_of(ide, stopped);

  std::uint64_t mirror = 0;
  EXPECT_EQ(scope(ide, b_mirror_server, "Mirror", &mirror).count(record), 1U);
  const json::object info =
      ide.body("dataBreakpointInfo", {{"variablesReference", mirror}, {"name", record}});
  EXPECT_EQ(text_of(info, "dataId"), "0/" + lsn);
  EXPECT_TRUE(ide.body("dataBreakpointInfo", {{"variablesReference", mirror}, {"name", "no"}})
                  .at("dataId")
                  .is_null());
  ASSERT_TRUE(flag_of(ide.request("stepOut", {{"threadId", b_mirror_server}}), "success"));
  stopped = ide.event("stopped");
  ASSERT_TRUE(top_of(ide, stopped).starts_with("a.")) << top_of(ide, stopped);

  json::object data = {{"dataId", "0/" + lsn}, {"condition", "step == 412"}};
  ASSERT_TRUE(verified(ide.body("setDataBreakpoints", {{"breakpoints", json::array{data}}})));
  ide.body("continue", {{"threadId", 1}});
  stopped = ide.event("stopped");
  EXPECT_EQ(text_of(stopped, "reason"), "data breakpoint");
  EXPECT_NE(top_of(ide, stopped).find("STEP 412"), std::string::npos) << top_of(ide, stopped);
  for (const char* const back : {"stepBack", "reverseContinue"}) {
    const json::object answer = ide.request(back, {{"threadId", 1}});
    EXPECT_TRUE(text_of(answer, "message").ends_with("no recording is open")) << back;
  }
  EXPECT_FALSE(
      flag_of(ide.request("setVariable",
                          {{"variablesReference", mirror}, {"name", record}, {"value", "1"}}),
              "success"));
  EXPECT_TRUE(flag_of(ide.request("disconnect"), "success"));
  EXPECT_EQ(client.get().exit_code, 0);
  EXPECT_EQ(put_file(pair, "g").get().exit_code, 0) << "nothing is held any more";
}

TEST(RealDap, SetsAFieldOfAnIrpAtAHopAndTheLayerGoesOnWithIt) {
  Pair pair(kHeld);
  ASSERT_TRUE(pair.start_mirrored());
  const DapServerProcess server(pair);
  DapClient ide(server.port());
  EXPECT_TRUE(flag_of(ide.body("initialize"), "supportsSetVariable"));
  ASSERT_TRUE(ide.attach(server.token()));
  const auto stop_at = [&ide](const std::string& name) {
    const json::object breakpoint = {{"name", name}, {"condition", "major == write && lun == 0"}};
    return verified(ide.body("setFunctionBreakpoints", {{"breakpoints", json::array{breakpoint}}}));
  };
  ASSERT_TRUE(stop_at("request_in on a.fs_cache"));
  auto client = put_file(pair, "f");
  json::object stopped = ide.event("stopped");
  ASSERT_TRUE(stands_at(ide, stopped, "a.fs_cache")) << top_of(ide, stopped);
  const std::uint64_t a_fs_cache = number_of(stopped, "threadId");
  std::uint64_t irp = 0;
  std::uint64_t cache = 0;
  EXPECT_EQ(scope(ide, a_fs_cache, "IRP", &irp)["offset"], "0");
  static_cast<void>(scope(ide, a_fs_cache, "Cache", &cache));
  const auto set = [&ide](std::uint64_t in, const char* name, const char* value) {
    return ide.request("setVariable",
                       {{"variablesReference", in}, {"name", name}, {"value", value}});
  };
  EXPECT_FALSE(flag_of(set(irp, "major", "1"), "success"));
  EXPECT_FALSE(flag_of(set(irp, "length", "1"), "success")) << "a write has none";
  EXPECT_FALSE(flag_of(set(irp, "offset", "far"), "success"));
  EXPECT_FALSE(flag_of(set(irp, "lun", "0x100000000"), "success"));
  EXPECT_FALSE(flag_of(set(cache, "offset", "1"), "success"));
  const json::object changed = set(irp, "offset", "0x1000");
  EXPECT_EQ(text_of(object_of(changed, "body"), "value"), "4096") << json::serialize(changed);
  EXPECT_EQ(scope(ide, a_fs_cache, "IRP")["offset"], "4096");

  ASSERT_TRUE(stop_at("406 on a.fs_cache"));
  ide.body("continue", {{"threadId", 1}});
  stopped = ide.event("stopped");
  EXPECT_NE(top_of(ide, stopped).find("STEP 406"), std::string::npos) << top_of(ide, stopped);
  EXPECT_EQ(scope(ide, a_fs_cache, "IRP", &irp)["offset"], "4096");
  const std::string why = text_of(set(irp, "offset", "0"), "message");
  EXPECT_NE(why.find("checked already"), std::string::npos) << why;
  EXPECT_TRUE(flag_of(ide.request("disconnect"), "success"));
  EXPECT_EQ(client.get().exit_code, 0);
  const CommandResult listed = pair.smb("a", "share0", "ls f");
  EXPECT_NE(listed.output.find(" 4103 "), std::string::npos) << listed.output;
}

TEST(RealDap, TellsOfTheEndOfARecordThatIsFlushedAndPurged) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  const DapServerProcess server(pair);
  DapClient ide(server.port());
  ASSERT_TRUE(ide.attach(server.token()));
  const json::object breakpoint = {{"name", "412 on a"}, {"condition", "lun == 0"}};
  ide.body("setFunctionBreakpoints", {{"breakpoints", json::array{breakpoint}}});
  auto client = put_file(pair, "f");
  json::object stopped = ide.event("stopped");
  const std::string lsn = scope(ide, number_of(stopped, "threadId"), "IRP")["lsn"];
  ide.body("setFunctionBreakpoints", {{"breakpoints", json::array()}});
  const json::object data = {{"dataId", "0/" + lsn}, {"condition", "step == 418"}};
  ide.body("setDataBreakpoints", {{"breakpoints", json::array{data}}});
  std::string last;
  for (int stops = 0; stops < 5 && !last.starts_with("b.mirror_server"); ++stops) {
    ide.body("continue", {{"threadId", 1}});
    stopped = ide.event("stopped");
    last = top_of(ide, stopped);
    EXPECT_EQ(text_of(stopped, "reason"), "data breakpoint");
    EXPECT_NE(last.find("STEP 418"), std::string::npos) << last;
  }
  EXPECT_EQ(text_of(ide.event("breakpoint"), "reason"), "removed");
  ide.body("continue", {{"threadId", 1}});
  EXPECT_EQ(client.get().exit_code, 0);
}

TEST(RealDap, StopsAtALineAndWhenATakeoverBegins) {
  Pair pair(kHeld);
  ASSERT_TRUE(pair.start_mirrored());
  const DapServerProcess server(pair);
  DapClient ide(server.port());
  ASSERT_TRUE(ide.attach(server.token()));
  const json::object source = {{"path", UNDERSTUDY_SOURCE "/ff_driver/operation.cpp"}};
  const json::object lines =
      ide.body("breakpointLocations", {{"source", source}, {"line", 1}, {"endLine", 1000}});
  const std::uint64_t line = number_of(array_of(lines, "breakpoints").front().as_object(), "line");
  const json::object wanted = {{"line", line}, {"condition", "lun == 0"}};
  const json::object set =
      ide.body("setBreakpoints", {{"source", source}, {"breakpoints", json::array{wanted}}});
  ASSERT_TRUE(verified(set));
  EXPECT_EQ(number_of(array_of(set, "breakpoints").front().as_object(), "line"), line);
  auto client = put_file(pair, "f");
  json::object stopped = ide.event("stopped");
  EXPECT_EQ(text_of(stopped, "reason"), "breakpoint");
  const json::array frames = stack(ide, number_of(stopped, "threadId"));
  EXPECT_EQ(number_of(frames.front().as_object(), "line"), line);
  ide.body("setBreakpoints", {{"source", source}, {"breakpoints", json::array()}});
  ASSERT_TRUE(verified(ide.body("setExceptionBreakpoints",
                                {{"filters", json::array{"takeover", "storage_error"}}})));
  EXPECT_TRUE(
      flag_of(ide.request("evaluate", {{"expression", "kill b"}, {"context", "repl"}}), "success"));
  ide.body("continue", {{"threadId", 1}});
  stopped = ide.event("stopped");
  EXPECT_EQ(text_of(stopped, "reason"), "exception");
  EXPECT_NE(top_of(ide, stopped).find("STEP 304"), std::string::npos) << top_of(ide, stopped);
  EXPECT_EQ(text_of(ide.body("exceptionInfo", {{"threadId", 1}}), "exceptionId"), "takeover");
  ASSERT_TRUE(
      flag_of(ide.request("next", {{"threadId", number_of(stopped, "threadId")}}), "success"));
  stopped = ide.event("stopped");
  EXPECT_EQ(text_of(stopped, "reason"), "step");
  EXPECT_TRUE(flag_of(ide.request("disconnect"), "success"));
  EXPECT_EQ(client.get().exit_code, 0);
}

TEST(RealDap, StopsWhenTheMediumRefusesAWrite) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  const DapServerProcess server(pair);
  DapClient ide(server.port());
  ASSERT_TRUE(ide.attach(server.token()));
  const json::array filters = {"storage_error"};
  ASSERT_TRUE(verified(ide.body("setExceptionBreakpoints", {{"filters", filters}})));
  const std::string fault = "fail a.fs_cache medium.flush.objects=error";
  ASSERT_TRUE(flag_of(ide.request("evaluate", {{"expression", fault}}), "success"));
  auto client = put_file(pair, "f");
  const json::object stopped = ide.event("stopped");
  EXPECT_EQ(text_of(stopped, "reason"), "exception");
  EXPECT_NE(top_of(ide, stopped).find("STEP 422"), std::string::npos) << top_of(ide, stopped);
  EXPECT_EQ(text_of(ide.body("exceptionInfo", {{"threadId", 1}}), "exceptionId"), "storage_error");
  EXPECT_TRUE(flag_of(ide.request("disconnect"), "success"));
  EXPECT_EQ(client.get().exit_code, 0);
}

TEST(RealDap, OffersToStopWhereARuleBreaksWhichItDoesNotOnAHealthyPairNorInATakeover) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  const DapServerProcess server(pair);
  DapClient ide(server.port());
  const json::object can = ide.body("initialize");
  const json::array& filters = array_of(can, "exceptionBreakpointFilters");
  EXPECT_TRUE(std::ranges::any_of(filters, [](const json::value& each) {
    return text_of(each.as_object(), "filter") == "ruleBroken";
  }));
  ASSERT_TRUE(ide.attach(server.token()));
  ASSERT_TRUE(verified(
      ide.body("setExceptionBreakpoints", {{"filters", json::array{"ruleBroken", "takeover"}}})));
  const auto hits = [&ide] {
    const json::object answer = ide.body("evaluate", {{"expression", "breakpoints"}});
    return text_of(answer, "result");
  };
  EXPECT_EQ(put_file(pair, "f").get().exit_code, 0);
  EXPECT_TRUE(pair.wait_until([](const Pair& p) { return p.flushed("a"); }, 20));
  EXPECT_EQ(put_file(pair, "g").get().exit_code, 0);
  EXPECT_NE(hits().find("1: rule  (0 hits)"), std::string::npos) << hits();
  ide.body("evaluate", {{"expression", "kill a"}, {"context", "repl"}});
  const json::object stopped = ide.event("stopped");
  EXPECT_NE(top_of(ide, stopped).find("STEP 304"), std::string::npos) << top_of(ide, stopped);
  ide.body("continue", {{"threadId", 1}});
  EXPECT_TRUE(pair.wait_until([](const Pair& p) { return p.serves("b", "lun0"); }, 20));
  EXPECT_NE(hits().find("1: rule  (0 hits)"), std::string::npos) << hits();
  EXPECT_TRUE(flag_of(ide.request("disconnect"), "success"));
}

TEST(RealDap, PausesAndLetsEverythingGoWhenTheIdeIsGone) {
  Pair pair(kHeld);
  ASSERT_TRUE(pair.start_mirrored());
  const DapServerProcess server(pair);
  {
    DapClient ide(server.port());
    ASSERT_TRUE(ide.attach(server.token()));
    EXPECT_FALSE(flag_of(ide.request("stackTrace", {{"threadId", 1}}), "success"));
    ASSERT_TRUE(flag_of(ide.request("pause", {{"threadId", 3}}), "success"));
    const json::object stopped = ide.event("stopped");
    EXPECT_EQ(text_of(stopped, "reason"), "pause");
    EXPECT_EQ(number_of(stopped, "threadId"), 3U);
    EXPECT_EQ(stack(ide, 3).size(), 1U);
    EXPECT_FALSE(flag_of(ide.request("next", {{"threadId", 3}}), "success"));
    ide.body("evaluate", {{"expression", "continue"}, {"context", "repl"}});
    EXPECT_TRUE(flag_of(ide.event("continued"), "allThreadsContinued"));
    ide.body("pause", {{"threadId", 3}});
  }
  EXPECT_EQ(put_file(pair, "f").get().exit_code, 0);
  DapClient next(server.port());
  EXPECT_TRUE(next.attach(server.token())) << "the next one is served";
}

TEST(RealDap, ServesNobodyWithoutTheToken) {
  Pair pair(kHeld);
  ASSERT_TRUE(pair.start_mirrored());
  const DapServerProcess server(pair);
  ASSERT_EQ(server.token().size(), 32U);
  {
    DapClient ide(server.port());
    EXPECT_FALSE(flag_of(ide.request("evaluate", {{"expression", "layers"}}), "success"));
    EXPECT_FALSE(ide.attach(server.token().substr(1)));
    EXPECT_TRUE(ide.is_closed());
  }
  for (const std::string bytes : {"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
                                  "Content-Length: 99999999\r\n\r\n", "Content-Length: 2\r\n\r\n[]",
                                  "Content-Length: -1\r\n\r\n", "Content-Length: 4\r\n\r\n{}}}"}) {
    DapClient ide(server.port());
    ide.write(bytes);
    EXPECT_TRUE(ide.is_closed()) << bytes;
  }
  DapClient ide(server.port());
  ASSERT_TRUE(ide.attach(server.token()));
  DapClient second(server.port());
  EXPECT_TRUE(second.is_closed()) << "one at a time";
  EXPECT_FALSE(flag_of(ide.request("attach", {{"token", server.token()}}), "success"));
  EXPECT_FALSE(flag_of(ide.request("variables", {{"variablesReference", -1}}), "success"));
  EXPECT_TRUE(flag_of(ide.request("terminate"), "success"));
  EXPECT_FALSE(ide.request("disconnect").empty());
}

/// Records a write; the pair stands at 408, 410 and 412 of a's ff_driver. Gives
/// the points' numbers of these stops.
std::vector<std::size_t> record_a_write(const Pair& pair, const std::filesystem::path& file) {
  Stepper stepper(pair);
  EXPECT_TRUE(flag_of(stepper.ask("record " + file.string()), "ok"));
  EXPECT_TRUE(flag_of(stepper.ask("break 408 410 412 on a.ff_driver if lun == 0"), "ok"));
  auto client = put_file(pair, "f");
  for (const std::uint64_t step : {408U, 410U, 412U}) {
    const json::object stop = stepper.ask("continue");
    EXPECT_EQ(number_of(object_of(stop, "at"), "step"), step);
  }
  EXPECT_TRUE(flag_of(stepper.ask("delete 1"), "ok"));
  EXPECT_TRUE(flag_of(stepper.ask("record off"), "ok"));
  static_cast<void>(stepper.ask("quit"));
  EXPECT_EQ(client.get().exit_code, 0);
  std::string wrong;
  const auto recording = stepper::read_recording(file.string(), wrong);
  EXPECT_TRUE(recording) << wrong;
  std::vector<std::size_t> numbers;
  for (const auto& [number, stop] : stepper::Replay(*recording).stops()) numbers.push_back(number);
  return numbers;
}

TEST(RealDap, WalksARecordingForwardAndBack) {
  Pair pair(kHeld);
  ASSERT_TRUE(pair.start_mirrored());
  const std::filesystem::path file = pair.directory() / "recording";
  const std::vector<std::size_t> stops = record_a_write(pair, file);
  ASSERT_EQ(stops.size(), 3U);
  const DapServerProcess server(file);
  DapClient ide(server.port());
  EXPECT_TRUE(flag_of(ide.body("initialize"), "supportsStepBack"));
  ASSERT_TRUE(ide.attach(server.token()));
  json::object stopped = ide.event("stopped");
  EXPECT_EQ(text_of(stopped, "reason"), "entry");
  EXPECT_TRUE(text_of(stopped, "text").starts_with("1: ")) << text_of(stopped, "text");
  const auto refusal = [&ide](const std::string& command, const json::object& arguments) {
    const json::object answer = ide.request(command, arguments);
    return flag_of(answer, "success") ? "it was done" : text_of(answer, "message");
  };
  const auto asks = [&](const std::string& command) {
    const json::object thread = {{"threadId", number_of(stopped, "threadId")}};
    EXPECT_TRUE(flag_of(ide.request(command, thread), "success")) << command;
    stopped = ide.event("stopped");
    return top_of(ide, stopped);
  };
  const auto set_breakpoint = [&ide](const char* name) {
    const json::object one = {{"name", name}, {"condition", "lun == 0"}};
    EXPECT_TRUE(verified(ide.body("setFunctionBreakpoints", {{"breakpoints", json::array{one}}})));
  };
  const json::object first = {{"threadId", number_of(stopped, "threadId")}};
  EXPECT_EQ(refusal("stepBack", first), "the recording begins here");
  EXPECT_EQ(refusal("reverseContinue", first), "no breakpoint stops it before this point");

  set_breakpoint("408 on a.ff_driver");
  EXPECT_TRUE(asks("continue").starts_with("a.ff_driver  STEP 408"));
  EXPECT_EQ(text_of(stopped, "reason"), "function breakpoint");
  EXPECT_TRUE(text_of(stopped, "text").starts_with(std::to_string(stops[0]) + ": "));
  const std::uint64_t a_ff_driver = number_of(stopped, "threadId");
  auto irp = scope(ide, a_ff_driver, "IRP");
  EXPECT_EQ(irp["as_of"], "point " + std::to_string(stops[0]));
  const std::string lsn = irp["lsn"];
  auto mirror = scope(ide, a_ff_driver, "Mirror");
  EXPECT_EQ(mirror["as_of"], "point " + std::to_string(stops[0]));
  EXPECT_EQ(mirror.count("b: lun 0 lsn " + lsn), 0U);
  EXPECT_EQ(scope(ide, a_ff_driver, "Cache").count("a: lun 0 lsn " + lsn), 1U);

  // To STEP 412 as the operation went, and back the same way.
  ide.body("setFunctionBreakpoints", {{"breakpoints", json::array()}});
  std::vector<std::string> way = {top_of(ide, stopped)};
  while (!way.back().starts_with("a.ff_driver  STEP 412") && way.size() < 20) {
    way.push_back(asks("next"));
    EXPECT_EQ(text_of(stopped, "reason"), "step");
  }
  ASSERT_TRUE(way.back().starts_with("a.ff_driver  STEP 412")) << way.back();
  EXPECT_TRUE(text_of(stopped, "text").starts_with(std::to_string(stops[2]) + ": "));
  std::uint64_t number = 0;
  mirror = scope(ide, a_ff_driver, "Mirror", &number);
  EXPECT_EQ(mirror["as_of"], "point " + std::to_string(stops[2]));
  EXPECT_EQ(mirror.count("b: lun 0 lsn " + lsn), 1U);
  EXPECT_TRUE(ide.body("dataBreakpointInfo", {{"variablesReference", number}, {"name", "as_of"}})
                  .at("dataId")
                  .is_null());
  for (std::size_t i = way.size() - 1; i-- > 0;) {
    EXPECT_EQ(asks("stepBack"), way[i]);
    EXPECT_EQ(text_of(stopped, "reason"), "step");
  }
  EXPECT_TRUE(top_of(ide, stopped).starts_with("a.ff_driver  STEP 408"));

  // Into a layer, and on to where the record comes by.
  json::object targets = ide.body(
      "stepInTargets", {{"frameId", number_of(stack(ide, a_ff_driver).front().as_object(), "id")}});
  EXPECT_EQ(array_of(targets, "targets").size(), 3U) << "netstack, fs_cache, rd_driver";
  ide.body("stepIn", {{"threadId", a_ff_driver}, {"targetId", thread_of(ide, "a.rd_driver")}});
  stopped = ide.event("stopped");
  EXPECT_TRUE(stands_at(ide, stopped, "a.rd_driver")) << top_of(ide, stopped);
  EXPECT_EQ(stack(ide, a_ff_driver).size(), 1U) << "what it did, no point";
  EXPECT_TRUE(refusal("next", {{"threadId", a_ff_driver}}).starts_with("a.ff_driver waits at no"));
  const json::object data = {{"dataId", "0/" + lsn}, {"condition", "step == 412"}};
  EXPECT_TRUE(verified(ide.body("setDataBreakpoints", {{"breakpoints", json::array{data}}})));
  EXPECT_TRUE(asks("continue").starts_with("a.ff_driver  STEP 412"));
  EXPECT_EQ(text_of(stopped, "reason"), "data breakpoint");
  ide.body("setDataBreakpoints", {{"breakpoints", json::array()}});

  // To the end, and back to a breakpoint.
  ide.body("continue", {{"threadId", a_ff_driver}});
  stopped = ide.event("stopped");
  EXPECT_EQ(text_of(stopped, "reason"), "end");
  EXPECT_EQ(text_of(stopped, "description"), "The recording ends here.");
  set_breakpoint("410 on a.ff_driver");
  EXPECT_TRUE(asks("reverseContinue").starts_with("a.ff_driver  STEP 410"));
  EXPECT_EQ(text_of(stopped, "reason"), "function breakpoint");
  EXPECT_EQ(scope(ide, a_ff_driver, "Ledger")["as_of"], "point " + std::to_string(stops[1]));

  // The console goes where it is told, and changes nothing.
  const json::object gone = ide.body("evaluate", {{"expression", "goto 2"}, {"context", "repl"}});
  EXPECT_TRUE(text_of(gone, "result").starts_with("2: ")) << text_of(gone, "result");
  stopped = ide.event("stopped");
  EXPECT_TRUE(text_of(stopped, "text").starts_with("2: "));
  EXPECT_EQ(scope(ide, number_of(stopped, "threadId"), "Cache")["as_of"],
            "nothing was shown before");
  const std::string needs = "a recording only shows what was: '";
  for (const std::string command : {"kill a", "fail a.fs_cache medium.flush.objects=error",
                                    "start true", "record off", "pause"}) {
    EXPECT_TRUE(refusal("evaluate", {{"expression", command}}).starts_with(needs)) << command;
  }
  EXPECT_EQ(refusal("pause", {{"threadId", 1}}), "a recording stands always");
  EXPECT_EQ(refusal("setVariable", {{"variablesReference", 1}, {"name", "x"}, {"value", "1"}}),
            "'x' cannot be set: a recording only shows what was");
  EXPECT_TRUE(flag_of(ide.request("disconnect"), "success"));

  DapClient next(server.port());
  ASSERT_TRUE(next.attach(server.token()));
  stopped = next.event("stopped");
  EXPECT_TRUE(text_of(stopped, "text").starts_with("1: ")) << "each begins anew";
  EXPECT_FALSE(next.request("continue", {{"threadId", 1}}).empty());
  EXPECT_EQ(text_of(next.event("stopped"), "reason"), "end") << "no breakpoint is left";
  EXPECT_TRUE(flag_of(next.request("terminate"), "success"));
  next.event("terminated");
}

TEST(DapFrames, AreTheSameInWhateverPiecesTheyCome) {
  const std::string all = stepper::to_dap_frame({{"seq", 1}}) + stepper::to_dap_frame({{"seq", 2}});
  for (std::size_t piece = 1; piece <= all.size(); ++piece) {
    stepper::DapFrames frames;
    std::vector<std::uint64_t> taken;
    for (std::size_t at = 0; at < all.size(); at += piece) {
      frames.add(std::string_view(all).substr(at, piece));
      for (json::object message; frames.take(message) == stepper::DapFrames::Next::message;)
        taken.push_back(number_of(message, "seq"));
    }
    EXPECT_EQ(taken, (std::vector<std::uint64_t>{1, 2})) << piece;
  }
  EXPECT_EQ(stepper::shortened("gr\xC3\xBC\xC3\x9F"
                               "e",
                               3),
            "gr...");
}

TEST(DapSource, FindsTheTracePointsOfEveryLayerAsTheCommandsNameThem) {
  const stepper::SourceMap map(UNDERSTUDY_SOURCE);
  const auto lines = [&map](Layer layer, Step step) {
    TraceEntry entry{};
    entry.layer = layer;
    entry.step = step;
    const stepper::SourceLine* const found = map.find(entry);
    return found == nullptr ? std::string() : found->file;
  };
  EXPECT_EQ(lines(Layer::ff_driver, Step::s408), "ff_driver/operation.cpp");
  EXPECT_EQ(lines(Layer::rd_driver, Step::s408), "rd_driver/outbox.cpp");
  EXPECT_EQ(lines(Layer::mirror_server, Step::s408), "mirror_server/partner_session.cpp");
  EXPECT_EQ(lines(Layer::cluster_app, Step::s304), "cluster_app/takeover.cpp");
  EXPECT_EQ(lines(Layer::netstack, Step::s408), "") << "it passes none";
  TraceEntry hop{};
  hop.layer = Layer::netstack;
  hop.hop = Hop::request_out;
  ASSERT_NE(map.find(hop), nullptr);
  EXPECT_EQ(map.find(hop)->file, "iomgr/driver.cpp");
  EXPECT_TRUE(map.in("operation.cpp").empty());
  EXPECT_FALSE(map.in("/a/clone/ff_driver/operation.cpp").empty());
}

}  // namespace
}  // namespace understudy
