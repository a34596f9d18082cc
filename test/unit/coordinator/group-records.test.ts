import { MemberMetadata } from '../../../src/coordinator/core/member-metadata.js';
import { GroupMetadata } from '../../../src/coordinator/core/group-metadata.js';
import { decodeGroupMetadataValue, encodeGroupMetadataValue } from '../../../src/coordinator/group-records.js';

test('members that were read from the log have their own bytes, not those of the batch, which would stay in memory with them', () => {
  const [subscription, assignment] = [Buffer.from('subscribed'), Buffer.from('assigned')];
  const protocols = [{ name: 'range', metadata: subscription }];
  const group = new GroupMetadata('g', 'Stable', 0);
  group.protocolType = 'consumer';
  group.protocolName = 'range';
  group.add(new MemberMetadata('m', null, 'c', '/127.0.0.1', 300_000, 45_000, 'consumer', protocols));
  const batch = encodeGroupMetadataValue(group, new Map([['m', assignment]]));
  const [member] = decodeGroupMetadataValue('g', batch, 0).allMembers();
  batch.fill(0);
  expect([String(member!.metadataFor('range')), String(member!.assignment)]).toEqual(['subscribed', 'assigned']);
});
