// The I/O request packet: what travels through a node's stack, hop by hop, and comes back
// completed. Flat, of fixed size, without pointers: the same 256 bytes stand in a ring, in a trace
// and in a test. Payload (names, data) lies in the arena; the IRP says where. Whoever issues an IRP
// owns its payload until the IRP is completed.
//
//     0 ┌──────────────┬──────────────┬──────────────┬──────────────┐
//       │ id           │ tag          │ kind, status │ lun, session │
//    32 ├──────────────┼──────────────┴──────────────┼──────────────┤
//       │ information  │ payload                     │ record ...   │
//    64 ├──────────────┼──────────────┬──────────────┼──────────────┤
//       │ ... record   │ epoch        │ lsn          │ shows        │
//    96 ├──────────────┼──────────────┴──────────────┴──────────────┤
//       │ open         │ parameters by major function (152 bytes)   │
//   256 └──────────────┴────────────────────────────────────────────┘
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "iomgr/status.h"

namespace understudy {

/// The six layers of a node, and the numbers by which trace points and links know them.
enum class Layer : std::uint8_t {
  none = 0,
  netstack = 1,
  ff_driver = 2,
  fs_cache = 3,
  rd_driver = 4,
  mirror_server = 5,
  cluster_app = 6,
};
inline constexpr std::size_t kLayers = 7;  // with `none`, so that a Layer indexes an array
std::string_view to_string(Layer layer);

/// Major functions: the Windows ones first (IRP_MJ_*), then those that only this stack has.
enum class Major : std::uint8_t {
  create = 0,
  close = 1,  // IRP_MJ_CLEANUP and IRP_MJ_CLOSE in one: the handle is gone when it completes
  read = 2,
  write = 3,
  query_information = 4,
  set_information = 5,  // minor: SetMinor
  flush_buffers =
      6,  // the client's flush: everything of this open is on the medium when it completes
  query_directory = 7,  // IRP_MJ_DIRECTORY_CONTROL
  query_volume = 8,     // IRP_MJ_QUERY_VOLUME_INFORMATION
  lazy_write =
      9,         // fs_cache's lazy writer: the operation passes ff_driver a second time (STEP 414)
  mirror = 10,   // minor: MirrorMinor
  cluster = 11,  // minor: ClusterMinor; from and to cluster_app
  lock_control = 12,   // IRP_MJ_LOCK_CONTROL; minor: LockMinor
  notify_change = 13,  // IRP_MN_NOTIFY_CHANGE_DIRECTORY; minor: NotifyMinor
  oplock = 14,         // the FSCTLs about oplocks; minor: OplockMinor
  cancel = 15,         // IoCancelIrp: completes a pended IRP with STATUS_CANCELLED
  reclaim = 16,        // a client that comes back takes over its durable open; see DurableRequest
};
inline constexpr std::size_t kMajors = 17;
std::string_view to_string(Major major);

enum class SetMinor : std::uint8_t {
  basic,
  rename,
  link,
  disposition,
  end_of_file,
  allocation,
  security,             // payload: the parts of a descriptor that set.selection names
  extended_attributes,  // payload: FILE_FULL_EA_INFORMATION; each is set, or removed if it is
                        // empty. STATUS_EA_LIST_INCONSISTENT: `information` is where
  sparse,               // set.attributes: FILE_ATTRIBUTE_SPARSE_FILE, or without it: no longer
};

enum class QueryMinor : std::uint8_t {
  facts,
  security,             // payload out: a descriptor with the parts that query.selection names
  extended_attributes,  // payload out: FILE_FULL_EA_INFORMATION, all of them
  streams,              // payload out: FILE_STREAM_INFORMATION in UTF-8, StreamEntry records
  allocated_ranges,     // payload out: AllocatedRange records, `information` bytes, of query.offset
                        // and query.length. STATUS_BUFFER_OVERFLOW: there are more
};

// Pended IRPs. An operation that would have to wait for another client completes with
// STATUS_PENDING and has changed nothing. Who wants to wait sends the IRP of the same family that
// fs_cache keeps (lock, notify/wait, oplock/settled); when that completes, the operation can be
// tried again. Pended IRPs show nothing of the LUN and hold nobody up: no gate, no count of active
// operations. They complete at the latest with their handle, or when the LUN is dismounted.

enum class LockMinor : std::uint8_t {
  lock,    // one range; STATUS_LOCK_NOT_GRANTED: somebody else's is in the way
  unlock,  // one range, exactly as it was locked
  wait,    // pended until nothing is in the way of a lock of that range; then `lock` is tried again
};

enum class NotifyMinor : std::uint8_t {
  fetch,  // what has changed since the last fetch; STATUS_PENDING: nothing
  wait,   // pended until there is something to fetch
};

enum class OplockMinor : std::uint8_t {
  next_break,   // pended until an oplock or lease of this LUN is to break, and says which
  acknowledge,  // the client answers a break
  settled,      // pended until no break of `oplock.object` is waited for
};

enum class MirrorMinor : std::uint8_t {
  append,        // ff_driver -> rd_driver: store this record at the partner (STEP 408)
  purge,         // ff_driver -> rd_driver: everything up to `lsn` is durable (STEP 418)
  failed,        // ff_driver -> rd_driver: the medium refused a flush (claim 21 as amended)
  partner_up,    // rd_driver -> ff_driver: the partner's mirror server is there, its store empty
  partner_down,  // rd_driver -> ff_driver: it is gone; what was not acknowledged never will be
  replay,  // mirror_server -> ff_driver -> fs_cache: write this record to the medium (STEP 314)
  begin,   // ff_driver -> rd_driver: from `lsn` on in `epoch`, records of `lun` are mirrored (STEP
           // 334)
  full,    // rd_driver -> ff_driver: records wait for room in the partner's store; completes when
           // what can be written to the medium is there, and its purge is on the way
};

enum class ClusterMinor : std::uint8_t {
  ping,       // every layer: are you making progress; completes with LayerReport
  mount,      // fs_cache: take the LUN (path in payload), claim the epoch (STEP 310, 312);
              // MountParameters
  dismount,   // fs_cache: flush, release the LUN
  replay,     // mirror_server: replay what is stored of the LUN (STEP 314)
  discard,    // mirror_server: forget what is stored of the LUN
  attach,     // ff_driver: the LUN is mounted and serves from now on; params.mount.mirror: the
              // partner's index + 1
  detach,     // ff_driver: drain, flush, mirroring of this LUN ends
  serve,      // netstack: listen on an address and offer shares (JSON in payload)
  unserve,    // netstack: stop listening on an address, close its connections (JSON in payload)
  event,      // any layer -> cluster_app: something that membership should know; EventParameters
  new_epoch,  // ff_driver -> fs_cache: flush, raise the epoch of a LUN owned already (rejoin), name
              // params.mount.mirror in `applied`; completes with the new `epoch` and `lsn`, the
              // last one given so far, durable
  partner,  // rd_driver: where the partner's mirror server is, or that it is gone (JSON in payload)
  degraded,  // ff_driver -> fs_cache: params.flag 1: write-through (STEP 318); 0: write-back again
  mailbox,  // fs_cache: write our slot of a LUN's mailbox, read the partner's, whoever owns the LUN
            // (path in payload); MailboxParameters
};

/// Where payload lies in the arena. `capacity` bytes belong to the issuer; `length` of them mean
/// something.
struct BufferRef {
  std::uint64_t offset;
  std::uint32_t length;
  std::uint32_t capacity;
};

/// What a file is, as every information class needs it. Times are FILETIME: 100 ns since 1601, UTC.
struct FileFacts {
  std::uint64_t object;  // object id: unique in its LUN, never used again
  std::uint64_t creation_time;
  std::uint64_t access_time;
  std::uint64_t write_time;
  std::uint64_t change_time;
  std::uint64_t size;             // EndOfFile, bytes
  std::uint64_t allocation_size;  // bytes
  std::uint32_t attributes;       // FILE_ATTRIBUTE_*, MS-FSCC 2.6
  std::uint32_t links;
  std::uint8_t delete_pending;
  std::uint8_t directory;
  std::uint16_t ea_size;         // EaSize, MS-FSCC 2.4.12, bytes
  std::uint32_t maximal_access;  // completed CREATE: all that its token could have been granted
};
static_assert(sizeof(FileFacts) == 72);

/// What a client may cache of a file (MS-SMB2 2.2.13.2.8). Level II is kRead, exclusive kRead and
/// kWrite, batch all three.
namespace caching {
inline constexpr std::uint8_t kRead = 1;
inline constexpr std::uint8_t kHandle = 2;
inline constexpr std::uint8_t kWrite = 4;
inline constexpr std::uint8_t kAll = 7;
}  // namespace caching

/// An oplock or a lease (MS-FSA 2.1.1.10), as asked for or as granted.
struct Caching {
  enum Kind : std::uint8_t { none, oplock, lease };
  std::uint8_t client[16];  // of a lease: ClientGuid; keys are a client's own
  std::uint8_t key[16];     // of a lease: LeaseKey
  Kind kind;
  std::uint8_t state;     // of caching::
  std::uint8_t breaking;  // out: a break of the lease is waited for
  std::uint8_t version;   // of a lease: 1 or 2
  std::uint16_t epoch;    // of a lease of version 2
  std::uint16_t reserved;
};
static_assert(sizeof(Caching) == 40);

/// Opens that outlive their connection (MS-SMB2 3.3.1.10): by version 1 or 2 of the contexts, or
/// so that nobody may take their place meanwhile.
enum class DurableKind : std::uint16_t { none = 0, durable = 1, durable_v2 = 2, persistent = 3 };

/// CREATE, a property: the open shall be kept when its client is gone, and be given back to whoever
/// shows the same GUIDs and owner. `reclaim`, a property: who asks for it back. The open is
/// `irp.open`, or, where that is 0, the one with this create GUID.
struct DurableRequest {
  DurableKind kind;
  std::uint16_t replay;           // CREATE: it may be a retry (SMB2_FLAGS_REPLAY_OPERATION)
  std::uint32_t timeout_ms;       // wished for; 0: the server's choice
  std::uint8_t create_guid[16];   // of version 2 and persistent opens, else zeros
  std::uint8_t client_guid[16];   // ClientGuid of the connection
  std::uint8_t owner[32];         // SHA-256 of the user's name, folded (iomgr/unicode.h)
  std::uint8_t app_instance[16];  // AppInstanceId; zeros: none
};
static_assert(sizeof(DurableRequest) == 88);

/// What `reclaim` puts into its payload, which has room for it, beside `irp.create`: the facts,
/// what was asked for and granted when it was opened, and what the open has of oplocks.
struct ReclaimedOpen {
  DurableRequest request;
  std::uint8_t lock_sequences[64];  // 1 + the number that was done last, 0: none (LockParameters)
};
static_assert(sizeof(ReclaimedOpen) == 152);

/// Payload in: the path below the share, UTF-8, components divided by '\', no leading one; empty:
/// the root. Behind it properties: the descriptor and extended attributes of a new file, the token
/// of who asks, a DurableRequest. STATUS_PENDING: a break of `facts.object` has to be answered
/// first.
struct CreateParameters {
  std::uint32_t desired_access;      // MS-SMB2 2.2.13.1; generic bits already mapped by netstack.
                                     // Out: granted
  std::uint32_t share_access;        // MS-SMB2 2.2.13
  std::uint32_t create_disposition;  // MS-SMB2 2.2.13
  std::uint32_t create_options;      // MS-SMB2 2.2.13
  std::uint32_t attributes;          // of a new file
  std::uint16_t create_action;  // out: FILE_OPENED, FILE_CREATED, FILE_OVERWRITTEN, FILE_SUPERSEDED
  DurableKind durable;          // out: granted
  FileFacts facts;              // out
  Caching caching;              // asked for; out: granted
  std::uint64_t allocation_size;    // of a file that is made or overwritten, bytes: a wish
  std::uint32_t properties_length;  // of the payload, behind the path: properties (property.h)
  std::uint32_t timeout_ms;         // out: how long the open is kept without its client
};

/// Payload: room for `length` bytes; `information` = bytes read.
struct ReadParameters {
  std::uint64_t offset;
  std::uint32_t length;
  std::uint32_t minimum;  // fewer: STATUS_END_OF_FILE
};

/// Payload: the data. An offset of kAppend writes at the end of the file.
struct WriteParameters {
  std::uint64_t offset;
  std::uint64_t zeros;  // without a payload: so many bytes become zeros, up to the end of the file
  std::uint32_t write_through;  // complete only when durable on the medium
  std::uint32_t reserved;
};
inline constexpr std::uint64_t kAppend = ~std::uint64_t{0};

/// Payload out: the file's name (path below the share, UTF-8, '\').
struct QueryParameters {
  FileFacts facts;          // out
  std::uint64_t offset;     // allocated_ranges
  std::uint64_t length;     // allocated_ranges
  std::uint32_t access;     // out: access granted to this open
  std::uint32_t options;    // out: its create options
  std::uint32_t selection;  // security: SECURITY_INFORMATION, MS-DTYP 2.4.7
  std::uint32_t reserved;
};

/// A part of a file that takes room, bytes.
struct AllocatedRange {
  std::uint64_t offset;
  std::uint64_t length;
};

/// One stream of a file; `name_length` UTF-8 bytes follow (":name:$DATA"), then padding to 8 bytes.
struct StreamEntry {
  std::uint32_t size;  // of this record with name and padding
  std::uint32_t name_length;
  std::uint64_t bytes;
  std::uint64_t allocation;
};

inline constexpr std::uint32_t kClientGone = 1;
inline constexpr std::uint32_t kKeptLongEnough = 2;
/// Close: `post_query` asks for the facts at the moment of closing. `client_gone` 1: nobody asked
/// for it, the connection ended; a durable open is kept for its client. 2: fs_cache's own, its
/// client has stayed away; nothing happens to an open that it has taken back meanwhile.
struct CloseParameters {
  std::uint32_t post_query;
  std::uint32_t client_gone;
  FileFacts facts;  // out
};

/// set_information. Zero times mean "leave"; ~0 and ~1 (-1, -2) as in MS-FSCC 2.4.7. Rename and
/// link: new path in the payload, as in create.
struct SetParameters {
  std::uint64_t creation_time;
  std::uint64_t access_time;
  std::uint64_t write_time;
  std::uint64_t change_time;
  std::uint32_t attributes;   // 0: leave
  std::uint32_t replace;      // rename, link: ReplaceIfExists
  std::uint64_t size;         // end_of_file, allocation
  std::uint32_t delete_file;  // disposition
  std::uint32_t selection;    // security: SECURITY_INFORMATION, MS-DTYP 2.4.7
};

/// lock_control. STATUS_LOCK_NOT_GRANTED, STATUS_RANGE_NOT_LOCKED, STATUS_INVALID_LOCK_RANGE.
struct LockParameters {
  std::uint64_t offset;
  std::uint64_t length;     // bytes; 0 locks a point between two bytes
  std::uint32_t exclusive;  // lock, wait
  // The LockSequence of the request that this range ends (MS-SMB2 2.2.26): kept with a durable
  // open. Its index, 1 to 64 (0: none), and its number.
  std::uint16_t sequence_index;
  std::uint16_t sequence_number;
};

/// notify_change. Payload out of fetch: ChangeEntry records, `information` bytes of them.
/// STATUS_NOTIFY_ENUM_DIR: more has changed than was kept. The first fetch of a handle says what it
/// watches.
struct NotifyParameters {
  std::uint32_t filter;    // CompletionFilter, MS-SMB2 2.2.35
  std::uint32_t tree;      // SMB2_WATCH_TREE: all below the directory
  std::uint32_t capacity;  // FILE_NOTIFY_INFORMATION bytes that may be kept for the next fetch
  std::uint32_t reserved;
};

/// One change; `name_length` UTF-8 bytes follow (path below the watched directory), then padding to
/// 4 bytes.
struct ChangeEntry {
  std::uint32_t action;  // FILE_ACTION_*, MS-FSCC 2.7.1
  std::uint32_t name_length;
};

/// oplock. next_break: `irp.open` is an open of that oplock or lease. acknowledge: `irp.open` of an
/// oplock, `caching.client` and `key` of a lease; `caching.state` is what the client keeps.
struct OplockParameters {
  Caching caching;        // next_break out: `state` is what is left when it has been answered
  std::uint64_t object;   // settled
  std::uint32_t from;     // next_break out: the state before
  std::uint32_t answers;  // next_break out: 1: an acknowledgement is waited for
};

/// cancel.
struct CancelParameters {
  std::uint64_t id;  // irp.id of the pended IRP
};

/// Payload in: the search pattern, UTF-8. Payload out: DirectoryEntry records, `information` bytes
/// of them. STATUS_NO_MORE_FILES at the end; STATUS_NO_SUCH_FILE when the first search finds
/// nothing.
struct DirectoryParameters {
  std::uint32_t restart;       // SMB2_RESTART_SCANS
  std::uint32_t single_entry;  // SMB2_RETURN_SINGLE_ENTRY
  std::uint32_t reopen;        // SMB2_REOPEN: also takes the new pattern
  std::uint32_t
      entry_overhead;  // bytes one entry takes on the wire beside its UTF-16 name, at most ...
  std::uint32_t
      wire_capacity;  // ... and how many wire bytes there are: fs_cache stops before they are full
};

/// One entry of a directory's listing; `name_length` UTF-8 bytes follow, then padding to 8 bytes.
struct DirectoryEntry {
  std::uint32_t size;  // of this record with name and padding
  std::uint32_t name_length;
  FileFacts facts;
};
static_assert(sizeof(DirectoryEntry) == 80);

struct VolumeParameters {
  std::uint64_t total_bytes;
  std::uint64_t free_bytes;
  std::uint64_t serial;
  std::uint64_t creation_time;
};

/// lazy_write: fs_cache asks to write its unwritten operations up to `irp.lsn`. ff_driver lowers
/// `irp.lsn` to what is mirrored (rule 4) and passes it down; completed, `irp.lsn` is durable.
struct LazyWriteParameters {
  std::uint64_t operations;  // out: operations written
  std::uint64_t bytes;       // out
};

/// What a node does with an operation that has no mirror (STEP 318).
enum class DegradedWrites : std::uint32_t {
  write_through = 0,  // through the cache: operations that wait at the same time share a flush
  direct = 1,         // each operation is flushed by itself, one after the other
  write_back = 2,     // answered from memory: lost with the node. Unsafe
};

/// mount. Payload: the LUN's directory on the host, UTF-8. attach reads `mirror` and `degraded`.
struct MountParameters {
  std::uint32_t node;         // index of the new owner in cluster.toml
  std::uint32_t accept_loss;  // 1: the partner's store is known to be gone; own what the medium has
  std::uint64_t applied_epoch;  // out: of the `applied` slot
  std::uint64_t applied_lsn;    // out: what is surely incorporated
  std::uint32_t mirror;  // out: index + 1 of the node that had a mirror at the last flush; 0: none
  std::uint32_t owner;   // out: index of the owner before
  DegradedWrites degraded;  // attach
  std::uint32_t reserved;
};

/// One node's word in a mailbox: that it lives, because `sequence` rises, and how its stack is.
struct MailboxSlot {
  std::uint32_t node;               // index in cluster.toml
  std::uint32_t layer_silent_ms;    // how long a layer has not answered, the longest
  std::uint32_t storage_oldest_ms;  // age of its oldest storage request
  std::uint32_t storage_failing;    // media whose last write failed
  std::uint64_t incarnation;
  std::uint64_t sequence;
};
static_assert(sizeof(MailboxSlot) == 32);

/// mailbox. Completes when `own` is written and was read back as it is. Payload: the LUN's
/// directory on the host, UTF-8.
struct MailboxParameters {
  MailboxSlot own;
  MailboxSlot partner;    // out
  std::uint32_t area;     // 0, 1: which of the LUN's two files
  std::uint32_t durable;  // 1: to the device and back, as proof of the path; else the host's cache
                          // may answer
  std::uint32_t found;    // out: `partner` has something, and it is sound
  std::uint32_t peer;     // index of the partner
  std::uint32_t mirror;   // out, if durable: index + 1 of the node whose mirror store may have what
                          // the LUN's medium has not; 0: none
  std::uint32_t reserved;
};

/// Completed ping: what `status` shows of a layer, and what health is judged by.
struct LayerReport {
  std::uint64_t
      operations;       // fs_cache: unwritten; mirror_server: mirrored; rd_driver: unacknowledged
  std::uint64_t bytes;  // of those
  std::uint64_t oldest_ms;  // age of the oldest storage request in flight, 0: none
  std::uint64_t completed;  // IRPs completed since the start
  std::uint32_t mirroring;  // ff_driver: 1 on, 0 off; rd_driver: 1 connected
  std::uint32_t errors;     // storage errors since the start
  std::uint32_t opens;      // fs_cache: open handles; netstack: connections
  std::uint32_t failing;    // fs_cache: LUNs whose last flush the medium refused
};

/// event: a layer tells cluster_app.
enum class EventKind : std::uint32_t {
  partner_lost,
  partner_back,
  mirroring_on,
  mirroring_off,
  storage_error,          // the medium refused this node: `status`, `lun`
  partner_storage_error,  // the partner says that it refused the partner (claim 21 as amended)
};
struct EventParameters {
  EventKind kind;
  std::uint32_t reserved;
};

/// replay completed by mirror_server.
struct ReplayParameters {
  std::uint64_t applied_epoch;  // in: from the mount
  std::uint64_t applied_lsn;    // in: records up to here are dropped, not replayed
  std::uint64_t operations;     // out: replayed
};

struct FlagParameters {
  std::uint32_t flag;
  std::uint32_t reserved;
};

struct Irp {
  std::uint64_t id =
      0;  // the same on every hop, for traces: issuing node and layer in the top 16 bits
  std::uint64_t tag = 0;  // matches a completion to its request on one port
  Major major = Major::create;
  std::uint8_t minor = 0;
  std::uint8_t completion = 0;  // 0 request, 1 completion
  Layer issuer =
      Layer::none;  // who sent the request on this link; the receiver's Driver fills it in
  Status status = Status::success;
  std::uint32_t lun = 0;
  std::uint32_t session = 0;  // the SMB session in whose name netstack issued it; 0: nobody's
  std::uint64_t information = 0;
  BufferRef payload = {};
  BufferRef record =
      {};  // the operation's log record in the unwritten-data cache, once it has an LSN
  std::uint64_t epoch = 0;
  std::uint64_t lsn = 0;    // place of this operation in its LUN's order; 0: it changes nothing
  std::uint64_t shows = 0;  // highest LSN whose effect the reply shows (rule 5)
  std::uint64_t open = 0;   // handle of the open file
  union {
    std::uint8_t raw[152] = {};
    CreateParameters create;
    ReadParameters read;
    WriteParameters write;
    QueryParameters query;
    CloseParameters close;
    SetParameters set;
    DirectoryParameters directory;
    LockParameters lock;
    NotifyParameters notify;
    OplockParameters oplock;
    CancelParameters cancel;
    VolumeParameters volume;
    LazyWriteParameters lazy_write;
    MountParameters mount;
    LayerReport report;
    EventParameters event;
    ReplayParameters replay;
    FlagParameters flag;
    MailboxParameters mailbox;
  };
};
static_assert(sizeof(Irp) == 256);
static_assert(offsetof(Irp, information) == 32);
static_assert(offsetof(Irp, record) == 56);
static_assert(offsetof(Irp, open) == 96);
static_assert(offsetof(Irp, raw) == 104);
static_assert(std::is_trivially_copyable_v<Irp> && std::is_standard_layout_v<Irp>);

}  // namespace understudy
