#!/bin/sh
# Starts one ZooKeeper server: zookeeper-server-start.sh [-daemon] zookeeper.properties
root="$(dirname "$(readlink -f "$0")")/.."
action=run
if [ "${1:-}" = -daemon ]; then action=start; shift; fi
if [ $# -lt 1 ]; then echo "USAGE: $0 [-daemon] zookeeper.properties" >&2; exit 1; fi
exec "$root/zk/server" "$action" "$@"
