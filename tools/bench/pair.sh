# Sourced: start_pair BIN DIR NET starts a pair of that build in DIR on addresses NET.11 and NET.12, with the user bench, and
# waits until it mirrors. Adds its `up` to $ups and its processes to $pids. stop_pairs ends them all.
ups=() pids=
stop_pairs() {
  for up in "${ups[@]}"; do kill "$up" 2>/dev/null; done
  for up in "${ups[@]}"; do wait "$up" 2>/dev/null; done
}
start_pair() {
  local app=$1/cluster_app dir=$2 found=
  "$app" init "$dir" >/dev/null
  sed -i "s/127\.0\.0\.1\([12]\):/$3.1\1:/" "$dir/cluster.toml"
  printf 'bench\n' | "$app" -C "$dir" user add bench --password-stdin >/dev/null
  "$app" -C "$dir" up >"$dir/up.log" 2>&1 &
  ups+=($!)
  for _ in $(seq 150); do
    kill -0 "${ups[-1]}" 2>/dev/null || { cat "$dir/up.log" >&2; return 1; }
    found=$("$app" -C "$dir" status --json 2>/dev/null | python3 -c '
import json, sys
nodes = json.load(sys.stdin)["nodes"]
if all(node.get("mirroring") for node in nodes):
    print(*[pid for node in nodes for pid in node["processes"].values()])' || true)
    [ -z "$found" ] || { pids="$pids $found"; return 0; }
    read -rt 0.2 <> <(:) || true
  done
  echo "The pair does not mirror; see $dir/up.log" >&2
  return 1
}
