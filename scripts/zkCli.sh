#!/bin/sh
# ZooKeeper's own shell, called as ZooKeeper's script is: zkCli.sh [-server HOST:PORT] [COMMAND ARGUMENTS]
server=127.0.0.1:2181
if [ "${1:-}" = -server ]; then server=$2; shift 2; fi
exec "$(dirname "$(readlink -f "$0")")/../zk/server" shell "$server" "$@"
