// smb_worker HOST PORT SHARE USER PASSWORD: one SMB client, for tests that must go on when a node
// does not. Takes SmbCalls on descriptor 3, one at a time, and answers each.
//
// Two client programs stand behind it. libsmbclient does nearly everything; it never sends an
// operation twice by itself, but opens a new connection for the next one when the last is dead.
// It makes a rename over an existing file of a delete and a rename, so renames go through
// smbclient, which asks the server for them in one request.
//
// Invariant: `refused` is said only when the server itself answered; an error that the library may
// have made up is `unanswered`.
#include <fcntl.h>
#include <libsmbclient.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>

#include "iomgr/check.h"
#include "tests/real/smb_call.h"
#include "tests/real/smb_shell.h"

namespace understudy {
namespace {

constexpr int kSocket = 3;
// The test kills a worker that waits longer than it wants; this is only so that none waits forever.
constexpr int kTimeoutMs = 120'000;

SmbServer server;

using Outcome = SmbAnswer::Outcome;

/// What a server says about names and rights. Everything else (EINVAL above all, to which
/// libsmbclient turns what it does not know) may be the end of a connection.
bool is_an_answer(int error) {
  static const std::set<int> kAnswers = {ENOENT, EEXIST, EACCES, ENOTEMPTY, ENOTDIR,
                                         EISDIR, EBUSY,  ENOSPC, EPERM};
  return kAnswers.contains(error);
}

SmbAnswer done(std::string data = {}) {
  return {Outcome::done, {}, std::move(data)};
}

SmbAnswer failure(const char* what) {
  const int error = errno;
  return {is_an_answer(error) ? Outcome::refused : Outcome::unanswered,
          std::string(what) + ": " + std::strerror(error),
          {}};
}

SmbAnswer answer_of(int result, const char* what) {
  return result == 0 ? done() : failure(what);
}

void authenticate(const char*, const char*, char*, int, char* user, int user_size, char* password,
                  int password_size) {
  std::snprintf(user, static_cast<std::size_t>(user_size), "%s", server.user.c_str());
  std::snprintf(password, static_cast<std::size_t>(password_size), "%s", server.password.c_str());
}

void make_context() {
  SMBCCTX* const context = smbc_new_context();
  UNDERSTUDY_CHECK(context != nullptr);
  smbc_setDebug(context, 0);
  smbc_setFunctionAuthData(context, authenticate);
  smbc_setPort(context, server.port);
  smbc_setTimeout(context, kTimeoutMs);
  smbc_setOptionUseKerberos(context, 0);
  smbc_setOptionNoAutoAnonymousLogin(context, 1);
  smbc_setOptionOneSharePerServer(context, 1);
  UNDERSTUDY_CHECK(smbc_init_context(context) != nullptr);
  UNDERSTUDY_CHECK(smbc_setOptionProtocols(context, "SMB2_02", "SMB3_11"));
  smbc_set_context(context);
}

std::string url(const std::string& path) {
  std::string text = "smb://" + server.host + "/" + server.share + "/" + path;
  for (char& letter : text) letter = letter == '\\' ? '/' : letter;
  return text;
}

/// An open file that is closed in any case. What close says is not the operation's answer.
class OpenFile {
 public:
  OpenFile(const std::string& path, int flags) : file_(smbc_open(url(path).c_str(), flags, 0644)) {}
  ~OpenFile() {
    if (file_ >= 0) smbc_close(file_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  explicit operator bool() const { return file_ >= 0; }
  int get() const { return file_; }

 private:
  int file_;
};

SmbAnswer not_opened() {
  SmbAnswer answer = failure("open");
  if (answer.outcome == Outcome::unanswered) answer.outcome = Outcome::not_sent;
  return answer;
}

SmbAnswer open_with(const SmbCall& call, int flags) {
  const OpenFile file(call.path, flags);
  return file ? done() : failure("open");
}

SmbAnswer write(const SmbCall& call) {
  const OpenFile file(call.path, O_WRONLY);
  if (!file) return not_opened();
  if (smbc_lseek(file.get(), static_cast<off_t>(call.offset), SEEK_SET) < 0) return not_opened();
  const ssize_t count = smbc_write(file.get(), call.data.data(), call.data.size());
  if (count < 0) return failure("write");
  UNDERSTUDY_CHECK(static_cast<std::size_t>(count) == call.data.size());
  return done();
}

SmbAnswer resize(const SmbCall& call) {
  const OpenFile file(call.path, O_WRONLY);
  if (!file) return not_opened();
  return answer_of(smbc_ftruncate(file.get(), static_cast<off_t>(call.offset)), "truncate");
}

SmbAnswer read(const SmbCall& call) {
  const OpenFile file(call.path, O_RDONLY);
  if (!file) return not_opened();
  std::string content;
  std::string buffer(64 * 1024, '\0');
  while (true) {
    const ssize_t count = smbc_read(file.get(), buffer.data(), buffer.size());
    if (count < 0) return failure("read");
    if (count == 0) return done(std::move(content));
    content.append(buffer, 0, static_cast<std::size_t>(count));
  }
}

SmbAnswer list(const SmbCall& call) {
  const int directory = smbc_opendir(url(call.path).c_str());
  if (directory < 0) return not_opened();
  std::string names;
  errno = 0;
  while (const smbc_dirent* const entry = smbc_readdir(static_cast<unsigned>(directory))) {
    const std::string name(entry->name, entry->namelen);
    if (name == "." || name == "..") continue;
    names += name + (entry->smbc_type == SMBC_DIR ? "\\\n" : "\n");
  }
  SmbAnswer answer = errno == 0 ? done(std::move(names)) : failure("readdir");
  smbc_closedir(directory);
  return answer;
}

SmbAnswer answer(const SmbCall& call, SmbShell& shell) {
  using Kind = SmbCall::Kind;
  switch (call.kind) {
    case Kind::create:
      return open_with(call, O_WRONLY | O_CREAT);
    case Kind::create_new:
      return open_with(call, O_WRONLY | O_CREAT | O_EXCL);
    case Kind::overwrite:
      return open_with(call, O_WRONLY | O_CREAT | O_TRUNC);
    case Kind::write:
      return write(call);
    case Kind::resize:
      return resize(call);
    case Kind::rename:
    case Kind::rename_over:
      return shell.rename(call.path, call.target, call.kind == Kind::rename_over);
    case Kind::remove:
      return answer_of(smbc_unlink(url(call.path).c_str()), "unlink");
    case Kind::make_directory:
      return answer_of(smbc_mkdir(url(call.path).c_str(), 0755), "mkdir");
    case Kind::remove_directory:
      return answer_of(smbc_rmdir(url(call.path).c_str()), "rmdir");
    case Kind::read:
      return read(call);
    case Kind::list:
      return list(call);
  }
  return {};
}

int work() {
  make_context();
  SmbShell shell(server);
  while (const auto message = receive_message(kSocket)) {
    const auto call = decode_call(*message);
    UNDERSTUDY_CHECK(call.has_value());
    if (!send_message(kSocket, encode(answer(*call, shell)))) break;
  }
  // Without libsmbclient's good-byes: they would wait for a server that may be stopped.
  _exit(0);
}

}  // namespace
}  // namespace understudy

int main(int count, char** arguments) {
  if (count != 6) {
    std::fprintf(stderr, "smb_worker HOST PORT SHARE USER PASSWORD, for tests: see its source\n");
    return 2;
  }
  understudy::server = {arguments[1], static_cast<std::uint16_t>(std::atoi(arguments[2])),
                        arguments[3], arguments[4], arguments[5]};
  return understudy::work();
}
