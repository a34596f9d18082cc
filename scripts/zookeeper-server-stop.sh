#!/bin/sh
# Tells every ZooKeeper server of this user on this machine to stop, as Kafka's script does.
pids=$(pgrep -u "$(id -u)" -f 'java .*org\.apache\.zookeeper\.server\.quorum\.QuorumPeerMain')
if [ -z "$pids" ]; then echo 'No zookeeper server to stop'; exit 1; fi
# shellcheck disable=SC2086
kill -s TERM $pids
