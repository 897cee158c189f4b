# What programs do with files that are open.
check mount share vers=3.1.1
mountpoint -q /mnt/share || return
check "open files" python3 "$here/open_files.py" /mnt/share
check "nothing left" test -z "$(ls -A /mnt/share)"
unmounts /mnt/share
