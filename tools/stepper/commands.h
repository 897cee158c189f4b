// The commands of the stepper: one table, from which the dispatch, the help and the completion
// come. The terminal, scripts and programs (--json) all give lines to run().
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/stepper/recorder.h"
#include "tools/stepper/replay.h"

namespace understudy::stepper {

struct Reply {
  bool ok = true;
  std::string text;   // for people; may be several lines
  json::object data;  // for programs
};

class Commands {
 public:
  /// `patience`: how long `continue` and the like wait for a stop; 0: whoever asked hears of it
  /// otherwise.
  /// `directory`: where commands of the shell are started.
  Commands(Session& session, std::chrono::seconds patience, std::string directory = ".");
  /// Over a recording.
  explicit Commands(Replay& replay) : target_(replay), replay_(&replay), patience_(0) {}

  Reply run(const std::string& line);
  /// While no command is given: whoever parks meanwhile is judged. What stops then is told by the
  /// next command that would go on.
  /// False: there is nobody to judge, so whoever asks may wait for the next command alone.
  bool idle(std::chrono::milliseconds limit);
  bool over() const { return over_; }
  /// Ends of the line that begins so.
  std::vector<std::string> complete(const std::string& line) const;

 private:
  struct Command {
    std::string name;
    std::string alias;
    std::string arguments;
    std::string help;  // the first line is the short one
    Reply (Commands::*run)(const std::string& arguments);
    enum class Of { both, live, recording } of = Of::both;
  };
  using enum Command::Of;

  bool is_for_us(const Command& command) const;

  Reply help(const std::string& arguments);
  Reply set_breakpoint(const std::string& arguments);
  Reply set_temporary(const std::string& arguments);
  Reply add_breakpoint(const std::string& arguments, bool once);
  Reply remove_breakpoint(const std::string& arguments);
  Reply breakpoints(const std::string& arguments);
  Reply go_on(const std::string& arguments);
  Reply step(const std::string& arguments);
  Reply into(const std::string& arguments);
  Reply out(const std::string& arguments);
  Reply pause(const std::string& arguments);
  Reply where(const std::string& arguments);
  Reply irp(const std::string& arguments);
  Reply layers(const std::string& arguments);
  Reply parked(const std::string& arguments);
  Reply history(const std::string& arguments);
  Reply cache(const std::string& arguments);
  Reply mirror(const std::string& arguments);
  Reply ledger(const std::string& arguments);
  Reply record(const std::string& arguments);
  Reply back(const std::string& arguments);
  Reply go_to(const std::string& arguments);
  Reply search(const std::string& arguments);
  Reply stops(const std::string& arguments);
  Reply kill(const std::string& arguments);
  Reply hang(const std::string& arguments);
  Reply wake(const std::string& arguments);
  Reply fail(const std::string& arguments);
  Reply cut(const std::string& arguments);
  Reply drop(const std::string& arguments);
  Reply duplicate(const std::string& arguments);
  Reply delay(const std::string& arguments);
  Reply timers(const std::string& arguments);
  Reply expire(const std::string& arguments);
  Reply pending(const std::string& arguments);
  Reply next(const std::string& arguments);
  Reply later(const std::string& arguments);
  Reply edit(const std::string& arguments);
  Reply expect(const std::string& arguments);
  Reply start(const std::string& arguments);
  Reply hold(const std::string& arguments);
  Reply quit(const std::string& arguments);

  static Reply refused(std::string why) { return {false, std::move(why), {}}; }
  Reply go(Session::Go how);
  Reply told(const Stop& stop);
  Reply as_known(Reply reply) const;
  Reply records(const std::string& arguments, bool of_cache);
  struct Waiting {
    std::string node;
    DebugTap::Pending message;
  };
  std::vector<Waiting> waiting() const;
  std::optional<Waiting> waiting_number(const std::string& text) const;
  /// What a layer is told, and its answer.
  Reply order(const std::string& place, const std::string& text, std::string& answer);
  Reply break_message(const std::string& place, const std::string& fault, const std::string& done);
  Reply signal(const std::string& arguments, int number, const std::string& done);
  static const std::vector<Command>& table();

  Target& target_;
  Session* session_ = nullptr;  // one of the two
  Replay* replay_ = nullptr;
  std::unique_ptr<Recorder> recorder_;
  const std::chrono::seconds patience_;
  const std::string directory_;
  Reply last_;
  bool over_ = false;
  bool untold_ = false;  // it has stopped in idle()
};

}  // namespace understudy::stepper
