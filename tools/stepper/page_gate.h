// Who may talk to the page's server. It listens on loopback alone, but every page that a browser of
// this machine shows can send requests there. So each request must name the server by its address
// (not by a name that somebody made point here: DNS rebinding), may come from no other origin, and
// must know the token of this run, which stands in the printed address behind the #.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::stepper {

class PageGate {
 public:
  PageGate();

  void set_port(std::uint16_t port);
  /// "127.0.0.1:PORT"
  const std::string& host() const { return host_; }
  const std::string& token() const { return token_; }

  /// Origin: nothing if the request has none, as one that a page sends to its own server for a
  /// file.
  bool is_for_us(std::string_view host, std::optional<std::string_view> origin) const;
  /// Takes the same time whatever is wrong with it.
  bool knows(std::string_view token) const;

 private:
  std::string host_;
  std::string token_;
};

}  // namespace understudy::stepper
