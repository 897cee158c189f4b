// The commands that break something: processes, the interconnect, timers, messages that wait.
#include <signal.h>

#include <filesystem>

#include "iomgr/fault.h"
#include "iomgr/interconnect.h"
#include "tools/stepper/command_words.h"

namespace understudy::stepper {
namespace {

constexpr auto kOrderLimit = std::chrono::milliseconds(200);

/// Whether that process is one of a node's: ids come from memory that others can write.
bool is_layer(pid_t pid, Layer layer) {
  std::error_code error;
  const auto program =
      std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", error);
  return !error && program.filename() == std::string(to_string(layer));
}

}  // namespace

Reply Commands::signal(const std::string& arguments, int number, const std::string& done) {
  std::string node;
  Layer only = Layer::none;
  const std::string wrong = take_place(arguments, session_->nodes(), node, only);
  if (!wrong.empty() || node.empty()) return refused("a node or node.layer: " + arguments);
  const DebugTap& tap = *session_->tap(node);
  int count = 0;
  // cluster_app first: it would end the node in its own way when it sees a layer die.
  for (std::size_t index = kLayers; index-- > 1;) {
    const auto layer = static_cast<Layer>(index);
    if ((only != Layer::none && only != layer) || !tap.attached() || !tap.runs(layer)) continue;
    const pid_t pid = tap.place(layer).pid;
    if (is_layer(pid, layer) && ::kill(pid, number) == 0) ++count;
  }
  if (count == 0) return refused(arguments + " does not run");
  return {true, arguments + " " + done + ".\n", {{"processes", count}}};
}

Reply Commands::kill(const std::string& arguments) {
  return signal(arguments, SIGKILL, "is killed");
}
Reply Commands::hang(const std::string& arguments) {
  return signal(arguments, SIGSTOP, "hangs");
}
Reply Commands::wake(const std::string& arguments) {
  return signal(arguments, SIGCONT, "goes on");
}

Reply Commands::order(const std::string& place, const std::string& text, std::string& answer) {
  std::string node;
  Layer layer = Layer::none;
  const std::string wrong = take_place(place, session_->nodes(), node, layer);
  if (!wrong.empty() || node.empty() || layer == Layer::none)
    return refused("which layer? As in a.fs_cache");
  DebugTap& tap = *session_->tap(node);
  if (!tap.attached() || !tap.runs(layer)) return refused(place + " does not run");
  if (text.size() >= ParkingPlace::kMaxOrder) return refused("too long");
  if ((tap.place(layer).attention & ParkingPlace::kOrder) != 0)
    return refused(place + " has not obeyed its last order yet; let it go on first");
  const auto answered = tap.order(layer, text, kOrderLimit);
  if (!answered)
    return {true, place + " does nothing now; it obeys when it does.\n", {{"answered", false}}};
  answer = *answered;
  return {true, "", {{"answered", true}}};
}

Reply Commands::fail(const std::string& arguments) {
  const std::vector<std::string> words = words_of(arguments);
  if (words.size() != 2) return refused("fail NODE.LAYER POINT=ACTION; see help fail");
  std::string wrong;
  Reply reply = order(words[0], "fault " + words[1], wrong);
  if (!wrong.empty()) return refused(wrong);
  if (reply.ok && reply.text.empty()) reply.text = "Armed.\n";
  return reply;
}

Reply Commands::cut(const std::string& arguments) {
  return fail(arguments + ".rd_driver rd.send=error");
}

Reply Commands::break_message(const std::string& place, const std::string& fault,
                              const std::string& done) {
  std::string node;
  Layer layer = Layer::none;
  const std::string wrong_place = take_place(place, session_->nodes(), node, layer);
  if (wrong_place.empty() && layer != Layer::none && !interconnect::speaks(layer))
    return refused(
        "only rd_driver and mirror_server send messages over the interconnect. Within a node "
        "messages lie in memory: they do not get lost, and come once and in time; but they can "
        "change places (next, later) and what they say (edit), see pending");
  std::string wrong;
  Reply reply = order(place, "message " + fault, wrong);
  if (!wrong.empty()) return refused(wrong);
  if (reply.ok && reply.text.empty()) reply.text = "The next message of " + place + done + ".\n";
  return reply;
}

Reply Commands::drop(const std::string& arguments) {
  return break_message(arguments, "drop", " gets lost");
}

Reply Commands::duplicate(const std::string& arguments) {
  return break_message(arguments, "duplicate", " goes out twice");
}

Reply Commands::delay(const std::string& arguments) {
  const std::vector<std::string> words = words_of(arguments);
  if (words.size() != 2 || !parse_message_fault("delay " + words[1]))
    return refused("delay NODE.LAYER MS; at most 60000");
  return break_message(words[0], "delay " + words[1], " goes out " + words[1] + " ms later");
}

Reply Commands::timers(const std::string& arguments) {
  std::string answer;
  Reply reply = order(arguments, "timers", answer);
  if (!reply.ok || !reply.text.empty()) return reply;
  json::array left;
  std::string text;
  for (const std::string& each : words_of(answer)) {
    text += "  " + std::to_string(left.size()) + ": in " + each + " ms\n";
    left.push_back(json::value(std::strtoll(each.c_str(), nullptr, 10)));
  }
  return {true, text.empty() ? "None.\n" : text, {{"timers", left}}};
}

Reply Commands::expire(const std::string& arguments) {
  const std::vector<std::string> words = words_of(arguments);
  if (words.size() != 2 || !number_of(words[1])) return refused("expire NODE.LAYER NUMBER");
  std::string wrong;
  Reply reply = order(words[0], "expire " + words[1], wrong);
  if (!wrong.empty()) return refused(wrong);
  if (reply.ok && reply.text.empty()) reply.text = "It expires as soon as the layer goes on.\n";
  return reply;
}

std::vector<Commands::Waiting> Commands::waiting() const {
  std::vector<Waiting> all;
  if (!session_->stands()) return all;
  for (const std::string& node : session_->nodes()) {
    const DebugTap& tap = *session_->tap(node);
    if (!tap.attached()) continue;
    for (const DebugTap::Pending& message : tap.pending()) {
      if (tap.runs(message.to)) all.push_back({node, message});
    }
  }
  return all;
}

std::optional<Commands::Waiting> Commands::waiting_number(const std::string& text) const {
  const auto number = number_of(text);
  const std::vector<Waiting> all = waiting();
  if (!number || *number >= all.size()) return std::nullopt;
  return all[*number];
}

Reply Commands::pending(const std::string&) {
  if (!session_->stands()) return refused("it runs: nothing stays pending; stop it first");
  std::vector<std::string> lines;
  json::array all;
  for (const auto& [node, message] : waiting()) {
    const Irp& irp = message.irp;
    const std::string way = node + "." + std::string(to_string(message.from)) + " to " +
                            std::string(to_string(message.to));
    lines.push_back("  " + std::to_string(all.size()) + ": " + way + "  " +
                    (irp.completion != 0 ? "completion of " : "") +
                    std::string(to_string(irp.major)) + " lun " + std::to_string(irp.lun) +
                    (irp.lsn == 0 ? "" : " lsn " + std::to_string(irp.lsn)));
    all.push_back({{"node", node},
                   {"from", to_string(message.from)},
                   {"to", to_string(message.to)},
                   {"place", message.place},
                   {"irp", irp.id},
                   {"major", to_string(irp.major)},
                   {"completion", irp.completion != 0},
                   {"lun", irp.lun},
                   {"lsn", irp.lsn}});
  }
  return {true, lines.empty() ? "Nothing.\n" : joined(lines), {{"pending", all}}};
}

Reply Commands::next(const std::string& arguments) {
  const auto chosen = waiting_number(arguments);
  if (!chosen) return refused("no such message; see pending");
  session_->tap(chosen->node)->move_pending(chosen->message, 0);
  return {true, "It goes first.\n", {}};
}

Reply Commands::later(const std::string& arguments) {
  const auto chosen = waiting_number(arguments);
  if (!chosen) return refused("no such message; see pending");
  session_->tap(chosen->node)->move_pending(chosen->message, bounds::kRingSlots);
  return {true, "It goes last of those that wait there.\n", {}};
}

Reply Commands::edit(const std::string& arguments) {
  const std::vector<std::string> words = words_of(arguments);
  const auto value = words.size() == 3 ? value_of(words[2]) : std::nullopt;
  if (!value) return refused("edit NUMBER|NODE.LAYER FIELD VALUE; see help edit");
  std::string node;
  Layer layer = Layer::none;
  std::string wrong = take_place(words[0], session_->nodes(), node, layer);
  if (wrong.empty() && !node.empty() && layer != Layer::none) {
    wrong = session_->edit(node, layer, words[1], *value);
    return wrong.empty() ? Reply{true, "Set.\n", {}} : refused(wrong);
  }
  const auto chosen = waiting_number(words[0]);
  if (!chosen) return refused("no such message; see pending");
  Irp irp = chosen->message.irp;
  wrong = set_field(irp, words[1], *value);
  if (!wrong.empty()) return refused(wrong);
  session_->tap(chosen->node)->edit_pending(chosen->message, irp);
  return {true, "Set.\n", {}};
}

}  // namespace understudy::stepper
