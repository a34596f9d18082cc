import {
  compareMembers,
  compareStrings,
  partitionsOf,
  type AssignableTopics,
  type GroupAssignment,
  type GroupMember,
  type PartitionAssignor,
} from './assignor.js';

/** All partitions of all topics, sorted, are dealt round the members that subscribe to them (`RoundRobinAssignor`). */
export const roundRobinAssignor: PartitionAssignor = {
  name: 'roundrobin',
  protocol: 'EAGER',
  assign(topics: AssignableTopics, members: readonly GroupMember[]): GroupAssignment {
    const assignment: GroupAssignment = new Map(members.map(({ memberId }) => [memberId, []]));
    const circle = [...members].sort(compareMembers);
    const subscribed = [...new Set(members.flatMap((member) => member.topics))].sort(compareStrings);
    let next = 0;
    for (const topic of subscribed) {
      for (const partition of partitionsOf(topic, topics.get(topic)?.partitions ?? 0)) {
        while (!circle[next]!.topics.includes(topic)) next = (next + 1) % circle.length;
        assignment.get(circle[next]!.memberId)!.push(partition);
        next = (next + 1) % circle.length;
      }
    }
    return assignment;
  },
};
