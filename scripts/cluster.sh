#!/usr/bin/env bash
# A whole cluster on this machine: a ZooKeeper ensemble and brokers, all their state in one directory.
#
#   scripts/cluster.sh start  [--dir DIR] [--brokers N] [--zookeepers N] [--base-port P] [--config FILE]
#                                              returns when every broker knows of the controller and of all brokers
#   scripts/cluster.sh stop   [--dir DIR]      brokers first, ZooKeeper last; the data stays
#   scripts/cluster.sh status [--dir DIR]      one line for each process; exit 1 when one is missing
#   scripts/cluster.sh kill|term|restart BROKER [--dir DIR]
#   scripts/cluster.sh bootstrap [--dir DIR]   prints host:port,host:port… for --bootstrap-server
#   scripts/cluster.sh clean  [--dir DIR]      stops it and removes its data
#
# Brokers listen on P, P+1 …, ZooKeeper's members on P+100 …. Defaults: three of each, port 9092, data in .cache/cluster.
# The sizes are kept in DIR, so only the first `start` needs them. FILE holds more properties for every broker.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
die() { echo "cluster.sh: $*" >&2; exit 1; }

command=${1:-help}; [ $# -eq 0 ] || shift
dir=${OTTLA_CLUSTER_DIR:-$root/.cache/cluster}
brokers='' zookeepers='' base_port='' config='' words=()
while [ $# -gt 0 ]; do
  case $1 in
    --dir|--brokers|--zookeepers|--base-port|--config)
      [ $# -ge 2 ] || die "$1 needs a value"
      name=${1#--}; printf -v "${name//-/_}" %s "$2"; shift 2 ;;
    *) words+=("$1"); shift ;;
  esac
done
for value in "$brokers" "$zookeepers" "$base_port"; do
  [[ $value =~ ^[0-9]{0,5}$ ]] || die "$value is not a number that fits here"
done

load() {
  [ -r "$dir/cluster.conf" ] || die "no cluster in $dir; start one with: scripts/cluster.sh start --dir $dir"
  . "$dir/cluster.conf"
}
port_of() { echo $((base_port + $1 - 1)); }
file_of() { echo "$dir/server-$1.properties"; }
pid_of() { cat "$dir/broker-$1.pid" 2>/dev/null; }
bootstrap() { local i list=''; for ((i = 1; i <= brokers; i++)); do list=$list${list:+,}127.0.0.1:$(port_of "$i"); done; echo "$list"; }
is_running() {
  local pid; pid=$(pid_of "$1") || return 1
  [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null || return 1
  [ ! -r "/proc/$pid/cmdline" ] || tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "$(file_of "$1")"
}
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$(port_of "$1")") 2>/dev/null; }

write_config() {
  local replicas=$((brokers < 3 ? brokers : 3))
  {
    echo "broker.id=$1"
    echo "listeners=PLAINTEXT://127.0.0.1:$(port_of "$1")"
    echo "log.dirs=$dir/data-$1"
    echo "zookeeper.connect=$("$root/zk/ensemble" connect --dir "$dir/zookeeper")/kafka"
    echo "offsets.topic.replication.factor=$replicas"
    echo "transaction.state.log.replication.factor=$replicas"
    echo "transaction.state.log.min.isr=$((replicas < 2 ? 1 : 2))"
    [ -z "$config" ] || cat "$config"
  } > "$(file_of "$1")"
}
start_broker() {
  if is_running "$1"; then return 0; fi
  local detach=(); if command -v setsid >/dev/null; then detach=(setsid); fi
  "${detach[@]}" nohup "$root/bin/ottla" server start "$(file_of "$1")" >>"$dir/broker-$1.log" 2>&1 </dev/null &
  local pid=$! tries=0
  echo "$pid" > "$dir/broker-$1.pid"
  # Until the process has become the broker it has the command line of this script, and passes for somebody else's.
  while kill -0 "$pid" 2>/dev/null && ! is_running "$1" && [ $tries -lt 500 ]; do
    tries=$((tries + 1))
    sleep 0.01
  done
}
await_broker() {
  local tries=0
  until answers "$1"; do
    is_running "$1" || { tail -n 5 "$dir/broker-$1.log" >&2; die "broker $1 did not start; its log is $dir/broker-$1.log"; }
    tries=$((tries + 1)); [ $tries -lt 600 ] || die "broker $1 does not answer on port $(port_of "$1"); its log is $dir/broker-$1.log"
    sleep 0.05
  done
}
end_broker() { # broker, signal
  local pid tries=0; is_running "$1" || { rm -f "$dir/broker-$1.pid"; return 0; }
  pid=$(pid_of "$1"); kill -CONT "$pid" 2>/dev/null || true; kill "-$2" "$pid" 2>/dev/null || true
  while kill -0 "$pid" 2>/dev/null && is_running "$1"; do
    tries=$((tries + 1)); [ $tries -ne 600 ] || kill -KILL "$pid" 2>/dev/null || true
    sleep 0.05
  done
  rm -f "$dir/broker-$1.pid"
}
need_broker() {
  [ ${#words[@]} -eq 1 ] && [[ ${words[0]} =~ ^[0-9]+$ ]] && ((words[0] >= 1 && words[0] <= brokers)) || die "$command needs the number of a broker, 1 to $brokers"
}

case $command in
  start)
    mkdir -p "$dir"; dir=$(cd "$dir" && pwd)
    if [ -r "$dir/cluster.conf" ]; then
      . "$dir/cluster.conf"
    else
      brokers=${brokers:-3} zookeepers=${zookeepers:-3} base_port=${base_port:-9092}
      printf 'brokers=%s zookeepers=%s base_port=%s\n' "$brokers" "$zookeepers" "$base_port" > "$dir/cluster.conf"
    fi
    "$root/zk/ensemble" start --dir "$dir/zookeeper" --members "$zookeepers" --base-port $((base_port + 100))
    for ((i = 1; i <= brokers; i++)); do [ -e "$(file_of "$i")" ] || write_config "$i"; start_broker "$i"; done
    for ((i = 1; i <= brokers; i++)); do await_broker "$i"; done
    "$root/bin/ottla" server await "$(bootstrap)" || die "the brokers do not hear of each other; their logs are in $dir"
    echo "brokers: $(bootstrap)"
    echo "zookeeper: $("$root/zk/ensemble" connect --dir "$dir/zookeeper")/kafka" ;;
  stop) load
    for ((i = 1; i <= brokers; i++)); do end_broker "$i" TERM & done; wait
    "$root/zk/ensemble" stop --dir "$dir/zookeeper" ;;
  status) load
    missing=0
    "$root/zk/ensemble" status --dir "$dir/zookeeper" || missing=1
    for ((i = 1; i <= brokers; i++)); do
      if is_running "$i" && answers "$i"; then echo "broker $i: 127.0.0.1:$(port_of "$i"), pid $(pid_of "$i")"
      else echo "broker $i: not running"; missing=1; fi
    done
    exit $missing ;;
  kill) load; need_broker; end_broker "${words[0]}" KILL ;;
  term) load; need_broker; end_broker "${words[0]}" TERM ;;
  restart) load; need_broker; end_broker "${words[0]}" TERM; start_broker "${words[0]}"; await_broker "${words[0]}"
    "$root/bin/ottla" server await "127.0.0.1:$(port_of "${words[0]}")" || die "broker ${words[0]} hears of no controller" ;;
  bootstrap) load; bootstrap ;;
  clean)
    if [ -r "$dir/cluster.conf" ]; then
      load
      for ((i = 1; i <= brokers; i++)); do end_broker "$i" KILL & done; wait
      [ ! -d "$dir/zookeeper" ] || "$root/zk/ensemble" clean --dir "$dir/zookeeper"
      rm -rf "$dir"
    fi ;;
  help|-h|--help) usage ;;
  *) usage >&2; exit 1 ;;
esac
