// Recordings of a real pair and of the simulator (docs/stepping.md), opened and walked through.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <future>
#include <sstream>

#include "tests/real/export_checks.h"
#include "tests/real/stepper.h"
#include "tools/stepper/commands.h"

namespace understudy {
namespace {

std::string place_of(const json::object& stop) {
  const json::object& point = object_of(stop, "at");
  const std::uint64_t step = number_of(point, "step");
  return text_of(point, "node") + "." + text_of(point, "layer") + " " +
         (step != 0 ? std::to_string(step) : text_of(point, "hop"));
}

std::string content_of(const std::filesystem::path& file) {
  std::ostringstream content;
  content << std::ifstream(file).rdbuf();
  return content.str();
}

stepper::Recording opened(const std::filesystem::path& file) {
  std::string wrong;
  auto recording = stepper::read_recording(file.string(), wrong);
  EXPECT_TRUE(recording) << wrong;
  if (!recording) return {};
  EXPECT_EQ(recording->damaged, 0U) << recording->damage;
  return std::move(*recording);
}

/// A stop of the pair: where, and what its ledger said.
struct Stood {
  std::string place;
  json::value ledger;
};

/// What `stepper --open FILE --export FORMAT` writes.
std::string exported(const std::filesystem::path& file, const std::string& arguments) {
  const std::filesystem::path out = file.string() + ".out";
  const CommandResult result = run_command(UNDERSTUDY_BIN "/stepper --open " + file.string() +
                                           " --export " + arguments + " " + out.string());
  EXPECT_EQ(result.exit_code, 0) << result.output;
  return content_of(out);
}

void check_exports(const std::filesystem::path& file, std::uint64_t lsn) {
  EXPECT_EQ(wrong_in_chrome(exported(file, "chrome")), "");
  EXPECT_EQ(wrong_in_shiviz(exported(file, "shiviz")), "");
  const std::filesystem::path out = file.string() + ".out";
  std::size_t packets = 0;
  EXPECT_EQ(wrong_in_pcap(exported(file, "pcap"), packets), "");
  EXPECT_GT(packets, 0U);
  if (run_command("command -v tshark").exit_code == 0) {
    const CommandResult shown = run_command(
        "tshark -X lua_script:" UNDERSTUDY_SOURCE "/tools/wireshark/understudy.lua -r " +
        out.string() + " -Y 'understudy.type == 5 && understudy.lsn == " + std::to_string(lsn) +
        "' 2>/dev/null");
    EXPECT_NE(shown.output.find("append sent lun 0"), std::string::npos) << shown.output;
    EXPECT_NE(shown.output.find("append received lun 0"), std::string::npos) << shown.output;
    const CommandResult malformed = run_command(
        "tshark -X lua_script:" UNDERSTUDY_SOURCE "/tools/wireshark/understudy.lua -r " +
        out.string() + " -Y understudy.malformed 2>/dev/null");
    EXPECT_EQ(malformed.output, "");
  }
  run_command(UNDERSTUDY_BIN "/stepper --open " + file.string() + " --lsn " + std::to_string(lsn) +
              " --export mermaid " + out.string());
  const std::string diagram = content_of(out);
  EXPECT_EQ(wrong_in_mermaid(diagram), "");
  EXPECT_NE(diagram.find("a_rd_driver-)b_mirror_server: append lsn " + std::to_string(lsn)),
            std::string::npos)
      << diagram;
}

TEST(RealRecording, OfAWriteAndATakeoverIsWalkedForwardAndBackAsItWas) {
  const Pair::Settings held = {{"lazy_writer", "\"hold\""}};
  Pair pair(held);
  ASSERT_TRUE(pair.start_mirrored());
  std::ofstream(pair.directory() / "f") << "content";
  const std::filesystem::path file = pair.directory() / "recording";
  std::vector<Stood> stood;
  std::uint64_t lsn = 0;
  {
    Stepper stepper(pair, 10);
    const auto stands = [&](const json::object& stop) {
      stood.push_back({place_of(stop), stepper.ask("ledger").at("ledger")});
      return stood.back().place;
    };
    ASSERT_TRUE(flag_of(stepper.ask("record " + file.string()), "ok"));
    ASSERT_TRUE(flag_of(stepper.ask("break 408 on a.ff_driver if lun == 0"), "ok"));
    auto client = std::async(std::launch::async, [&pair] {
      return pair.smb("a", "share0", "lcd " + pair.directory().string() + "; put f f");
    });
    const json::object stop = stepper.ask("continue");
    ASSERT_EQ(stands(stop), "a.ff_driver 408");
    lsn = number_of(object_of(stop, "at"), "lsn");
    ASSERT_TRUE(flag_of(stepper.ask("delete 1"), "ok"));
    while (stood.back().place != "a.ff_driver 412" && stood.size() < 20)
      stands(stepper.ask("step"));
    EXPECT_EQ(stood.back().place, "a.ff_driver 412");
    static_cast<void>(stepper.ask("continue"));  // nothing to stop for: until the client is done
    EXPECT_EQ(client.get().exit_code, 0);
    ASSERT_TRUE(flag_of(stepper.ask("break takeover on b"), "ok"));
    pair.kill("a");
    // Mirroring may be turned off before that.
    while (stood.back().place != "b.cluster_app 304" && stood.size() < 30)
      stands(stepper.ask("continue"));
    EXPECT_EQ(stood.back().place, "b.cluster_app 304");
    ASSERT_TRUE(flag_of(stepper.ask("record off"), "ok"));
    ASSERT_TRUE(flag_of(stepper.ask("quit"), "ok"));
  }

  stepper::Recording recording = opened(file);
  EXPECT_FALSE(recording.is_cut);
  EXPECT_EQ(recording.missing, 0U);
  ASSERT_EQ(recording.stops.size(), stood.size());
  stepper::Replay replay(std::move(recording));
  stepper::Commands commands(replay);
  const auto stops = replay.stops();
  for (std::size_t i = 0; i < stood.size(); ++i) {
    const stepper::Reply there = commands.run("goto " + std::to_string(stops[i].first));
    EXPECT_EQ(place_of(there.data), stood[i].place) << i;
    EXPECT_EQ(commands.run("ledger").data.at("ledger"), stood[i].ledger) << i;
    EXPECT_TRUE(commands.run("irp").ok) << i;
  }

  // The steps of the write, as they were taken, and back.
  std::size_t last_of_write = 0;
  while (last_of_write + 1 < stood.size() && stood[last_of_write].place != "a.ff_driver 412")
    ++last_of_write;
  ASSERT_TRUE(commands.run("goto " + std::to_string(stops[0].first)).ok);
  for (std::size_t i = 1; i <= last_of_write; ++i)
    EXPECT_EQ(place_of(commands.run("step").data), stood[i].place);
  for (std::size_t i = last_of_write; i-- > 0;)
    EXPECT_EQ(place_of(commands.run("back step").data), stood[i].place);
  ASSERT_TRUE(commands.run("break 304").ok);
  EXPECT_EQ(place_of(commands.run("continue").data), "b.cluster_app 304");
  EXPECT_EQ(number_of(commands.run("where").data, "number"), stops.back().first);

  check_exports(file, lsn);
}

TEST(RealRecording, WhoseStepperIsKilledIsReadUpToItsLastWholeLine) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  const std::filesystem::path file = pair.directory() / "recording";
  {
    Stepper stepper(pair, 30);
    ASSERT_TRUE(flag_of(stepper.ask("record " + file.string()), "ok"));
    ASSERT_TRUE(flag_of(stepper.ask("break 400"), "ok"));
    auto client = std::async(std::launch::async,
                             [&pair] { return pair.smb("a", "share0", "mkdir d; mkdir e", 60); });
    ASSERT_EQ(place_of(stepper.ask("continue")), "a.ff_driver 400");
    stepper.kill();
    EXPECT_EQ(client.get().exit_code, 0) << "the nodes go on";
  }
  stepper::Replay replay(opened(file));
  ASSERT_EQ(replay.stops().size(), 1U);
  ASSERT_TRUE(replay.go_to(replay.stops()[0].first));
  EXPECT_EQ(replay.stop()->point->entry.step, Step::s400);
}

TEST(RealRecording, IsNotWrittenOverAnotherFile) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  const std::filesystem::path file = pair.directory() / "precious";
  std::ofstream(file) << "content";
  Stepper stepper(pair);
  EXPECT_FALSE(flag_of(stepper.ask("record " + file.string()), "ok"));
  EXPECT_EQ(content_of(file), "content");
}

TEST(SimulatedRecording, OpensAtTheOperationThatBrokeARule) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("simulated-" + std::to_string(getpid()));
  const CommandResult run = run_command(
      UNDERSTUDY_BIN "/simulate --seed 1 --mutant acknowledge_before_mirrored --record " +
      file.string());
  EXPECT_EQ(run.exit_code, 1) << run.output;
  stepper::Replay replay(opened(file));
  const auto& stop = replay.stop();
  ASSERT_TRUE(stop && stop->point);
  EXPECT_EQ(stop->why, stepper::Stop::Why::rule);
  EXPECT_TRUE(stop->text.starts_with("BROKEN rule ")) << stop->text;
  EXPECT_NE(run.output.find(stop->text), std::string::npos) << run.output;
  EXPECT_EQ(replay.shown_at(), replay.number());
  EXPECT_EQ(replay.recording().missing, 0U);
  ASSERT_TRUE(replay.followed());
  EXPECT_TRUE(replay.followed()->is(stop->point->node, stop->point->entry));
  stepper::Commands commands(replay);
  EXPECT_TRUE(commands.run("irp").ok);
  EXPECT_TRUE(commands.run("ledger").ok);
  EXPECT_TRUE(commands.run("back step").ok);
  EXPECT_EQ(wrong_in_chrome(exported(file, "chrome")), "");
  EXPECT_EQ(wrong_in_shiviz(exported(file, "shiviz")), "");
  std::filesystem::remove(file);
  std::filesystem::remove(file.string() + ".out");
}

}  // namespace
}  // namespace understudy
