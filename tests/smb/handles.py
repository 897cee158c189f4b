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


answers = {}
for requests, statuses, ids in fields(ANSWERED, "smb2.response_to", "smb2.nt_status", "smb2.fid"):
    # In a compound the CREATE is first.
    answers[requests.split(",")[0]] = (statuses.split(",")[0], ids.split(",")[0])
asked, lost = 0, []
for frame, name, file_id in fields(ASKED, "frame.number", "smb2.filename", "smb2.fid"):
    asked += 1
    status, answer = answers.get(frame, ("no answer", ""))
    if answer[:PERSISTENT] != file_id[:PERSISTENT]:
        lost.append(f"{name} ({'opened anew' if status == '0x00000000' else status})")
print(f"{'ok' if asked and not lost else 'FAILED'}: handles: {asked} asked for, {asked - len(lost)} given back"
      + "".join(f"; not {each}" for each in lost))
sys.exit(bool(lost) or not asked)
