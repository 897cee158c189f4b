#include "tests/real/recovery.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <thread>

#include "iomgr/check.h"
#include "tests/real/pair.h"
#include "tests/real/smb_client.h"

namespace understudy {
namespace {

constexpr auto kPause = std::chrono::milliseconds(2);  // between two tries of a refused client
constexpr auto kPatience = std::chrono::seconds(30);

bool b_owns_lun0(const Pair& pair) {
  return pair.owns("b", "lun0");
}

void fail(Pair& pair, Failure failure, int number) {
  // Those that a write passes: it is not answered before the partner serves.
  static constexpr std::array kLayers = {"netstack", "ff_driver", "fs_cache", "rd_driver"};
  switch (failure) {
    case Failure::node_killed:
      pair.kill("a");
      break;
    case Failure::layer_hung:
      ::kill(pair.processes("a").at(kLayers.at(static_cast<std::size_t>(number) % kLayers.size())),
             SIGSTOP);
      break;
    case Failure::node_hung:
      pair.signal("a", SIGSTOP);
      break;
    case Failure::storage_hung:  // the first flush does: it begins when something is written
      pair.wait_until(b_owns_lun0, kPatience.count());
      break;
  }
}

}  // namespace

Recovery measure_recovery(Failure failure, int number) {
  using Clock = std::chrono::steady_clock;
  const bool flushes = failure == Failure::storage_hung;
  // Held, so that the answer can only come from the copy.
  Pair pair(flushes ? Pair::Settings{} : Pair::Settings{{"lazy_writer", "\"hold\""}});
  if (!pair.start_mirrored(flushes ? "a.fs_cache:medium.flush.objects=stall" : ""))
    return {0, "the pair does not start"};
  SmbClient client(pair.server("a", "share0"));
  const std::string data(4096, static_cast<char>('a' + number % 26));
  for (const SmbCall& call :
       {SmbCall{SmbCall::Kind::create, "f"}, SmbCall{SmbCall::Kind::write, "f", {}, 0, data}}) {
    const SmbAnswer answer = client.call(call);
    if (answer.outcome != SmbAnswer::Outcome::done)
      return {0, "before the failure: " + answer.error};
  }
  const Clock::time_point failed = Clock::now();
  fail(pair, failure, number);
  std::string heard;
  while (Clock::now() < failed + kPatience) {
    const SmbAnswer answer = client.call({SmbCall::Kind::write, "f", {}, data.size(), data});
    const std::chrono::duration<double> waited = Clock::now() - failed;
    heard = answer.error;
    if (answer.outcome != SmbAnswer::Outcome::done) {
      std::this_thread::sleep_for(kPause);
      continue;
    }
    if (!pair.wait_until(b_owns_lun0, kPatience.count())) return {0, "answered without a takeover"};
    const SmbAnswer content = client.call({SmbCall::Kind::read, "f"});
    const bool is_there = content.data == data + data;
    return {waited.count(), is_there ? "" : "what was acknowledged is lost"};
  }
  return {0, "no answer: " + heard};
}

double quantile(std::vector<double> values, double fraction) {
  UNDERSTUDY_CHECK(!values.empty());
  std::ranges::sort(values);
  const double rank = std::ceil(fraction * static_cast<double>(values.size()));
  return values.at(static_cast<std::size_t>(std::max(rank, 1.0)) - 1);
}

}  // namespace understudy
