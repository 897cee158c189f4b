// Recordings that are made by hand, damaged, cut: read, walked through, exported.
#include "tools/stepper/recording.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/real/export_checks.h"
#include "tools/stepper/causality.h"
#include "tools/stepper/commands.h"
#include "tools/stepper/export.h"

namespace understudy::stepper {
namespace {

const std::string kHeader =
    R"({"recording":"understudy","version":1,"nodes":["a","b"],"started_ns":1000,"by":"hand"})"
    "\n";

/// What the layers of a write do, one line a point: "a ff_driver 408" or "a ff_driver request_in
/// netstack", then time, IRP, LSN, numbers of the ring.
class Script {
 public:
  Script& step(const std::string& node, const std::string& layer, int step, std::uint64_t lsn = 0) {
    return add(node, layer, lsn, {{"step", step}});
  }
  Script& hop(const std::string& node, const std::string& layer, const std::string& hop,
              const std::string& neighbour, std::uint64_t lsn = 0) {
    return add(node, layer, lsn, {{"hop", hop}, {"neighbour", neighbour}});
  }
  Script& line(const std::string& line) {
    text_ += line + "\n";
    return *this;
  }
  Script& at(std::int64_t time_ns) {
    time_ns_ = time_ns;
    return *this;
  }
  Script& named(const std::string& name) {
    name_ = name;
    return *this;
  }
  const std::string& text() const { return text_; }
  Recording read() const {
    std::istringstream in(text_);
    std::string wrong;
    auto recording = read_recording(in, wrong);
    EXPECT_TRUE(recording) << wrong;
    return recording ? std::move(*recording) : Recording();
  }

 private:
  Script& add(const std::string& node, const std::string& layer, std::uint64_t lsn,
              json::object what) {
    const bool is_message = text_of(what, "hop").starts_with("message");
    what["node"] = node;
    what["layer"] = layer;
    what["time_ns"] = time_ns_ += 1000;
    what["sequence"] = ++sequences_[node + layer];
    what["irp"] = is_message || node == "b" ? 0 : 7;
    what["lsn"] = lsn;
    what["epoch"] = lsn == 0 ? 0 : 2;
    what["major"] = is_message ? "mirror" : "write";
    what["minor"] = is_message ? 5 : 0;
    if (!name_.empty()) what["name"] = name_;
    return line(json::serialize(json::object{{"point", what}}));
  }

  std::string text_ = kHeader;
  std::string name_;
  std::int64_t time_ns_ = 0;
  std::map<std::string, std::uint64_t> sequences_;
};

/// A write from netstack to the partner and back, and another layer's work between.
Script a_write() {
  Script script;
  script.hop("a", "netstack", "request_out", "ff_driver")
      .hop("a", "ff_driver", "request_in", "netstack")
      .step("a", "ff_driver", 400)
      .step("b", "cluster_app", 302)
      .step("a", "ff_driver", 408, 5)
      .hop("a", "ff_driver", "request_out", "rd_driver", 5)
      .hop("a", "rd_driver", "request_in", "ff_driver", 5)
      .hop("a", "rd_driver", "message_out", "mirror_server", 5)
      .hop("b", "mirror_server", "message_in", "rd_driver", 5)
      .step("b", "mirror_server", 408, 5)
      .step("a", "ff_driver", 410, 5)
      .step("a", "ff_driver", 412, 5)
      .hop("a", "ff_driver", "completion_out", "netstack", 5)
      .hop("a", "netstack", "completion_in", "ff_driver", 5);
  return script;
}

std::string place_of(const Point& point) {
  return point.where() + " " +
         (point.entry.hop == Hop::none ? std::to_string(static_cast<int>(point.entry.step))
                                       : std::string(to_string(point.entry.hop)));
}

std::vector<std::string> places_of(const Recording& recording) {
  std::vector<std::string> places;
  for (const Point& point : recording.points) places.push_back(place_of(point));
  return places;
}

struct Exported {
  std::string chrome, mermaid, shiviz, pcap;
};

Exported exported(const Recording& recording, const Operation& operation = {0, 5}) {
  std::ostringstream chrome;
  std::ostringstream mermaid;
  std::ostringstream shiviz;
  std::ostringstream pcap;
  export_chrome(recording, chrome);
  export_mermaid(recording, operation, mermaid);
  export_shiviz(recording, shiviz);
  export_pcap(recording, pcap);
  return {chrome.str(), mermaid.str(), shiviz.str(), pcap.str()};
}

/// All that can be asked of it.
void use(Recording recording) {
  const Exported all = exported(recording);
  EXPECT_EQ(wrong_in_chrome(all.chrome), "");
  EXPECT_EQ(wrong_in_mermaid(all.mermaid), "");
  EXPECT_EQ(wrong_in_shiviz(all.shiviz), "");
  std::ostringstream page;
  export_page(recording, page);
  std::size_t packets = 0;
  EXPECT_EQ(wrong_in_pcap(all.pcap, packets), "");
  Replay replay(std::move(recording));
  Commands commands(replay);
  for (const char* const line : {"where",    "step",
                                 "into",     "out",
                                 "irp",      "ledger",
                                 "cache",    "mirror",
                                 "layers",   "stops",
                                 "back",     "back step",
                                 "history",  "break any if lsn == 5",
                                 "continue", "back break",
                                 "goto 3",   "search lsn == 5",
                                 "continue", "continue"})
    static_cast<void>(commands.run(line));
}

TEST(Recording, ReadsAsItWasWritten) {
  const auto file =
      std::filesystem::temp_directory_path() / ("recording-" + std::to_string(getpid()));
  std::filesystem::remove(file);
  Point point;
  point.node = "b";
  point.entry.sequence = 9;
  point.entry.time_ns = 123'456'789'012'345;
  point.entry.irp = 0xFFFF'0000'0000'0001;
  point.entry.lsn = 77;
  point.entry.lun = 3;
  point.entry.status = Status::disk_full;
  point.entry.hop = Hop::completion_in;
  point.entry.major = Major::set_information;
  point.entry.minor = 4;
  point.entry.layer = Layer::ff_driver;
  point.entry.neighbour = Layer::fs_cache;
  point.entry.epoch = 6;
  point.entry.session = 12;
  point.irp.id = point.entry.irp;
  point.is_shown = true;
  point.name = "a name with \" and \xFF in it";
  Snapshot snapshot;
  snapshot.layers = {{"a.ff_driver", 4711, "parked"}};
  StoredRecord record;
  record.header.lun = 3;
  record.header.lsn = 77;
  record.what = "write of 5 bytes";
  snapshot.cache = {{"a", {}}, {"b", {record}}};
  snapshot.mirror = {{"a", {record}}, {"b", {}}};
  LedgerLun lun{3, "b", 6, 77, 70, {{6, 77, "write", {"b"}, {"a"}, true}}};
  snapshot.ledger.luns = {lun};
  std::string wrong;
  auto writer = RecordingWriter::create(file, false, {{"a", "b"}, 5, "test"}, wrong);
  ASSERT_TRUE(writer) << wrong;
  writer->write(point);
  writer->write(Stop{Stop::Why::breakpoint, 2, point, "why"}, Followed{"b", 1, 3, 6, 77, {}});
  writer->write(snapshot);
  EXPECT_EQ(writer->wrong(), "");
  EXPECT_EQ(RecordingWriter::create(file, false, {{"a"}, 5, "test"}, wrong), nullptr)
      << "it would be lost";

  const auto recording = read_recording(file.string(), wrong);
  std::filesystem::remove(file);
  ASSERT_TRUE(recording) << wrong;
  EXPECT_EQ(recording->nodes, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(recording->started_ns, 5);
  ASSERT_EQ(recording->points.size(), 1U);
  EXPECT_EQ(std::memcmp(&recording->points[0].entry, &point.entry, sizeof point.entry), 0);
  EXPECT_EQ(recording->points[0].name, point.name);
  EXPECT_EQ(recording->irps.at(0), irp_of(point));
  ASSERT_EQ(recording->stops.size(), 1U);
  EXPECT_EQ(recording->stops[0].stop.breakpoint, 2);
  EXPECT_EQ(recording->stops[0].stop.text, "why");
  EXPECT_EQ(recording->stops[0].followed->lsn, 77U);
  EXPECT_EQ(to_json(recording->snapshots.at(0)), to_json(snapshot));
  EXPECT_EQ(recording->damaged, 0U);
  EXPECT_FALSE(recording->is_cut);
}

TEST(Recording, TakesWhatALayerShowsOfAPointThatWasPassedBefore) {
  Script script = a_write();
  script.line(R"({"shown":{"node":"a","layer":"ff_driver","sequence":2,"name":"n\u001B[31m",)"
              R"("irp_shown":{"id":7}}})");
  const Recording recording = script.read();
  EXPECT_EQ(recording.points[2].name, "n?[31m") << "a terminal would obey it";
  EXPECT_EQ(recording.irps.at(2), (json::object{{"id", 7}}));
}

TEST(Recording, ThatEndsAnywhereIsReadUpToItsLastWholeLine) {
  const std::string text = a_write().text();
  for (std::size_t length = kHeader.size(); length <= text.size(); ++length) {
    const std::string part = text.substr(0, length);
    std::istringstream in(part);
    std::string wrong;
    const auto recording = read_recording(in, wrong);
    ASSERT_TRUE(recording) << wrong;
    EXPECT_EQ(recording->points.size(),
              static_cast<std::size_t>(std::ranges::count(part, '\n')) - 1);
    EXPECT_EQ(recording->is_cut, part.back() != '\n');
    EXPECT_EQ(recording->damaged, 0U);
  }
}

TEST(Recording, LeavesDamagedLinesOutAndSaysWhatIsWrongWithTheFirst) {
  const std::pair<std::string, std::string> kLines[] = {
      {"{", "line 3: no JSON object"},
      {"[1]", "line 3: no JSON object"},
      {R"({"point": 5})", "line 3: no point"},
      {R"({"point": {"node": "c", "layer": "ff_driver"}})", "line 3: a point of no known layer"},
      {R"({"point": {"node": "a", "layer": "none"}})", "line 3: a point of no known layer"},
      {R"({"point": {"node": "a", "layer": "ff_driver", "lun": -1}})",
       "line 3: a number of a point is out of its bounds"},
      {R"({"point": {"node": "a", "layer": "ff_driver", "time_ns": 9223372036854775807}})",
       "line 3: a number of a point is out of its bounds"},
      {R"({"point": {"node": "a", "layer": "ff_driver", "major": "x"}})",
       "line 3: a point of no known function"},
      {R"({"point": {"node": "a", "layer": "ff_driver", "major": "read", "step": 401}})",
       "line 3: a point of no known STEP"},
      {R"({"point": {"node": "a", "layer": "ff_driver", "major": "read", "hop": "x"}})",
       "line 3: a point of no known hop"},
      {R"({"shown": {"node": "a", "layer": "fs_cache", "sequence": 1}})",
       "line 3: an IRP at a point that is not there"},
      {R"({"stop": {"why": "x"}})", "line 3: a stop for no known reason"},
      {R"({"stop": {"why": "pause", "at": {"node": "a", "layer": "ff_driver", "sequence": 99}}})",
       "line 3: a stop at a point that is not there"},
      {R"({"stop": {"why": "pause", "breakpoint": 99999999999}})",
       "line 3: a stop at no breakpoint"},
      {R"({"stop": {"why": "pause", "followed": {"lsn": "x"}}})",
       "line 3: a stop at no operation"}};
  for (const auto& [line, wrong] : kLines) {
    Script script;
    script.step("a", "ff_driver", 400).line(line).step("a", "ff_driver", 412);
    const Recording recording = script.read();
    EXPECT_EQ(recording.damage, wrong) << line;
    EXPECT_EQ(recording.damaged, 1U);
    EXPECT_EQ(recording.points.size(), 2U);
  }
  EXPECT_EQ(Script().line(R"({"of a later version": 1})").read().damaged, 0U);
}

TEST(Recording, IsRefusedIfItsFirstLineIsNotOfOne) {
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("{}\n"), std::string(100'000, 'x'),
        std::string(R"({"recording":"understudy","version":2,"nodes":["a"]})"),
        std::string(R"({"recording":"understudy","version":1,"nodes":[]})"),
        std::string(R"({"recording":"understudy","version":1,"nodes":["a b"]})"),
        std::string(R"({"recording":"understudy","version":1,"nodes":"a"})")}) {
    std::istringstream in(text);
    std::string wrong;
    EXPECT_FALSE(read_recording(in, wrong)) << text;
    EXPECT_NE(wrong, "");
  }
  std::string wrong;
  EXPECT_FALSE(read_recording("/nowhere/at/all", wrong));
  EXPECT_EQ(wrong, "/nowhere/at/all: No such file or directory");
}

TEST(Recording, ThatIsDamagedAnywhereDoesNoHarm) {
  const std::string whole = a_write()
                                .line(R"({"stop":{"why":"step"}})")
                                .line(R"({"snapshot":{"cache":{"a":[{"lun":0,"lsn":5}]}}})")
                                .text();
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string text = whole;
    for (int i = 0; i < 1 + round % 4; ++i) {
      const std::size_t at = kHeader.size() + random() % (text.size() - kHeader.size());
      if (round % 3 == 0)
        text.erase(at, random() % 300);
      else if (round % 3 == 1)
        text[at] = "0123456789\"{}[],:\n"[random() % 18];
      else
        text.insert(at, whole.substr(kHeader.size() + random() % 500, random() % 300));
    }
    std::istringstream in(text);
    std::string wrong;
    auto recording = read_recording(in, wrong);
    if (recording) use(std::move(*recording));
  }
}

TEST(Recording, SaysHowManyPointsWereOverwrittenBeforeTheyWereRead) {
  const std::string lost =
      R"({"point":{"node":"a","layer":"ff_driver","sequence":5,"major":"write","step":412}})";
  EXPECT_EQ(Script().step("a", "ff_driver", 400).line(lost).read().missing, 3U);
  EXPECT_EQ(Script().line(lost).read().missing, 0U) << "it began in the middle";
}

TEST(Recording, EndsWithTheReasonWhenTheDiskIsFull) {
  std::string wrong;
  EXPECT_EQ(RecordingWriter::create("/dev/full", true, {{"a"}, 0, "test"}, wrong), nullptr);
  EXPECT_EQ(wrong, "/dev/full: No space left on device");
}

TEST(Causality, NothingIsReceivedBeforeItIsSentWhateverTheClocksSay) {
  Script script;
  script.at(500).hop("b", "mirror_server", "message_in", "rd_driver", 5);
  script.step("b", "mirror_server", 408, 5);
  script.at(20'000).hop("a", "rd_driver", "request_in", "ff_driver", 5);
  script.hop("a", "rd_driver", "message_out", "mirror_server", 5);
  const Recording recording = script.read();
  EXPECT_EQ(places_of(recording),
            (std::vector<std::string>{"a.rd_driver request_in", "a.rd_driver message_out",
                                      "b.mirror_server message_in", "b.mirror_server 408"}));
  EXPECT_EQ(recording.senders, (std::vector<std::size_t>{kNobody, kNobody, 1, kNobody}));
}

TEST(Causality, PointsThatWaitForEachOtherStayAsTheyAre) {
  Script script;
  script.hop("b", "mirror_server", "message_in", "rd_driver", 5)
      .hop("b", "mirror_server", "message_out", "rd_driver", 6)
      .hop("a", "rd_driver", "message_in", "mirror_server", 6)
      .hop("a", "rd_driver", "message_out", "mirror_server", 5);
  EXPECT_EQ(script.read().points.size(), 4U);
}

TEST(Causality, WhatANodeHadSentBeforeItDiedIsNotHeardInItsNextLife) {
  Script script;
  script.hop("a", "netstack", "request_out", "ff_driver");
  script.line(R"({"point":{"node":"a","layer":"netstack","sequence":1,"major":"write","step":400,)"
              R"("time_ns":5000}})");
  script.hop("a", "ff_driver", "request_in", "netstack");
  EXPECT_EQ(script.read().senders.back(), kNobody);
}

TEST(Replay, StepsFollowOneOperationForwardAndBackTheSameWay) {
  Replay replay(a_write().read());
  ASSERT_TRUE(replay.go_to(3));
  std::vector<std::string> forward;
  for (replay.go(Go::step); replay.stop()->why == Stop::Why::step; replay.go(Go::step))
    forward.push_back(place_of(*replay.stop()->point));
  EXPECT_EQ(forward, (std::vector<std::string>{"a.ff_driver 408", "b.mirror_server 408",
                                               "a.ff_driver 410", "a.ff_driver 412"}));
  EXPECT_EQ(replay.stop()->why, Stop::Why::end);
  std::vector<std::string> back;
  while (replay.back_to_step()) back.push_back(place_of(*replay.stop()->point));
  forward.insert(forward.begin(), "a.ff_driver 400");
  std::ranges::reverse(back);
  EXPECT_EQ(back, forward);
}

TEST(Replay, GoesIntoTheNextLayerAndOutToWhereItWas) {
  Replay replay(a_write().read());
  ASSERT_TRUE(replay.go_to(5));
  const std::pair<Go, std::string> kWalk[] = {{Go::into, "a.rd_driver request_in"},
                                              {Go::into, "b.mirror_server message_in"},
                                              {Go::out, "a.ff_driver 410"},
                                              {Go::into, "a.netstack completion_in"}};
  for (const auto& [how, place] : kWalk) {
    replay.go(how);
    EXPECT_EQ(place_of(*replay.stop()->point), place);
  }
}

TEST(Replay, TakesTheCommandsOfASession) {
  Replay replay(a_write().read());
  Commands commands(replay);
  EXPECT_TRUE(commands.run("break 408 on b if lsn == 5").ok);
  EXPECT_EQ(commands.run("continue").text.substr(0, 34), "Breakpoint 1: 10: b.mirror_server ");
  EXPECT_EQ(number_of(commands.run("back").data, "number"), 9U);
  EXPECT_EQ(number_of(commands.run("goto 12").data, "number"), 12U);
  EXPECT_EQ(number_of(commands.run("back break").data, "number"), 10U);
  EXPECT_FALSE(commands.run("back break").ok);
  EXPECT_FALSE(commands.run("goto 15").ok);
  EXPECT_FALSE(commands.run("goto 0").ok);
  EXPECT_EQ(commands.run("search lsn == 5 && node == b").data.at("points"), json::value({9U, 10U}));
  EXPECT_TRUE(commands.run("delete 1").ok);
  EXPECT_EQ(text_of(commands.run("continue").data, "stopped"), "end");
  EXPECT_FALSE(commands.run("ledger").ok) << "nothing was shown of it";
}

TEST(Replay, RefusesWhatWouldChangeANode) {
  Replay replay(a_write().read());
  Commands commands(replay);
  for (const std::string name :
       {"kill", "hang", "wake", "fail", "start", "hold", "pause", "record"}) {
    const Reply reply = commands.run(name + " a");
    EXPECT_FALSE(reply.ok);
    EXPECT_EQ(reply.text, "a recording only shows what was: '" + name + "' needs a pair that runs");
  }
}

TEST(Replay, ShowsTheStoresAsTheyWereAtTheStopBefore) {
  Script script = a_write();
  script.line(R"({"stop":{"why":"pause","at":{"node":"a","layer":"ff_driver","sequence":3}}})");
  script.line(R"({"snapshot":{"ledger":{"luns":[{"lun":4}]}}})");
  Replay replay(script.read());
  Commands commands(replay);
  ASSERT_TRUE(replay.go_to(4));
  EXPECT_FALSE(commands.run("ledger").ok);
  for (const std::uint64_t number : {5U, 9U}) {
    ASSERT_TRUE(replay.go_to(number));
    const Reply reply = commands.run("ledger");
    EXPECT_EQ(number_of(reply.data, "as_of"), 5U);
    EXPECT_EQ(reply.data.at("ledger").at("luns").at(0).at("lun"), 4);
  }
}

TEST(Replay, OpensWhereARuleBroke) {
  Script script = a_write();
  script.line(R"({"stop":{"why":"rule","text":"BROKEN rule 1","followed":{"node":"a","lsn":5},)"
              R"("at":{"node":"b","layer":"mirror_server","sequence":2}}})");
  Replay replay(script.read());
  Commands commands(replay);
  EXPECT_EQ(replay.number(), 10U);
  EXPECT_EQ(commands.run("where").text.substr(0, 14), "BROKEN rule 1\n");
  ASSERT_TRUE(replay.go_to(1));
  EXPECT_EQ(text_of(commands.run("continue").data, "stopped"), "rule");
}

/// A stop of a's filter at its point of that number in its ring, and a ledger with one operation,
/// acknowledged and cached at a, and mirrored at these nodes.
void stop_with_ledger(Script& script, int sequence, const std::string& mirror,
                      const std::string& layers = "[]") {
  script.line(R"({"stop":{"why":"pause","at":{"node":"a","layer":"ff_driver","sequence":)" +
              std::to_string(sequence) + "}}}");
  script.line(R"({"snapshot":{"layers":)" + layers +
              R"(,"ledger":{"luns":[{"lun":0,"operations":[)"
              R"({"lsn":5,"epoch":2,"cache":["a"],"mirror":[)" +
              mirror + R"(],"acknowledged":true}]}]}}})");
}

TEST(Replay, StopsOnBothWaysWhereALedgerTellsThatARuleBrokeIfItIsAskedTo) {
  Script script = a_write();
  stop_with_ledger(script, 2, R"("b")");
  stop_with_ledger(script, 3, "");
  stop_with_ledger(script, 5, "");  // it is broken still
  Replay replay(script.read());
  Commands commands(replay);
  EXPECT_EQ(text_of(commands.run("continue").data, "stopped"), "end") << "nobody has asked";
  ASSERT_TRUE(replay.go_to(1));
  ASSERT_TRUE(commands.run("break rule").ok);
  EXPECT_FALSE(commands.run("break rule 408").ok);
  const Reply forward = commands.run("continue");
  EXPECT_EQ(text_of(forward.data, "stopped"), "rule");
  EXPECT_EQ(number_of(forward.data, "number"), 5U);
  EXPECT_TRUE(text_of(forward.data, "text").starts_with("rule 1: lun 0 lsn 5 ")) << forward.text;
  EXPECT_EQ(text_of(commands.run("continue").data, "stopped"), "end");
  EXPECT_EQ(number_of(commands.run("back break").data, "number"), 5U);
}

TEST(Replay, TakesNoSecondFailureForABrokenRule) {
  Script script = a_write();
  stop_with_ledger(script, 3, "", R"([{"place":"b.fs_cache","pid":0,"does":"does not run"}])");
  Replay replay(script.read());
  Commands commands(replay);
  ASSERT_TRUE(commands.run("break rule").ok);
  EXPECT_EQ(text_of(commands.run("continue").data, "stopped"), "end");
}

TEST(Replay, GoesBackToWhereARuleWasRecordedToBreakIfItIsAskedTo) {
  Script script = a_write();
  script.line(R"({"stop":{"why":"rule","text":"BROKEN rule 7",)"
              R"("at":{"node":"b","layer":"mirror_server","sequence":2}}})");
  Replay replay(script.read());
  Commands commands(replay);
  EXPECT_EQ(text_of(commands.run("continue").data, "stopped"), "end");
  EXPECT_FALSE(commands.run("back break").ok);
  ASSERT_TRUE(commands.run("break rule").ok);
  const Reply back = commands.run("back break");
  EXPECT_EQ(text_of(back.data, "text"), "BROKEN rule 7") << back.text;
  EXPECT_EQ(number_of(back.data, "number"), 10U);
}

TEST(Replay, OfNothingAnswers) {
  use(Script().read());
}

TEST(Export, ShowsTheMessagesOfAWrite) {
  const Recording recording = a_write().read();
  const Exported all = exported(recording);
  EXPECT_NE(all.mermaid.find("  a_rd_driver-)b_mirror_server: append lsn 5\n"), std::string::npos)
      << all.mermaid;
  EXPECT_NE(all.mermaid.find("  a_netstack->>a_ff_driver: write\n"), std::string::npos);
  EXPECT_NE(all.chrome.find(R"("name":"write lsn 5")"), std::string::npos) << all.chrome;
  EXPECT_NE(all.chrome.find(R"("ph":"f")"), std::string::npos);
  EXPECT_NE(all.shiviz.find("b.mirror_server {\"a.ff_driver\":4, \"a.netstack\":1, "
                            "\"a.rd_driver\":2, \"b.mirror_server\":1}"),
            std::string::npos)
      << all.shiviz;
  std::size_t packets = 0;
  EXPECT_EQ(wrong_in_pcap(all.pcap, packets), "");
  EXPECT_EQ(packets, 2U);
  use(recording);
}

TEST(Export, OfALongOperationWithAnOddNameIsBoundedAndStillADiagram) {
  Script script;
  script.named("x; end\n  loop # \x01");
  for (int i = 0; i < 1000; ++i) script.hop("a", "ff_driver", "request_in", "netstack", 5);
  const std::string diagram = exported(script.read()).mermaid;
  EXPECT_EQ(wrong_in_mermaid(diagram), "");
  EXPECT_LT(static_cast<std::size_t>(std::ranges::count(diagram, '\n')), kMaxMermaidLines + 20);
  EXPECT_NE(diagram.find("and more"), std::string::npos);
}

std::string page_of(const Recording& recording) {
  std::ostringstream out;
  export_page(recording, out);
  return out.str();
}

/// The recording in a page, as a browser would find it: up to the first end of its element.
json::object data_in(const std::string& page) {
  const std::string begin = R"(<script type="application/json" id="recording">)";
  const std::size_t from = page.find(begin) + begin.size();
  const std::string data = page.substr(from, page.find("</script", from) - from);
  return json::parse(data, {}, {.allow_invalid_utf8 = true}).as_object();
}

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++count;
  return count;
}

TEST(Export, APageRunsNothingThatStandsInARecording) {
  const std::string hostile = "</script><script>alert(1)</script><!-- \u2028 \u2029 \xE2\xFF";
  Script script = a_write();
  script.named(hostile).step("a", "ff_driver", 414, 5);
  script.line(R"({"stop":{"why":"rule","text":"</script><b>",)"
              R"("at":{"node":"a","layer":"ff_driver","sequence":3}}})");
  script.line(
      R"({"snapshot":{"layers":[{"place":"<script>"}],"cache":{"a":[{"what":"</script>"}]},)"
      R"("ledger":{"luns":[{"owner":"<script>","operations":[{"what":"</script>"}]}]}}})");
  const Recording recording = script.read();
  const std::string page = page_of(recording);
  EXPECT_EQ(count_of(page, "<script"), 2U);
  EXPECT_EQ(count_of(page, "</script"), 2U);
  EXPECT_EQ(count_of(page, "alert(1)"), 1U);
  EXPECT_EQ(count_of(page, "<!--"), 0U);
  EXPECT_EQ(count_of(page, "\xE2\x80\xA8") + count_of(page, "\xE2\x80\xA9"), 0U);
  const json::object data = data_in(page);
  ASSERT_EQ(data.at("points").as_array().size(), 15U);
  EXPECT_EQ(text_of(data.at("points").at(14).as_object(), "name"), hostile);
  EXPECT_EQ(data.at("stops").at(0).at("text"), "</script><b>");
  const json::value& stores = data.at("snapshots").at(0).at("stores");
  EXPECT_EQ(stores.at("ledger").at("luns").at(0).at("owner"), "<script>");
  EXPECT_EQ(stores.at("ledger").at("lost_with").at("b").at("count"), 0);
  EXPECT_EQ(stores.at("mirror").at("b").at("count"), 0);
}

TEST(Export, APageIsWholeAndLoadsNothing) {
  const std::string page = page_of(a_write().read());
  for (const std::string what : {"\nimport ", "\nexport ", "src=\"main.js\"", "href=\"page.css\""})
    EXPECT_EQ(count_of(page, what), 0U) << what;
  EXPECT_EQ(count_of(page, "modules['main.js'] = "), 1U);
  EXPECT_EQ(count_of(page, "content=\"default-src 'none'; script-src 'sha256-"), 1U);
}

TEST(Export, APageOfALongRecordingHasItsEndAndCountsTheRest) {
  Script script;
  for (std::size_t i = 0; i < kMaxPagePoints; ++i) script.step("b", "cluster_app", 302);
  script.line(R"({"stop":{"why":"pause","at":{"node":"b","layer":"cluster_app","sequence":1}}})");
  script.line(R"({"snapshot":{"ledger":{"luns":[{"lun":1}]}}})");
  for (std::size_t i = 1; i <= kMaxPageSnapshots; ++i) {
    const std::string number = std::to_string(kMaxPagePoints - i);
    script.line(R"({"stop":{"why":"pause","at":{"node":"b","layer":"cluster_app","sequence":)" +
                number + "}}}");
    script.line(R"({"snapshot":{}})");
  }
  for (int i = 0; i < 5; ++i) script.step("a", "ff_driver", 400);
  const json::object data = data_in(page_of(script.read()));
  EXPECT_EQ(data.at("count"), kMaxPagePoints + 5);
  EXPECT_EQ(data.at("left_out"), 5);
  EXPECT_EQ(data.at("points").as_array().size(), kMaxPagePoints);
  EXPECT_EQ(data.at("snapshots").as_array().size(), kMaxPageSnapshots);
  std::uint64_t before = 0;
  for (const auto& each : data.at("steps_before").as_object())
    before += each.value().to_number<std::uint64_t>();
  EXPECT_EQ(before, 5U);
  const std::string about(data.at("about").as_string());
  EXPECT_NE(about.find(" 5 points at its beginning are left out"), std::string::npos) << about;
  EXPECT_NE(about.find(" 1 of its older snapshots"), std::string::npos) << about;
}

TEST(Export, SaysWhatIsWrong) {
  const Recording recording = a_write().read();
  EXPECT_EQ(export_to(recording, "x", "/dev/null", {}),
            "there is no format 'x': chrome, mermaid, shiviz, pcap, page");
  EXPECT_EQ(export_to(recording, "mermaid", "/dev/null", {0, 99}),
            "the recording has no operation with lsn 99 of lun 0 (--lsn, --lun)");
  Recording alone = recording;
  alone.nodes = {"a"};
  EXPECT_EQ(export_to(alone, "page", "/dev/null", {}),
            "the page shows a pair; the recording is of 1 node");
  EXPECT_EQ(export_to(recording, "chrome", "/nowhere/at/all", {}),
            "/nowhere/at/all: No such file or directory");
  EXPECT_EQ(export_to(recording, "chrome", "/dev/full", {}), "/dev/full: No space left on device");
}

}  // namespace
}  // namespace understudy::stepper
