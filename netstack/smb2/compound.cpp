#include "netstack/smb2/compound.h"

#include <algorithm>

#include "iomgr/bounds.h"
#include "iomgr/check.h"
#include "netstack/smb2/negotiate.h"

namespace understudy::smb2 {
namespace {

constexpr std::size_t kLengthSize = 4;
constexpr std::uint32_t kPadding = 8;
constexpr std::uint32_t kErrorRoom = 16;  // of an ERROR response without data

std::uint32_t length_at(ConstBytes body, std::uint16_t at) {
  if (at == 0) return 0;
  WireReader reader(body);
  reader.seek(at);
  return reader.u32();
}

}  // namespace

std::vector<std::uint8_t> error_body(ConstBytes data) {
  WireWriter writer;
  writer.u16(9);
  writer.u16(0);
  writer.u32(static_cast<std::uint32_t>(data.size()));
  writer.append(data);
  if (data.empty()) writer.u8(0);
  return writer.release();
}

Compound::Compound(Connection& connection, Buffer frame)
    : connection_(connection), frame_(std::move(frame)) {
  const std::uint16_t dialect = connection.negotiation->dialect;
  if (dialect == 0 && is_smb1(frame_.bytes())) {
    // The only thing of SMB1 that is understood; it counts as a NEGOTIATE with message id 0.
    messages_.push_back({Header{}, frame_.bytes(), 0});
    return;
  }
  const bool sealed = auth::is_sealed(frame_.bytes());
  if (sealed && !unseal()) return;
  messages_ = split_compound(frame_.bytes(), sealed ? auth::transform_header_size : 0);
  const bool begins = dialect == 0 || dialect == kDialectWildcard;
  for (const Message& message : messages_) {
    // Before NEGOTIATE nothing else may come, and only one may come. What is encrypted speaks for
    // the session that encrypted it and for no other.
    const bool named = message.header.has(kFlagRelated) || !sealed ||
                       message.header.session_id == sealed_by_->id();
    if (named && begins == message.header.is(Command::negotiate)) continue;
    messages_.clear();
    return;
  }
  if (messages_.size() > bounds::kMaxCompound || (begins && messages_.size() > 1))
    messages_.clear();
}

/// Section 3.3.5.2.1.1.
bool Compound::unseal() {
  const std::optional<std::uint64_t> session = auth::session_of_sealed(frame_.bytes());
  if (!session) return false;
  sealed_by_ = connection_.find_session(*session);
  return sealed_by_ != nullptr && sealed_by_->sealer && sealed_by_->sealer->open(frame_.bytes());
}

std::uint32_t Compound::reply_size(bool logged_on) {
  rooms_.clear();
  std::uint32_t total = kPrefixEnd;
  for (const Message& message : messages_) {
    const CommandRow* row = find_command(message.header.command);
    rooms_.push_back(row == nullptr ? kErrorRoom : row->reply_room);
    total += static_cast<std::uint32_t>(kHeaderSize) + kPadding + rooms_.back();
  }
  UNDERSTUDY_CHECK(total <= bounds::kMaxFrame);
  for (std::size_t i = 0; logged_on && i < messages_.size(); ++i) {
    const CommandRow* row = find_command(messages_[i].header.command);
    if (row == nullptr) continue;
    const LengthField& field = row->reply_length;
    const std::uint32_t asked = length_at(messages_[i].bytes.subspan(kHeaderSize), field.at);
    const std::uint32_t given = std::min({asked, field.most, bounds::kMaxFrame - total});
    rooms_[i] += given;
    total += given;
  }
  return total;
}

Task<void> Compound::run(Buffer replies) {
  replies_ = std::move(replies);
  end_ = kPrefixEnd;
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    if (messages_[i].header.is(Command::cancel)) {
      cancel(messages_[i]);
      continue;
    }
    last_ = i + 1 == messages_.size();
    co_await run_one(messages_[i], rooms_[i]);
    pended_.reset();
    ran_ = true;
  }
  finish();
}

Task<void> Compound::run_one(const Message& message, std::uint32_t room) {
  const std::size_t start = aligned(end_);
  const std::size_t body = start + kHeaderSize;
  running_ = {message.header.message_id};
  const Connection::RunningGuard listed(connection_, running_);
  Request request;
  request.compound = this;
  request.header = message.header;
  request.message = message.bytes;
  request.arena_offset = frame_.offset() + message.offset;
  request.sealed = sealed_by_ != nullptr;
  Reply reply(replies_.bytes().subspan(body, room), replies_.offset() + body);

  const CommandRow* row = find_command(message.header.command);
  Status status = Status::invalid_parameter;
  if (row != nullptr) {
    status = prepare(request, *row);
    if (request.signed_ || (request.session != nullptr && request.session->signing_required)) {
      reply.signer = signer_of(request);
    }
    if (ok(status)) status = co_await row->handler(connection_, request, reply);
    use_.reset();
    running_.open = nullptr;
    if (request.sealed) reply.signer.reset();  // section 3.3.4.1.1: it is encrypted instead
  }
  chain_.status = status;
  if (request.open != nullptr) chain_.file_id = request.open->id;
  chain_.has_session = request.session != nullptr || reply.session_id;
  chain_.has_tree = request.tree != nullptr || reply.tree_id;
  if (reply.tree_id) chain_.tree_id = *reply.tree_id;
  if (reply.session_id) chain_.session_id = *reply.session_id;
  make(request, reply, status);
}

Status Compound::prepare(Request& request, const CommandRow& row) {
  Header& header = request.header;
  request.related = header.has(kFlagRelated);
  if (header.has(kFlagServerToRedir)) return Status::invalid_parameter;
  if (request.related) {
    if (!ran_) return Status::invalid_parameter;
    header.session_id = chain_.session_id;
    header.tree_id = chain_.tree_id;
  } else {
    chain_ = {};
    chain_.session_id = header.session_id;
    chain_.tree_id = header.tree_id;
  }

  request.session = connection_.find_session(header.session_id);
  const Status signature = check_signature(request);
  if (failed(signature)) return signature;
  const Status body = check_body(request, row);
  if (failed(body)) return body;

  if (row.needs == Needs::nothing) return Status::success;
  // Section 3.3.5.2.7.2: the one before has no session or tree to take over.
  if (request.related && !chain_.has_session) return Status::invalid_parameter;
  if (request.related && row.needs != Needs::session && !chain_.has_tree)
    return Status::invalid_parameter;
  if (request.session == nullptr || request.session->state != Session::State::valid) {
    return Status::user_session_deleted;
  }
  // Sections 3.3.5.2.9 and 3.3.5.2.11.
  if (request.session->encrypts && !request.sealed) return Status::access_denied;
  if (request.session->anonymous && !nobody_may(header.command)) return Status::access_denied;
  if (row.needs == Needs::session) return Status::success;
  request.tree = request.session->find_tree(header.tree_id);
  if (request.tree == nullptr) return Status::network_name_deleted;
  if (request.tree->share.encrypted && !request.sealed) return Status::access_denied;
  if (row.file_id_at == 0) return Status::success;
  const Status found = look_up_open(request, row);
  return failed(found) || request.open == nullptr ? found : use_open(request);
}

/// Section 3.3.5.2.10.
Status Compound::use_open(Request& request) {
  const Header& header = request.header;
  Open& open = *request.open;
  std::optional<std::uint16_t> counted;
  if (connection_.negotiation->smb3() && open.pipe == nullptr) {
    const std::uint16_t sequence = header.channel_sequence();
    const ChannelSequence::Verdict verdict =
        open.channel_sequence.begin(sequence, header.has(kFlagReplay));
    if (verdict == ChannelSequence::Verdict::counted) {
      counted = sequence;
    } else if (header.is(Command::write) || header.is(Command::set_info) ||
               header.is(Command::ioctl)) {
      return Status::file_not_available;
    }
  }
  open.place.leave();  // Open.IsReplayEligible: its client has got the answer to its CREATE
  use_.emplace(request.open, counted);
  running_.open = &open;
  return Status::success;
}

/// The key of the channel that the connection is. nullptr: there is none, or none yet.
std::shared_ptr<auth::Signer> Compound::signer_of(const Request& request) const {
  const Channel* channel =
      request.session == nullptr ? nullptr : request.session->find_channel(connection_);
  return channel == nullptr ? nullptr : channel->signer;
}

// Section 3.3.5.2.4.
Status Compound::check_signature(Request& request) const {
  const std::shared_ptr<auth::Signer> signer = signer_of(request);
  if (signer == nullptr || request.sealed) return Status::success;
  if (request.header.has(kFlagSigned)) {
    if (!signer->verify(request.message)) return Status::access_denied;
    request.signed_ = true;
  } else if (request.session->signing_required) {
    return Status::access_denied;
  }
  return Status::success;
}

Status Compound::check_body(const Request& request, const CommandRow& row) const {
  if (row.structure_size == 0) return Status::success;  // the handler knows better
  WireReader body = request.body();
  const std::size_t fixed = row.structure_size & ~std::size_t{1};
  if (body.remaining() < fixed || body.u16() != row.structure_size)
    return Status::invalid_parameter;
  // Section 3.3.5.2.5: a transfer must be paid for.
  const ConstBytes bytes = request.message.subspan(kHeaderSize);
  const std::uint64_t payload =
      std::max(length_at(bytes, row.reply_length.at), length_at(bytes, row.sent_length_at));
  const std::uint64_t paid = connection_.negotiation->multi_credit()
                                 ? std::max<std::uint16_t>(request.header.credit_charge, 1)
                                 : 1;
  return payload <= paid * kBytesPerCredit ? Status::success : Status::invalid_parameter;
}

Status Compound::look_up_open(Request& request, const CommandRow& row) const {
  WireReader body = request.body();
  body.seek(row.file_id_at);
  FileId id;
  id.persistent = body.u64();
  id.of_session = body.u64();
  if (request.related && id.is_previous()) {
    id = chain_.file_id;
    if (id.is_previous()) {
      return failed(chain_.status) ? chain_.status : Status::invalid_parameter;
    }
  }
  request.open = request.session->find_open(id);
  const bool found = request.open != nullptr && request.open->tree == request.tree;
  if (!found) request.open.reset();
  return found || row.needs != Needs::open ? Status::success : Status::file_closed;
}

void Compound::make(const Request& request, Reply& reply, Status status) {
  if (reply.size() == 0) {
    UNDERSTUDY_CHECK(failed(status));
    UNDERSTUDY_CHECK(reply.put(error_body(reply.error_data)));
  }
  const Header header = reply_header(request, status);
  const std::size_t start = aligned(end_);
  made_.push_back({header, start, kHeaderSize + reply.size(), reply.signer, reply.hash});
  made_.back().header.tree_id = reply.tree_id.value_or(header.tree_id);
  made_.back().header.session_id = reply.session_id.value_or(header.session_id);
  end_ = start + made_.back().size;
}

/// Of a final or, with STATUS_PENDING, an interim response. The interim one brings the credits
/// (section 3.3.4.2).
Header Compound::reply_header(const Request& request, Status status) {
  Header header = request.header;
  header.status = static_cast<std::uint32_t>(status);
  // The signed flag comes back even when no key can be found: that is how Windows and Samba do it,
  // and clients that insist on signatures look for it before they look at the status.
  header.flags = kFlagServerToRedir | (header.flags & (kFlagRelated | kFlagSigned));
  if (request.sealed) header.flags &= ~kFlagSigned;
  const bool final_of_two = running_.async_id != 0 && status != Status::pending;
  header.credits = final_of_two ? 0 : connection_.grant(request.header.credits);
  if (running_.async_id != 0) {
    header.flags |= kFlagAsync;
    header.reserved = static_cast<std::uint32_t>(running_.async_id);
    header.tree_id = static_cast<std::uint32_t>(running_.async_id >> 32);
  }
  return header;
}

void Compound::finish() {
  if (made_.empty()) return;
  const Bytes all = replies_.bytes();
  const bool several = made_.size() > 1;
  if (several) end_ = aligned(end_);  // as Windows: the last of them, too
  for (std::size_t i = 0; i < made_.size(); ++i) {
    Made& reply = made_[i];
    const bool is_last = i + 1 == made_.size();
    if (several) {
      const std::size_t size = (is_last ? end_ : made_[i + 1].offset) - reply.offset;
      const Bytes padding = all.subspan(reply.offset + reply.size, size - reply.size);
      std::fill(padding.begin(), padding.end(), std::uint8_t{0});
      reply.size = size;
    }
    reply.header.next_command = is_last ? 0 : static_cast<std::uint32_t>(reply.size);
    const Bytes message = all.subspan(reply.offset, reply.size);
    encode_header(reply.header, message);
    if (reply.signer != nullptr) reply.signer->sign(message);
    if (reply.hash != nullptr) reply.hash->update(message);
  }
  const std::size_t header = sealed_by_ == nullptr ? 0 : auth::transform_header_size;
  const std::size_t begin = made_.front().offset - header;
  const Bytes frame = all.subspan(begin, end_ - begin);
  if (sealed_by_ != nullptr) sealed_by_->sealer->seal(frame, sealed_by_->id());
  const Bytes prefix = all.subspan(begin - kLengthSize, kLengthSize);
  prefix[0] = 0;
  prefix[1] = static_cast<std::uint8_t>(frame.size() >> 16);
  prefix[2] = static_cast<std::uint8_t>(frame.size() >> 8);
  prefix[3] = static_cast<std::uint8_t>(frame.size());
  answer_ = all.subspan(begin - kLengthSize, kLengthSize + frame.size());
}

}  // namespace understudy::smb2
