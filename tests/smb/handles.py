"""handles.py CAPTURE PORT: were the open files that a client asked for again given back?

A server that ignores DHnC and DH2C (MS-SMB2 2.2.13.2.4, 2.2.13.2.12) opens the file anew and answers with success, too. So a
handle counts as given back only if the answer has the persistent part of the FileId that was asked for (3.3.5.9.7, 3.3.5.9.12).
Several messages may share a frame: each counts by itself.
Prints a line; exit code 1 if none was asked for or one was not given back. Needs tshark, and frames that are not encrypted."""
import subprocess
import sys
import xml.etree.ElementTree

ASKED = 'smb2.cmd == 5 && smb2.flags.response == 0 && (smb2.tag contains "DHnC" || smb2.tag contains "DH2C")'
ANSWERED = "smb2.cmd == 5 && smb2.flags.response == 1"
PERSISTENT = len("00000000-0000-0000")  # 8 of the 16 bytes, as tshark writes them


def shown(element, name):
    return [each.get("show") for each in element.iter("field") if each.get("name") == name]


def creates(wanted):
    """(stream, frame number, message) of each CREATE, or answer to one, in the frames that are wanted."""
    command = ["tshark", "-r", sys.argv[1], "-d", f"tcp.port=={sys.argv[2]},nbss", "-Y", wanted, "-T", "pdml", "-J", "tcp smb2"]
    found = subprocess.run(command, check=True, capture_output=True).stdout
    for packet in xml.etree.ElementTree.fromstring(found).iter("packet"):
        frame = int(next(each for each in packet.iter("field") if each.get("name") == "num").get("show"))
        for message in packet.iter("proto"):
            if message.get("name") == "smb2" and shown(message, "smb2.cmd") == ["5"]:
                yield shown(packet, "tcp.stream")[0], frame, message


def ids(message):
    return [each[:PERSISTENT] for each in shown(message, "smb2.fid")]


# Ids are never used again, so an answer is known by the id in it.
answers = [(stream, frame, ids(message)) for stream, frame, message in creates(ANSWERED)]
asked, lost = 0, []
for stream, frame, message in creates(ASKED):
    if not {"DHnC", "DH2C"} & set(shown(message, "smb2.tag")):
        continue
    asked += 1
    wanted = ids(message)
    if not any(stream == its and frame < later and set(wanted) & set(given) for its, later, given in answers):
        lost.append(shown(message, "smb2.filename")[0])
print(f"{'ok' if asked and not lost else 'FAILED'}: handles: {asked} asked for, {asked - len(lost)} given back"
      + "".join(f"; not {each}" for each in lost))
sys.exit(bool(lost) or not asked)
