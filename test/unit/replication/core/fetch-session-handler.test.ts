import { ZERO_UUID } from '../../../../src/common/index.js';
import { FetchSessionHandler, type SentPartition } from '../../../../src/replication/core/fetch-session-handler.js';
import { ErrorCode } from '../../../../src/protocol/index.js';

const A = 'AAAAAAAAAAAAAAAAAAAAEQ';
const B = 'AAAAAAAAAAAAAAAAAAAAEg';

const wanted = (partition: number, fetchOffset = 0, topicId = ZERO_UUID): SentPartition => ({
  key: `t-${partition}`,
  topic: 't',
  partition,
  topicId,
  fetchOffset,
  logStartOffset: 0,
  maxBytes: 100,
  currentLeaderEpoch: 1,
  lastFetchedEpoch: 1,
});

/** A handler with the wishes of its owner. */
function fetcher(...partitions: SentPartition[]) {
  const handler = new FetchSessionHandler();
  const wishes = new Map(partitions.map((one) => [one.key, one]));
  const build = (changed: Iterable<string> = wishes.keys()) => handler.build(changed, (key) => wishes.get(key) ?? null);
  const respond = (sessionId: number, keys: (string | null)[], errorCode = 0) =>
    handler.handleResponse({ errorCode, sessionId, throttleTimeMs: 0, keys });
  return { handler, wishes, build, respond };
}

test('begins with a full request, goes on with what changed, and counts epochs', () => {
  const { wishes, build, respond } = fetcher(wanted(0), wanted(1));
  expect(build()).toMatchObject({ sessionId: 0, epoch: 0, toSend: [{ partition: 0 }, { partition: 1 }] });
  expect(respond(77, ['t-0', 't-1'])).toBe(true);
  wishes.set('t-1', wanted(1, 5));
  wishes.set('t-2', wanted(2));
  expect(build(['t-0', 't-1', 't-2'])).toMatchObject({
    sessionId: 77,
    epoch: 1,
    toSend: [{ partition: 1, fetchOffset: 5 }, { partition: 2 }],
    toForget: [],
  });
  expect(respond(77, ['t-2'])).toBe(true);
  wishes.delete('t-0');
  expect(build(['t-0', 't-9'])).toMatchObject({ sessionId: 77, epoch: 2, toSend: [], toForget: [{ partition: 0 }] });
});

test('asks in full again when no session was made', () => {
  const { build, respond } = fetcher(wanted(0));
  build();
  expect(respond(0, ['t-0'])).toBe(true);
  expect(build()).toMatchObject({ sessionId: 0, epoch: 0, toSend: [{ partition: 0 }] });
});

test.each([
  {
    title: 'forgets a session that the leader has forgotten',
    error: ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
    sessionId: 0,
  },
  { title: 'replaces a session that is out of step', error: ErrorCode.INVALID_FETCH_SESSION_EPOCH, sessionId: 77 },
])('$title', ({ error, sessionId }) => {
  const { build, respond } = fetcher(wanted(0));
  build();
  respond(77, ['t-0']);
  build([]);
  expect(respond(0, [], error)).toBe(false);
  expect(build()).toMatchObject({ sessionId, epoch: 0, toSend: [{ partition: 0 }] });
});

test('replaces the session after a request without an answer', () => {
  const { handler, build, respond } = fetcher(wanted(0));
  build();
  respond(77, ['t-0']);
  build([]);
  handler.handleError();
  expect(build()).toMatchObject({ sessionId: 77, epoch: 0, toSend: [{ partition: 0 }] });
});

test.each([
  { title: 'a full answer that lacks a partition', keys: ['t-0'] },
  { title: 'a full answer with a partition too many', keys: ['t-0', 't-1', 't-2'] },
  { title: 'a topic id that nobody asked for', keys: ['t-0', null] },
])('does not process $title', ({ keys }) => {
  const { build, respond } = fetcher(wanted(0), wanted(1));
  build();
  expect(respond(77, keys)).toBe(false);
  expect(build()).toMatchObject({ sessionId: 0, epoch: 0 });
});

test('does not process an incremental answer with a partition outside of the session', () => {
  const { build, respond } = fetcher(wanted(0));
  build();
  respond(77, ['t-0']);
  build([]);
  expect(respond(77, ['t-5'])).toBe(false);
  expect(build()).toMatchObject({ sessionId: 77, epoch: 0 });
});

test('speaks in topic ids only while every partition has one', () => {
  const { wishes, build, respond } = fetcher(wanted(0, 0, A));
  expect(build().canUseTopicIds).toBe(true);
  respond(77, ['t-0']);
  wishes.set('t-1', wanted(1));
  expect(build(['t-1']).canUseTopicIds).toBe(false);
  respond(77, []);
  wishes.delete('t-1');
  // The partition to forget has no id to be forgotten by.
  expect(build(['t-1']).canUseTopicIds).toBe(false);
  respond(77, []);
  expect(build([]).canUseTopicIds).toBe(true);
});

test('replaces a partition whose topic was made anew', () => {
  const { wishes, build, respond } = fetcher(wanted(0, 9, A));
  build();
  respond(77, ['t-0']);
  wishes.set('t-0', wanted(0, 0, B));
  expect(build(['t-0'])).toMatchObject({ toSend: [{ topicId: B }], toForget: [], toReplace: [{ topicId: A }] });
});
