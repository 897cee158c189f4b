// What faces a client, as functions of bytes: each takes any bytes at all and must come back, with
// nothing broken. A fuzzer feeds them (tools/fuzz); fuzz_test.cpp gives them the corpus and its
// neighbours in every run of the tests.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "iomgr/bytes.h"

namespace understudy::fuzz {

using Octets = std::vector<std::uint8_t>;

struct Target {
  std::string_view name;
  void (*run)(ConstBytes input);
  /// Well-formed inputs, from which a fuzzer starts.
  std::vector<Octets> (*seeds)();
};

/// Frames of a stranger, each with its length before it (u16): NEGOTIATE and its contexts,
/// SESSION_SETUP, whatever else; nothing of it is signed.
void run_frames(ConstBytes input);
std::vector<Octets> frame_seeds();

/// Requests of a client that has logged on, signed: every command, alone and in compounds, with a
/// file and a directory that are open. Of each request: command (u8), how (u8), length of its body
/// (u16), body.
void run_requests(ConstBytes input);
std::vector<Octets> request_seeds();

/// The tokens of a logon, SPNEGO and NTLMSSP, each with its length before it (u16).
void run_logon(ConstBytes input);
std::vector<Octets> logon_seeds();

/// The contexts of a NEGOTIATE: how many (u16), the contexts.
void run_negotiate(ConstBytes input);
std::vector<Octets> negotiate_seeds();

/// The contexts of a CREATE, as they stand in it.
void run_create_contexts(ConstBytes input);
std::vector<Octets> create_context_seeds();

/// SET_INFO on a file or a directory. Of each: class (u8), type and whether on the directory (u8),
/// length of the buffer (u16), buffer.
void run_set_info(ConstBytes input);
std::vector<Octets> set_info_seeds();

/// IOCTL. Of each: which control (u8), on the directory or not (u8), room for the answer in units
/// of 256 bytes (u8), length of the input (u16), input.
void run_ioctl(ConstBytes input);
std::vector<Octets> ioctl_seeds();

/// Names in UTF-16 as CREATE, QUERY_DIRECTORY, a rename, a link and TREE_CONNECT carry them. Of
/// each: in which (u8), length (u16), name.
void run_names(ConstBytes input);
std::vector<Octets> name_seeds();

/// fs_cache's side of these: a pattern and a path, each with its length before it (u16).
void run_patterns(ConstBytes input);
std::vector<Octets> pattern_seeds();

/// PDUs for the named pipe srvsvc, each with its length before it (u16).
void run_pipe(ConstBytes input);
std::vector<Octets> pipe_seeds();

/// Security descriptors and lists of extended attributes, each with its length before it (u16).
void run_descriptors(ConstBytes input);
std::vector<Octets> descriptor_seeds();

inline const std::vector<Target>& targets() {
  static const std::vector<Target> all = {
      {"frames", run_frames, frame_seeds},
      {"requests", run_requests, request_seeds},
      {"logon", run_logon, logon_seeds},
      {"negotiate", run_negotiate, negotiate_seeds},
      {"create_contexts", run_create_contexts, create_context_seeds},
      {"set_info", run_set_info, set_info_seeds},
      {"ioctl", run_ioctl, ioctl_seeds},
      {"names", run_names, name_seeds},
      {"patterns", run_patterns, pattern_seeds},
      {"pipe", run_pipe, pipe_seeds},
      {"descriptors", run_descriptors, descriptor_seeds}};
  return all;
}

/// Takes pieces off an input.
class Pieces {
 public:
  explicit Pieces(ConstBytes input) : rest_(input) {}
  bool done() const { return rest_.empty(); }
  std::uint8_t byte() {
    const ConstBytes one = take(1);
    return one.empty() ? std::uint8_t{0} : one.front();
  }
  /// The next u16 says how long it is; at the end of the input it is shorter.
  ConstBytes piece() {
    const std::size_t low = byte();
    return take(low | std::size_t{byte()} << 8);
  }

 private:
  ConstBytes take(std::size_t size) {
    const ConstBytes taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  ConstBytes rest_;
};

inline void add_piece(Octets& input, ConstBytes piece) {
  input.push_back(static_cast<std::uint8_t>(piece.size()));
  input.push_back(static_cast<std::uint8_t>(piece.size() >> 8));
  input.insert(input.end(), piece.begin(), piece.end());
}

}  // namespace understudy::fuzz
