# Programs with files open while the server fails. `guest: ready` tells the host that all are at work: the fault comes after it.
check mount share vers=3.1.1,hard,echo_interval=2
mountpoint -q /mnt/share || return
# A mount whose locks go to the server, and one that tries them from another session.
check "mount without leases" share vers=3.1.1,hard,echo_interval=2,nolease,nosharesock,cache=none /mnt/other
mkdir -p /mnt/third && check "a third session" share vers=3.1.1,hard,echo_interval=2,nolease,nosharesock,cache=none /mnt/third
rm -f /mnt/share/*
workers=(direct buffered append lease_lock server_lock names)
for each in "${workers[@]}"; do python3 "$here/held.py" $each "$work_s" & done
until [ "$(ls /tmp/ready.* 2>/dev/null | wc -l)" = ${#workers[@]} ]; do sleep 0.1; done
echo "guest: ready"
wait
for each in /mnt/third /mnt/other /mnt/share; do unmounts $each; done
