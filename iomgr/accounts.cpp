#include "iomgr/accounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "iomgr/hex.h"
#include "iomgr/hmac.h"
#include "iomgr/md4.h"
#include "iomgr/unicode.h"
#include "iomgr/wire.h"

namespace understudy {
namespace {

constexpr std::string_view kAdminMark = ":admin";

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; });
}

std::optional<NtHash> hash_from_hex(std::string_view text) {
  NtHash hash{};
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != hash.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), hash.begin());
  return hash;
}

/// Says what failed, with the reason in errno.
void describe_errno(std::string& error, std::string_view what, const std::string& path) {
  error = std::string(what) + " '" + path + "': " + std::generic_category().message(errno);
}

/// A file descriptor that is closed when it goes out of scope.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }
  bool valid() const { return value_ >= 0; }

 private:
  int value_;
};

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool sync_directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "."
                                : slash == 0               ? "/"
                                                           : path.substr(0, slash);
  const Descriptor handle(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return handle.valid() && ::fsync(handle.get()) == 0;
}

/// Everything that must be true of the new file before it may take the name of the old one.
bool fill_replacement(int descriptor, const std::string& path, std::string_view text) {
  if (::fchmod(descriptor, S_IRUSR | S_IWUSR) != 0) return false;
  struct stat old {};
  if (::stat(path.c_str(), &old) == 0) {
    // An administrator who adds a user must not lock the server out of the file. Who may not give
    // files away owns the new one, which is then as it should be.
    const int given = ::fchown(descriptor, old.st_uid, old.st_gid);
    static_cast<void>(given);
  }
  return write_all(descriptor, text) && ::fsync(descriptor) == 0;
}

}  // namespace

std::uint32_t account_number(std::string_view name) {
  constexpr std::uint32_t kFirst = 1000;
  constexpr std::string_view kPurpose = "account number";
  const Hmac digest = hmac_sha256(as_bytes(kPurpose), as_bytes(fold(name)));
  WireReader reader(digest);
  return kFirst + reader.u32() % (0x80000000U - kFirst);
}

std::optional<NtHash> nt_hash(std::string_view password, std::string& error) {
  if (password.empty()) {
    error = "the password is empty";
    return std::nullopt;
  }
  const auto wide = utf16le_from_utf8(password, UnpairedSurrogates::refuse);
  if (!wide) {
    error = "the password is not valid UTF-8";
    return std::nullopt;
  }
  if (wide->size() > 2 * max_password_length) {
    error = "the password is longer than " + std::to_string(max_password_length) + " characters";
    return std::nullopt;
  }
  if (has_control_character(password)) {
    error = "the password has a control character in it (a line end, perhaps)";
    return std::nullopt;
  }
  return md4(*wide);
}

bool check_account_name(std::string_view name, std::string& error) {
  constexpr std::string_view forbidden = "\"/\\[]:;|=,+*?<>@";
  if (name.empty()) {
    error = "the user name is empty";
    return false;
  }
  const auto wide = utf16le_from_utf8(name, UnpairedSurrogates::refuse);
  if (!wide) {
    error = "the user name is not valid UTF-8";
    return false;
  }
  if (wide->size() > 2 * max_account_name_length) {
    error =
        "the user name is longer than " + std::to_string(max_account_name_length) + " characters";
    return false;
  }
  if (has_control_character(name)) {
    error = "the user name has a control character in it";
    return false;
  }
  const std::size_t bad = name.find_first_of(forbidden);
  if (bad != std::string_view::npos) {
    error = "the user name '" + std::string(name) + "' has the forbidden character '" + name[bad] +
            "' in it";
    return false;
  }
  if (name.front() == '#' || name.front() == ' ' || name.back() == ' ') {
    error = "the user name '" + std::string(name) + "' starts with '#' or has a blank at an end";
    return false;
  }
  return true;
}

std::optional<Accounts> Accounts::parse(std::string_view text, std::string& error) {
  Accounts accounts;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);

    const std::size_t start = line.find_first_not_of(" \t");
    if (start == std::string_view::npos || line[start] == '#') {
      accounts.last_comments_.append(line).push_back('\n');
      continue;
    }
    const std::string where = "line " + std::to_string(number) + ": ";
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      error = where + "no ':' between name and hash";
      return std::nullopt;
    }
    std::string_view rest = line.substr(colon + 1);
    const bool admin = rest.ends_with(kAdminMark);
    if (admin) rest.remove_suffix(kAdminMark.size());
    const auto hash = hash_from_hex(rest);
    if (!hash) {
      error = where + "the hash is not 32 hexadecimal digits";
      return std::nullopt;
    }
    const std::string_view name = line.substr(0, colon);
    if (accounts.find(name) != nullptr) {
      error = where + "the user '" + std::string(name) + "' stands there twice";
      return std::nullopt;
    }
    if (!accounts.put(name, *hash, error, admin)) {
      error.insert(0, where);
      return std::nullopt;
    }
    accounts.entries_.back().comments = std::move(accounts.last_comments_);
    accounts.last_comments_.clear();
  }
  return accounts;
}

std::string Accounts::format() const {
  std::string out;
  for (const Entry& entry : entries_) {
    out.append(entry.comments).append(entry.account.name).append(":");
    out.append(to_hex(entry.account.nt_hash));
    if (entry.account.admin) out.append(kAdminMark);
    out.push_back('\n');
  }
  return out.append(last_comments_);
}

std::optional<Accounts> Accounts::load(const std::string& path, std::string& error,
                                       Missing missing) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    if (errno == ENOENT && missing == Missing::is_empty) return Accounts();
    describe_errno(error, "cannot open the accounts file", path);
    return std::nullopt;
  }
  std::string text;
  for (;;) {
    std::array<char, 16384> part{};
    const ssize_t got = ::read(file.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      describe_errno(error, "cannot read the accounts file", path);
      return std::nullopt;
    }
    if (got == 0) break;
    text.append(part.data(), static_cast<std::size_t>(got));
    if (text.size() > max_accounts_file_size) {
      error = "the accounts file '" + path + "' is larger than 1 MiB";
      return std::nullopt;
    }
  }
  auto accounts = parse(text, error);
  if (!accounts) error = "accounts file '" + path + "', " + error;
  return accounts;
}

bool Accounts::save(const std::string& path, std::string& error) const {
  const std::string text = format();
  if (text.size() > max_accounts_file_size) {
    error = "the accounts file '" + path + "' would be larger than 1 MiB";
    return false;
  }
  std::string replacement = path + ".XXXXXX";
  const Descriptor file(::mkostemp(replacement.data(), O_CLOEXEC));
  if (!file.valid()) {
    describe_errno(error, "cannot make a file beside the accounts file", path);
    return false;
  }
  if (!fill_replacement(file.get(), path, text) ||
      ::rename(replacement.c_str(), path.c_str()) != 0) {
    describe_errno(error, "cannot write the accounts file", path);
    ::unlink(replacement.c_str());
    return false;
  }
  if (!sync_directory_of(path)) {
    describe_errno(error, "cannot make durable the directory of the accounts file", path);
    return false;
  }
  return true;
}

std::vector<Account> Accounts::list() const {
  std::vector<Account> accounts;
  accounts.reserve(entries_.size());
  for (const Entry& entry : entries_) accounts.push_back(entry.account);
  return accounts;
}

std::vector<Accounts::Entry>::const_iterator Accounts::position(std::string_view name) const {
  const std::string folded = fold(name);
  return std::find_if(entries_.begin(), entries_.end(),
                      [&](const Entry& entry) { return entry.folded == folded; });
}

const Account* Accounts::find(std::string_view name) const {
  const auto found = position(name);
  return found == entries_.end() ? nullptr : &found->account;
}

bool Accounts::put(std::string_view name, const NtHash& hash, std::string& error, bool admin) {
  if (!check_account_name(name, error)) return false;
  const auto found = position(name);
  const std::uint32_t number = account_number(name);
  Account account{std::string(name), hash, admin};
  if (found != entries_.end()) {
    account.admin = admin || found->account.admin;
    entries_[static_cast<std::size_t>(found - entries_.begin())].account = account;
    return true;
  }
  const auto same = numbers_.find(number);
  if (same != numbers_.end()) {
    error = "the user name '" + account.name + "' has the number of '" + same->second +
            "': choose another";
    return false;
  }
  numbers_.emplace(number, account.name);
  entries_.push_back({{}, fold(name), account});
  return true;
}

bool Accounts::remove(std::string_view name) {
  const auto found = position(name);
  if (found == entries_.end()) return false;
  numbers_.erase(account_number(name));
  entries_.erase(found);
  return true;
}

}  // namespace understudy
