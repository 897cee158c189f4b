#include "tests/sim/client.h"

#include <array>

#include "tests/sim/world.h"

namespace understudy::sim {
namespace {

using smb2::Command;
using smb2::Octets;

constexpr Duration kPatience = std::chrono::seconds(5);  // for one answer
constexpr Duration kReconnectPause = std::chrono::milliseconds(100);

// MS-SMB2 2.2.13: dispositions and options.
constexpr std::uint32_t kOpen = 1;
constexpr std::uint32_t kCreate = 2;
constexpr std::uint32_t kOpenIf = 3;
constexpr std::uint32_t kOverwriteIf = 5;
constexpr std::uint32_t kDirectoryFile = 0x1;
constexpr std::uint32_t kWriteThrough = 0x2;
constexpr std::uint32_t kNonDirectoryFile = 0x40;
constexpr std::uint32_t kDeleteOnClose = 0x1000;
constexpr std::uint32_t kAppendOnly = smb2::kAppendData | smb2::kReadAttributes;
constexpr std::uint32_t kReadWrite = smb2::kReadData | smb2::kWriteData | smb2::kReadAttributes |
                                     smb2::kWriteAttributes | smb2::kDelete;
constexpr std::uint32_t kReadOnly = smb2::kReadData | smb2::kReadAttributes;
constexpr std::uint32_t kNames = smb2::kDelete | smb2::kReadAttributes;
constexpr std::uint32_t kAttributes = smb2::kReadAttributes | smb2::kWriteAttributes;
constexpr std::uint32_t kAttributeReadOnly = 0x1;
// MS-FSCC 2.4: file information classes; and of a listing FileNamesInformation.
constexpr std::uint8_t kBasicClass = 4;
constexpr std::uint8_t kRenameClass = 10;
constexpr std::uint8_t kLinkClass = 11;
constexpr std::uint8_t kDispositionClass = 13;
constexpr std::uint8_t kEndOfFileClass = 20;
constexpr std::uint8_t kNamesClass = 12;

/// How an operation opens its file.
struct Opening {
  std::uint32_t disposition = kOpen;
  std::uint32_t options = 0;
  std::uint32_t access = kReadWrite;
};

Opening opening_of(const PlannedOperation& operation) {
  switch (operation.what) {
    case Do::create:
      return {kCreate, kNonDirectoryFile, kReadWrite};
    case Do::overwrite:
      return {kOverwriteIf, kNonDirectoryFile, kReadWrite};
    case Do::write:
      return {kOpenIf, kNonDirectoryFile | (operation.write_through ? kWriteThrough : 0),
              kReadWrite};
    case Do::append:
      return {kOpenIf, kNonDirectoryFile, kAppendOnly};
    case Do::truncate:
    case Do::flush:
      return {kOpen, kNonDirectoryFile, kReadWrite};
    case Do::remove_on_close:
      return {kOpen, kDeleteOnClose, kNames};
    case Do::make_directory:
      return {kCreate, kDirectoryFile, kReadOnly};
    case Do::remove_directory:
      return {kOpen, kDirectoryFile, kNames};
    case Do::rename:
    case Do::link:
    case Do::remove:
      return {kOpen, 0, kNames};
    case Do::set_attributes:
    case Do::set_times:
      return {kOpen, 0, kAttributes};
    case Do::read:
      return {kOpen, kNonDirectoryFile, kReadOnly};
    case Do::list:
      return {kOpen, kDirectoryFile, kReadOnly};
  }
  return {};
}

/// FileRenameInformation and FileLinkInformation (MS-SMB2 2.2.39.1, MS-FSCC 2.4.28.2).
Octets name_information(const std::string& target, bool replace) {
  const Octets name = *utf16le_from_utf8(target);
  WireWriter data;
  data.u8(replace ? 1 : 0);
  data.zeros(7 + 8);
  data.u32(static_cast<std::uint32_t>(name.size()));
  data.append(name);
  return data.release();
}

/// FileBasicInformation (MS-FSCC 2.4.7).
Octets basic_information(std::uint64_t write_time, std::uint32_t attributes) {
  WireWriter data;
  data.u64(0);
  data.u64(0);
  data.u64(write_time);
  data.u64(0);
  data.u32(attributes);
  data.u32(0);
  return data.release();
}

Octets one_number(std::uint64_t number) {
  WireWriter data;
  data.u64(number);
  return data.release();
}

/// The names of a FileNamesInformation listing but for `.` and `..`, sorted, each with a newline:
/// the form in which the ledger keeps them.
Octets names_in(ConstBytes listing) {
  std::vector<std::string> names;
  WireReader reader(listing);
  std::size_t entry = 0;
  while (reader.ok()) {
    const std::uint32_t next = reader.u32();
    reader.skip(4);
    const std::uint32_t length = reader.u32();
    const auto name = utf8_from_utf16le(reader.take(length));
    if (name && *name != "." && *name != "..") names.push_back(*name);
    if (next == 0) break;
    entry += next;
    reader.seek(entry);
  }
  std::sort(names.begin(), names.end());
  Octets out;
  for (const std::string& name : names) {
    out.insert(out.end(), name.begin(), name.end());
    out.push_back('\n');
  }
  return out;
}

std::string text_of(const PlannedOperation& operation) {
  std::string text = std::string(to_string(operation.what)) + " '" + operation.path + "'";
  if (!operation.target.empty()) text += " to '" + operation.target + "'";
  if (operation.length != 0)
    text += " " + std::to_string(operation.offset) + "+" + std::to_string(operation.length);
  return text;
}

}  // namespace

Client::Client(World& world, std::uint32_t number, PlannedClient plan)
    : world_(world),
      number_(number),
      plan_(std::move(plan)),
      executor_(world.loop().make_executor()),
      network_(world.wire(), *executor_, "client" + std::to_string(number)) {}

Task<void> Client::run() {
  co_await sleep_for(*executor_, std::chrono::milliseconds(plan_.start_ms));
  for (const PlannedOperation& operation : plan_.operations) {
    co_await sleep_for(*executor_, std::chrono::milliseconds(operation.after_ms));
    Outcome outcome = Outcome::lost;
    while (outcome == Outcome::lost) {
      doing_ = text_of(operation);
      co_await connect();
      outcome = co_await perform(operation);
      if (outcome == Outcome::lost) hang_up();
    }
  }
  hang_up();
  doing_ = "nothing more";
  done_ = true;
}

Task<void> Client::read_all() {
  Outcome outcome = Outcome::lost;
  while (outcome == Outcome::lost) {
    co_await connect();
    outcome = co_await read_tree();
    hang_up();
  }
  done_ = true;
}

Task<Client::Outcome> Client::read_tree() {
  constexpr std::uint64_t kMost = 65536;
  std::vector<std::string> directories = {""};
  while (!directories.empty()) {
    const std::string directory = directories.back();
    directories.pop_back();
    PlannedOperation look;
    look.what = Do::list;
    look.path = directory;
    const SmbAnswer opened = co_await open(look, "at the end, open '" + directory + "'");
    if (!opened.came) co_return Outcome::lost;
    if (failed(opened.status)) continue;
    const smb2::FileId id = SmbDialogue::file_id_of(opened.body);
    const SmbAnswer listed = co_await list(id, "at the end, list '" + directory + "'");
    if (!listed.came) co_return Outcome::lost;
    Outcome closed = co_await close(id);
    if (closed == Outcome::lost) co_return Outcome::lost;
    std::string name;
    for (const std::uint8_t byte : listed.body) {
      if (byte != '\n') {
        name.push_back(static_cast<char>(byte));
        continue;
      }
      const std::string path = directory.empty() ? name : directory + '\\' + name;
      name.clear();
      PlannedOperation file;
      file.what = Do::read;
      file.path = path;
      const SmbAnswer found = co_await open(file, "at the end, open '" + path + "'");
      if (!found.came) co_return Outcome::lost;
      if (found.status == Status::file_is_a_directory) directories.push_back(path);
      if (failed(found.status)) continue;
      const smb2::FileId file_id = SmbDialogue::file_id_of(found.body);
      const SmbAnswer content = co_await read(file_id, 0, kMost, "at the end, read '" + path + "'");
      if (!content.came) co_return Outcome::lost;
      closed = co_await close(file_id);
      if (closed == Outcome::lost) co_return Outcome::lost;
    }
  }
  co_return Outcome::finished;
}

/// Until there is a connection with a tree.
Task<void> Client::connect() {
  while (connection_ == nullptr) {
    Result<std::shared_ptr<Stream>> stream =
        co_await network_.connect(world_.address_of_lun(plan_.lun));
    if (stream) {
      connection_ = std::make_unique<Connection>();
      connection_->stream = *stream;
      const bool logged_on = co_await log_on();
      if (logged_on) co_return;
      hang_up();
    }
    co_await sleep_for(*executor_, kReconnectPause);
  }
}

void Client::hang_up() {
  if (connection_ == nullptr) return;
  connection_->stream->close();
  connection_.reset();
}

Task<bool> Client::log_on() {
  SmbDialogue& dialogue = connection_->dialogue;
  SmbAnswer answer = co_await exchange(dialogue.negotiate());
  if (!answer.came || !dialogue.negotiated(answer)) co_return false;
  answer = co_await exchange(dialogue.log_on());
  if (answer.status != Status::more_processing_required) co_return false;
  answer = co_await exchange(dialogue.prove(answer));
  if (!answer.came || failed(answer.status)) co_return false;
  const std::string share = world_.share_of_lun(plan_.lun);
  answer = co_await exchange(
      dialogue.frame(Command::tree_connect, SmbDialogue::tree_connect_body(share)));
  dialogue.tree_id = answer.tree_id;
  co_return answer.came&& ok(answer.status);
}

/// Sends, and waits for the one answer. A connection that does not answer in time is given up.
Task<SmbAnswer> Client::exchange(Octets frame) {
  const std::shared_ptr<Stream> stream = connection_->stream;
  const auto timer =
      executor_->start_timer(executor_->now() + kPatience, [stream] { stream->close(); });
  const std::array<ConstBytes, 1> parts{frame};
  Status status = co_await stream->write(parts);
  std::array<std::uint8_t, 4> prefix{};
  if (ok(status)) status = co_await stream->read(prefix);
  Octets got(std::size_t{prefix[1]} << 16 | std::size_t{prefix[2]} << 8 | prefix[3]);
  if (ok(status)) status = co_await stream->read(got);
  executor_->cancel_timer(timer);
  SmbAnswer answer;
  if (failed(status)) co_return answer;
  if (auto taken = connection_->dialogue.take(got)) answer = std::move(*taken);
  co_return answer;
}

/// A request of the history: the world writes it down, before and after.
Task<SmbAnswer> Client::ask(Command command, Octets body, const std::string& text) {
  const std::uint64_t request =
      world_.request_sent(number_, plan_.lun, connection_->dialogue.session_id, command, text);
  SmbAnswer answer = co_await exchange(connection_->dialogue.frame(command, body));
  if (command == Command::query_directory && answer.came && ok(answer.status))
    answer.body = names_in(ConstBytes(answer.body).subspan(8));
  if (command == Command::read && answer.came && ok(answer.status))
    answer.body.erase(answer.body.begin(), answer.body.begin() + 16);
  world_.request_over(request, answer);
  co_return answer;
}

Task<SmbAnswer> Client::open(const PlannedOperation& operation, const std::string& text) {
  const Opening how = opening_of(operation);
  world_.next_request_opens(operation.path);
  SmbAnswer answer = co_await ask(
      Command::create,
      SmbDialogue::create_body(operation.path, how.disposition, how.options, how.access), text);
  co_return answer;
}

Task<Client::Outcome> Client::close(smb2::FileId file) {
  const SmbAnswer answer =
      co_await ask(Command::close, SmbDialogue::close_body(file), doing_ + ": close");
  co_return answer.came ? Outcome::finished : Outcome::lost;
}

Task<SmbAnswer> Client::read(smb2::FileId file, std::uint64_t offset, std::uint64_t length,
                             const std::string& text) {
  world_.next_request_reads(offset, length);
  SmbAnswer answer =
      co_await ask(Command::read,
                   SmbDialogue::read_body(file, offset, static_cast<std::uint32_t>(length)), text);
  co_return answer;
}

Task<SmbAnswer> Client::list(smb2::FileId directory, const std::string& text) {
  constexpr std::uint32_t kRoom = 60000;
  world_.next_request_lists();
  SmbAnswer answer = co_await ask(Command::query_directory,
                                  SmbDialogue::list_body(directory, kNamesClass, kRoom), text);
  co_return answer;
}

/// Open, act, close; or only act, on a file that was kept open.
Task<Client::Outcome> Client::perform(PlannedOperation operation) {
  const auto kept = connection_->opens.find(operation.path);
  const bool writes = operation.what == Do::write || operation.what == Do::truncate ||
                      operation.what == Do::flush || operation.what == Do::read ||
                      operation.what == Do::set_times;
  if (writes && kept != connection_->opens.end()) {
    const Outcome outcome = co_await act(operation, kept->second);
    co_return outcome;
  }
  if (kept != connection_->opens.end()) {
    const smb2::FileId old = kept->second;
    connection_->opens.erase(kept);
    const Outcome closed = co_await close(old);
    if (closed == Outcome::lost) co_return Outcome::lost;
  }
  const SmbAnswer opened = co_await open(operation, doing_ + ": open");
  if (!opened.came) co_return Outcome::lost;
  if (failed(opened.status)) co_return Outcome::finished;
  const smb2::FileId file = SmbDialogue::file_id_of(opened.body);
  Outcome outcome = co_await act(operation, file);
  if (outcome == Outcome::lost) co_return outcome;
  if (operation.keep_open && operation.what == Do::write) {
    connection_->opens[operation.path] = file;
    co_return outcome;
  }
  outcome = co_await close(file);
  co_return outcome;
}

Task<Client::Outcome> Client::act(const PlannedOperation& operation, smb2::FileId file) {
  Command command = Command::set_info;
  Octets body;
  switch (operation.what) {
    case Do::write:
    case Do::append: {
      const Octets data = data_for(operation.offset, operation.length);
      command = Command::write;
      body = SmbDialogue::write_body(file, operation.offset, as_text(data));
      break;
    }
    case Do::truncate:
      body = SmbDialogue::set_body(file, kEndOfFileClass, one_number(operation.length));
      break;
    case Do::rename:
      body = SmbDialogue::set_body(file, kRenameClass,
                                   name_information(operation.target, operation.replace));
      break;
    case Do::link:
      body = SmbDialogue::set_body(file, kLinkClass,
                                   name_information(operation.target, operation.replace));
      break;
    case Do::remove:
    case Do::remove_directory:
      body = SmbDialogue::set_body(file, kDispositionClass, Octets(1, 1));
      break;
    case Do::set_attributes:
      body = SmbDialogue::set_body(
          file, kBasicClass,
          basic_information(0,
                            operation.offset != 0 ? kAttributeReadOnly : smb2::kAttributeNormal));
      break;
    case Do::set_times:
      body = SmbDialogue::set_body(
          file, kBasicClass, basic_information(132'000'000'000'000'000 + operation.offset, 0));
      break;
    case Do::flush:
      command = Command::flush;
      body = SmbDialogue::flush_body(file);
      break;
    case Do::read: {
      const SmbAnswer answer = co_await read(file, operation.offset, operation.length, doing_);
      co_return answer.came ? Outcome::finished : Outcome::lost;
    }
    case Do::list: {
      const SmbAnswer answer = co_await list(file, doing_);
      co_return answer.came ? Outcome::finished : Outcome::lost;
    }
    default:
      co_return Outcome::finished;  // to open and close it was all
  }
  const SmbAnswer answer = co_await ask(command, std::move(body), doing_);
  co_return answer.came ? Outcome::finished : Outcome::lost;
}

/// Every eight bytes name the request that writes them, and where it wrote them.
Octets Client::data_for(std::uint64_t offset, std::uint64_t length) const {
  WireWriter data;
  const auto request = static_cast<std::uint32_t>(world_.next_request());
  for (std::uint64_t at = 0; at < length; at += 8) {
    data.u32(request);
    data.u32(static_cast<std::uint32_t>(offset + at));
  }
  Octets bytes = data.release();
  bytes.resize(length);
  return bytes;
}

}  // namespace understudy::sim
