#!/bin/sh
# A whole cluster on this machine, ZooKeeper and brokers: scripts/cluster.sh help says how. The work is done in src/cli/cluster.
exec "$(dirname "$(readlink -f "$0")")/../bin/ottla" cluster "$@"
