#!/bin/sh
# ZooKeeper's own shell: zookeeper-shell.sh HOST:PORT[/chroot] [COMMAND ARGUMENTS]
if [ $# -lt 1 ]; then echo "USAGE: $0 zookeeper_host:port[/path] [args...]" >&2; exit 1; fi
exec "$(dirname "$(readlink -f "$0")")/../zk/server" shell "$@"
