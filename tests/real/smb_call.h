// What a test says to its SMB client and hears from it. The client is a process of its own
// (smb_worker): libsmbclient keeps its connections in global state and blocks, and a client that
// hangs on a dead node must be something that can be killed.
//
// Both directions: a length of four bytes, then the fields below, little-endian, texts and data
// with a length of four bytes before them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "iomgr/bytes.h"

namespace understudy {

/// Paths are below the share, with '\' between components.
struct SmbCall {
  enum class Kind : std::uint8_t {
    create,      // open the file or make it, close it
    create_new,  // make it, close it; refused if it is there
    overwrite,   // empty it or make it, close it
    write,       // open it, one WRITE of `data` at `offset`, close it
    resize,      // open it, set its end to `offset`, close it
    rename,      // to `target`; refused if that is there
    rename_over,
    remove,
    make_directory,
    remove_directory,
    read,  // all of it
    list,  // names, each followed by '\n'; directories by '\\' and '\n'
  };
  Kind kind = Kind::read;
  std::string path = {};
  std::string target = {};
  std::uint64_t offset = 0;
  std::string data = {};
};

struct SmbAnswer {
  enum class Outcome : std::uint8_t {
    done,
    refused,     // the server said no
    unanswered,  // it was sent, or may have been, and nothing is known
    not_sent,    // there was no connection, or the file could not be opened for it
  };
  Outcome outcome = Outcome::unanswered;
  std::string error = {};  // what the client library says
  std::string data = {};   // read, list
};

std::string_view to_string(SmbAnswer::Outcome outcome);

std::vector<std::uint8_t> encode(const SmbCall& call);
std::vector<std::uint8_t> encode(const SmbAnswer& answer);
std::optional<SmbCall> decode_call(ConstBytes body);
std::optional<SmbAnswer> decode_answer(ConstBytes body);

/// Sends a whole message, with its length before it; false when the other side is gone.
bool send_message(int socket, ConstBytes body);
/// Receives one; nothing when the other side is gone.
std::optional<std::vector<std::uint8_t>> receive_message(int socket);

}  // namespace understudy
