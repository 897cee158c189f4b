"""handles.py CAPTURE PORT: were the open files that a client asked for again given back?

A server that ignores DHnC and DH2C (MS-SMB2 2.2.13.2.4, 2.2.13.2.12) opens the file anew and answers with success, too. So a
handle counts as given back only if the answer has the persistent part of the FileId that was asked for (3.3.5.9.7, 3.3.5.9.12).
Prints a line; exit code 1 if none was asked for or one was not given back. Needs tshark, and frames that are not encrypted."""
import subprocess
import sys

ASKED = 'smb2.cmd == 5 && smb2.flags.response == 0 && (smb2.tag contains "DHnC" || smb2.tag contains "DH2C")'
ANSWERED = "smb2.cmd == 5 && smb2.flags.response == 1"
PERSISTENT = len("00000000-0000-0000")  # 8 of the 16 bytes, as tshark writes them


def fields(wanted, *names):
    command = ["tshark", "-r", sys.argv[1], "-d", f"tcp.port=={sys.argv[2]},nbss", "-Y", wanted, "-T", "fields"]
    for name in names:
        command += ["-e", name]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line.split("\t") for line in found.splitlines()]


def ids(column):
    """Persistent parts of what is a FileId of its own: not none yet (0), not that of the message before in a compound (-1)."""
    return [each[:PERSISTENT] for each in column.split(",") if each.strip("0-") and each.strip("f-")]


# Several messages may share a frame, so an answer is known by the id in it, not by its place: ids are random and never used again.
answers = [(stream, int(frame), ids(found)) for stream, frame, found in fields(ANSWERED, "tcp.stream", "frame.number", "smb2.fid")]
asked, lost = 0, []
for stream, frame, name, found in fields(ASKED, "tcp.stream", "frame.number", "smb2.filename", "smb2.fid"):
    asked += 1
    wanted = ids(found)
    if not any(stream == its and int(frame) < later and set(wanted) & set(given) for its, later, given in answers):
        lost.append(name.split(",")[0])
print(f"{'ok' if asked and not lost else 'FAILED'}: handles: {asked} asked for, {asked - len(lost)} given back"
      + "".join(f"; not {each}" for each in lost))
sys.exit(bool(lost) or not asked)
