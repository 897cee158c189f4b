#include "cluster_app/password.h"

#include <openssl/crypto.h>
#include <termios.h>
#include <unistd.h>

#include <istream>
#include <ostream>

namespace understudy {
namespace {

/// The terminal does not show what is typed while this lives.
class NoEcho {
 public:
  NoEcho() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~NoEcho() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
  bool works() const { return changed_; }

 private:
  termios before_{};
  bool changed_ = false;
};

std::optional<std::string> type_in(Console& console, const std::string& prompt) {
  const NoEcho no_echo;
  if (!no_echo.works()) return std::nullopt;
  console.err << prompt << std::flush;
  std::string password;
  const bool read = static_cast<bool>(std::getline(console.in, password));
  console.err << std::endl;
  if (!read) return std::nullopt;
  return password;
}

}  // namespace

std::optional<NtHash> ask_password(Console& console, const std::string& user, bool from_stdin,
                                   std::string& error) {
  std::string password;
  if (from_stdin) {
    if (!std::getline(console.in, password)) {
      error = "no password on standard input: one line is expected";
      return std::nullopt;
    }
    if (!password.empty() && password.back() == '\r') password.pop_back();
  } else {
    auto typed = type_in(console, "Password for " + user + ": ");
    const auto again = typed ? type_in(console, "Once more: ") : std::nullopt;
    if (!typed || !again) {
      error = "there is no terminal to ask for a password: give it with --password-stdin";
      return std::nullopt;
    }
    if (*typed != *again) {
      error = "the two passwords differ; nothing was changed";
      return std::nullopt;
    }
    password = std::move(*typed);
  }
  const auto hash = nt_hash(password, error);
  OPENSSL_cleanse(password.data(), password.size());
  return hash;
}

}  // namespace understudy
