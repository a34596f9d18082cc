#!/bin/sh
# One ZooKeeper server, called as ZooKeeper's script is: zkServer.sh start|start-foreground|stop|restart|status [FILE]
here="$(dirname "$(readlink -f "$0")")"
server="$here/../zk/server"
config=${2:-${ZOOCFG:-$here/config/zookeeper.properties}}
case ${1:-} in
  start) exec "$server" start "$config" ;;
  start-foreground) exec "$server" run "$config" ;;
  stop) exec "$server" stop "$config" ;;
  restart) "$server" stop "$config"; exec "$server" start "$config" ;;
  status) exec "$server" status "$config" ;;
  *) echo "Usage: $0 {start|start-foreground|stop|restart|status} [config]" >&2; exit 1 ;;
esac
