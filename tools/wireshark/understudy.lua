-- Wireshark's dissector of what `stepper --open FILE --export pcap OUT` writes: the messages of the interconnect
-- (docs/interconnect.md) as trace points show them, one packet for each message_out and each message_in.
--
--     wireshark -X lua_script:tools/wireshark/understudy.lua OUT
--
--     0 version (1)  1 direction: 1 sent, 2 received  2 from, 3 to: layers  4 type of the message  5 zeros
--     8 lun (4)  12 status (4)  16 epoch (8)  24 lsn (8)  32 length and name of the sending node, and of the receiving
--
-- Little-endian. Length, sequence and CRC of the real header are not in a trace, and so not here.

local understudy = Proto("understudy", "Understudy interconnect")

local layers = {[1] = "netstack", [2] = "ff_driver", [3] = "fs_cache", [4] = "rd_driver", [5] = "mirror_server",
                [6] = "cluster_app"}
local types = {[1] = "hello", [2] = "challenge", [3] = "proof", [4] = "begin", [5] = "append", [6] = "ack",
               [7] = "purge", [8] = "failed", [9] = "refuse", [10] = "echo", [11] = "room"}
local directions = {[1] = "sent", [2] = "received"}

local field = {
  version = ProtoField.uint8("understudy.version", "Version"),
  direction = ProtoField.uint8("understudy.direction", "Direction", base.DEC, directions),
  from = ProtoField.uint8("understudy.from", "From layer", base.DEC, layers),
  to = ProtoField.uint8("understudy.to", "To layer", base.DEC, layers),
  type = ProtoField.uint8("understudy.type", "Type", base.DEC, types),
  lun = ProtoField.uint32("understudy.lun", "LUN"),
  status = ProtoField.uint32("understudy.status", "Status", base.HEX),
  epoch = ProtoField.uint64("understudy.epoch", "Epoch"),
  lsn = ProtoField.uint64("understudy.lsn", "LSN"),
  sender = ProtoField.string("understudy.sender", "Sending node"),
  receiver = ProtoField.string("understudy.receiver", "Receiving node"),
}
understudy.fields = field
local malformed = ProtoExpert.new("understudy.malformed", "Not a packet of this version", expert.group.MALFORMED,
                                  expert.severity.ERROR)
understudy.experts = {malformed}

-- The text at `at` with its length before it; nil if it is not all there.
local function text(buffer, at)
  if at >= buffer:len() then return nil end
  local length = buffer(at, 1):uint()
  if at + 1 + length > buffer:len() then return nil end
  return buffer(at + 1, length), at + 1 + length
end

function understudy.dissector(buffer, packet, root)
  packet.cols.protocol = "Understudy"
  local tree = root:add(understudy, buffer())
  local sender, receiver, at
  if buffer:len() > 32 and buffer(0, 1):uint() == 1 then
    sender, at = text(buffer, 32)
    if sender then receiver = text(buffer, at) end
  end
  if not receiver then
    tree:add_proto_expert_info(malformed)
    return
  end
  tree:add(field.version, buffer(0, 1))
  tree:add(field.direction, buffer(1, 1))
  tree:add(field.from, buffer(2, 1))
  tree:add(field.to, buffer(3, 1))
  tree:add(field.type, buffer(4, 1))
  tree:add_le(field.lun, buffer(8, 4))
  tree:add_le(field.status, buffer(12, 4))
  tree:add_le(field.epoch, buffer(16, 8))
  tree:add_le(field.lsn, buffer(24, 8))
  tree:add(field.sender, sender)
  tree:add(field.receiver, receiver)
  local function place(node, layer) return node:string() .. "." .. (layers[layer:uint()] or "?") end
  packet.cols.src = place(sender, buffer(2, 1))
  packet.cols.dst = place(receiver, buffer(3, 1))
  packet.cols.info = string.format("%s %s lun %d epoch %s lsn %s", types[buffer(4, 1):uint()] or "?",
                                   directions[buffer(1, 1):uint()] or "?", buffer(8, 4):le_uint(),
                                   tostring(buffer(16, 8):le_uint64()), tostring(buffer(24, 8):le_uint64()))
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, understudy)
