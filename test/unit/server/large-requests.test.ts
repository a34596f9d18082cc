import { runInSlices, silentLogger, type Clock, type Steps } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import {
  decodeResponseFrame,
  describeGroupsRequest,
  describeGroupsResponse,
  fetchRequest,
  fetchResponse,
  listGroupsRequest,
  listGroupsResponse,
  updateMetadataRequest,
  updateMetadataResponse,
  type DescribeGroupsResponse,
} from '../../../src/protocol/index.js';
import { noQuotas } from '../../../src/security/index.js';
import { handler, LATER, type ApiHandler } from '../../../src/server/handler.js';
import { LargeRequests, type LargeRequest } from '../../../src/server/large-requests.js';
import type { BrokerServices } from '../../../src/server/services.js';
import { frameOf, requestOf } from './request-of.js';

const COUNT = 20_000;
const names = Array.from({ length: COUNT }, (_, at) => `g${at}`);

/** A clock on which each look at the time takes a millisecond, so that a slice is of some steps; it counts the turns. */
function busyClock(): {
  clock: Clock;
  turns: () => number;
  run: (afterTurn?: () => void) => void;
  runTimers: () => void;
} {
  const tasks: (() => void)[] = [];
  const timers = new Set<() => void>();
  let nowMs = 0;
  let turns = 0;
  const clock = {
    ...new SimulatedClock(),
    monotonicMs: () => nowMs++,
    defer: (task: () => void) => void tasks.push(task),
    setTimer: (_delayMs: number, task: () => void) => {
      timers.add(task);
      return { cancel: () => timers.delete(task) };
    },
  };
  const run = (afterTurn: () => void = () => undefined): void => {
    for (let task = tasks.shift(); task; task = tasks.shift()) {
      turns++;
      task();
      afterTurn();
    }
  };
  const runTimers = (): void => {
    for (const task of timers) task();
  };
  return { clock: clock as unknown as Clock, turns: () => turns, run, runTimers };
}

function services(clock: Clock, largeRequests = new LargeRequests(clock, 1e9)): BrokerServices {
  const groups = { numGroups: 0, numMembers: () => 0 };
  return { clock, largeRequests, groups, logger: silentLogger, quotas: noQuotas } as unknown as BrokerServices;
}

interface Sent {
  answer: object | null;
  closed: string | null;
  why: unknown;
  bytesHeld: boolean;
}

function send(
  api: ApiHandler,
  version: number,
  body: object,
  parts: BrokerServices,
  change?: (frame: Buffer) => void,
): Sent {
  return sendAs('c', api, version, body, parts, change);
}

function sendAs(
  clientId: string,
  { api, handle }: ApiHandler,
  version: number,
  body: object,
  parts: BrokerServices,
  change: (frame: Buffer) => void = () => undefined,
): Sent {
  const sent: Sent = { answer: null, closed: null, why: undefined, bytesHeld: true };
  const frame = frameOf(api.key, version, body, clientId);
  change(frame);
  const request = requestOf(frame, {
    answered: (_request, chunks) => {
      if (chunks) sent.answer = decodeResponseFrame(api.key, version, Buffer.concat(chunks).subarray(4)).body;
    },
    refused: (reason, why) => void ([sent.closed, sent.why] = [reason, why]),
  });
  handle(request, parts);
  request.handedOut({
    releaseMemory: () => void (sent.bytesHeld = false),
    end: () => void (sent.bytesHeld = false),
  });
  return sent;
}

const describeGroups = handler(describeGroupsRequest, describeGroupsResponse, ({ groups }) => ({
  groups: groups.map((groupId) => ({ groupId, groupState: 'Dead' })),
}));

test('a request of thousands of elements is decoded and answered in many turns, and whole', () => {
  const { clock, turns, run } = busyClock();
  const sent = send(describeGroups, 5, { groups: names }, services(clock));
  expect([sent.answer, sent.bytesHeld]).toEqual([null, true]);
  run();
  expect((sent.answer as DescribeGroupsResponse).groups.map(({ groupId }) => groupId)).toEqual(names);
  expect(turns()).toBeGreaterThan(10);
  expect(sent.bytesHeld).toBe(false);
});

test('a request of a few elements in a large frame has its part of the memory, as one of thousands has', () => {
  const { clock, run } = busyClock();
  const large = new LargeRequests(clock, 1_000_000);
  const body = { groups: Array.from({ length: 10 }, () => 'g'.repeat(10_000)) };
  const outcomes = [new Promise<never>(() => undefined), LATER] as const;
  const kept = outcomes.map((outcome) => {
    const { closed } = send(
      handler(describeGroupsRequest, describeGroupsResponse, () => outcome),
      4,
      body,
      services(clock, large),
    );
    run();
    expect(closed).toBeNull();
    return [large.usedBytes > 100_000, large.keptBytes > 100_000];
  });
  // While it is handled; and another one while it waits for others.
  expect(kept).toEqual([
    [true, false],
    [true, true],
  ]);
});

test('a request of some hundred elements counts while it waits for whatever is promised', async () => {
  const { clock, run } = busyClock();
  const large = new LargeRequests(clock, 1e9);
  let answer: (groups: object) => void;
  const promised = new Promise<object>((resolve) => (answer = resolve));
  const sent = send(
    handler(describeGroupsRequest, describeGroupsResponse, () => promised),
    4,
    { groups: names.slice(0, 1500) },
    services(clock, large),
  );
  expect(large.keptBytes).toBeGreaterThan(50_000);
  answer!({ groups: [] });
  await promised;
  run();
  expect([sent.answer !== null, large.keptBytes]).toEqual([true, 0]);
});

test('a request of some hundred elements is answered within the call', () => {
  const { clock } = busyClock();
  expect(send(describeGroups, 5, { groups: names.slice(0, 500) }, services(clock)).answer).not.toBeNull();
});

test('an answer of thousands of elements is encoded in many turns, however small its request', () => {
  const { clock, turns, run } = busyClock();
  const listGroups = handler(listGroupsRequest, listGroupsResponse, () => ({
    groups: names.map((groupId) => ({ groupId })),
  }));
  const sent = send(listGroups, 4, {}, services(clock));
  expect(sent.answer).toBeNull();
  run();
  expect(sent.answer).toMatchObject({ groups: names.map((groupId) => ({ groupId })) });
  expect(turns()).toBeGreaterThan(3);
});

test('an answer that is being encoded is the only one: what fails later is too late', () => {
  const { clock, run } = busyClock();
  const listGroups = handler(listGroupsRequest, listGroupsResponse, (_request, context) => {
    context.respond({ groups: names.map((groupId) => ({ groupId })) });
    context.fail(new Error('too late'));
    return LATER;
  });
  const sent = send(listGroups, 4, {}, services(clock));
  run();
  expect((sent.answer as { errorCode: number }).errorCode).toBe(0);
});

describe('memory', () => {
  test('a request that would take more than there is costs its connection, before anything is made of it', () => {
    const { clock, run } = busyClock();
    const large = new LargeRequests(clock, COUNT * 100);
    let isHandled = false;
    const api = handler(describeGroupsRequest, describeGroupsResponse, () => {
      isHandled = true;
      return {};
    });
    const sent = send(api, 5, { groups: names }, services(clock, large));
    run();
    expect(sent).toMatchObject({
      answer: null,
      closed: 'Closed a connection for a request of more elements than there is memory for',
      why: `DescribeGroups of ${COUNT} elements`,
      bytesHeld: false,
    });
    expect([isHandled, large.usedBytes]).toEqual([false, 0]);
  });

  /** Room for one and a half requests of `names`. */
  const roomForOne = (clock: Clock): LargeRequests => new LargeRequests(clock, COUNT * 240 * 1.5);

  test('a request waits for those before it, and comes when one of them is handled', () => {
    const { clock, run } = busyClock();
    const large = roomForOne(clock);
    const finish: (() => void)[] = [];
    const api = handler(describeGroupsRequest, describeGroupsResponse, ({ groups }) => {
      const answer = { groups: groups.map((groupId) => ({ groupId })) };
      return new Promise<typeof answer>((resolve) => finish.push(() => resolve(answer)));
    });
    const sent = [names, names].map((groups) => send(api, 5, { groups }, services(clock, large)));
    run();
    expect([finish.length, large.size]).toEqual([1, 1]);
    finish[0]!();
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      run();
      expect([finish.length, large.size]).toEqual([2, 0]);
      expect(sent.map(({ answer }) => answer !== null)).toEqual([true, false]);
    });
  });

  test('a request that waits too long for those before it costs its connection', () => {
    const { clock, run, runTimers } = busyClock();
    const large = roomForOne(clock);
    const never = new Promise<typeof LATER>(() => undefined);
    const api = handler(describeGroupsRequest, describeGroupsResponse, () => never);
    const sent = [names, names].map((groups) => send(api, 5, { groups }, services(clock, large)));
    run();
    runTimers();
    const closed = 'Closed a connection for a large request that waited while memory is short';
    expect(sent.map((one) => one.closed)).toEqual([null, closed]);
    expect(large.size).toBe(0);
  });

  test('a request whose answer others bring about keeps no one waiting', () => {
    const { clock, run } = busyClock();
    const large = roomForOne(clock);
    const api = handler(describeGroupsRequest, describeGroupsResponse, () => LATER);
    const all = [names, names, names].map((groups) => send(api, 5, { groups }, services(clock, large)));
    run();
    expect([large.size, large.usedBytes]).toEqual([0, 0]);
    expect(all.map(({ answer, bytesHeld }) => [answer, bytesHeld])).toEqual(all.map(() => [null, false]));
  });

  test("a broker's request does not wait for a client's", () => {
    const { clock, run } = busyClock();
    const large = roomForOne(clock);
    const never = new Promise<typeof LATER>(() => undefined);
    const parts = services(clock, large);
    send(
      handler(describeGroupsRequest, describeGroupsResponse, () => never),
      5,
      { groups: names },
      parts,
    );
    run();
    expect(large.usedBytes).toBeGreaterThan(0);
    const replicas = [{ topicName: 't', partitionStates: [{ partitionIndex: 0, replicas: names.map((_, at) => at) }] }];
    const update = handler(updateMetadataRequest, updateMetadataResponse, () => ({}));
    const topics = [{ topic: 't', partitions: names.map((_, partition) => ({ partition })) }];
    const fetch = handler(fetchRequest, fetchResponse, () => ({}));
    const waits = send(fetch, 12, { topics }, parts);
    const sent = [
      send(update, 7, { topicStates: replicas }, parts),
      sendAs(
        'broker-3-fetcher-0',
        fetch,
        12,
        { topics: [{ ...topics[0], partitions: topics[0]!.partitions.slice(0, 5000) }] },
        parts,
      ),
    ];
    run();
    expect(sent.map(({ answer }) => answer !== null)).toEqual([true, true]);
    expect(waits.answer).toBeNull();
  });

  test.each([
    ['does not decode', (frame: Buffer) => void frame.fill(0xff, 600), describeGroups],
    [
      'fails',
      () => undefined,
      handler(describeGroupsRequest, describeGroupsResponse, () => {
        throw new Error('a bug');
      }),
    ],
    [
      'is answered with what does not encode',
      () => undefined,
      handler(describeGroupsRequest, describeGroupsResponse, () => ({ groups: [{ errorCode: 100_000 }] })),
    ],
    [
      'is refused by its handler',
      () => undefined,
      handler(describeGroupsRequest, describeGroupsResponse, (_request, { request }) => {
        request.closeConnection('no');
        return LATER;
      }),
    ],
  ])('a large request that %s leaves nothing behind', (_what, change, api) => {
    const { clock, run } = busyClock();
    const large = new LargeRequests(clock, 1e9);
    const sent = send(api, 5, { groups: names }, services(clock, large), change);
    run();
    expect([large.usedBytes, large.size, sent.bytesHeld]).toEqual([0, 0, false]);
    expect(sent.answer !== null || sent.closed !== null).toBe(true);
  });

  /** Requests that note their names when they are let in, and when they are pushed out. */
  function lane(maxBytes: number) {
    const { clock, run } = busyClock();
    const large = new LargeRequests(clock, maxBytes);
    const order: string[] = [];
    const enter = (name: string, address: string, bytes: number): LargeRequest => {
      const request = large.request('client', address, bytes, {
        onEntered: () => void order.push(name),
        onPushedOut: () => void order.push(`${name} is out`),
      });
      request.enter();
      return request;
    };
    return { large, order, enter, run };
  }

  test('those who wait are let in one after the other in turns of their own, never inside of what leaves', () => {
    const { order, enter, run } = lane(100);
    const first = enter('a', '1', 100);
    const second = enter('b', '1', 100);
    enter('c', '1', 100);
    expect(order).toEqual(['a']);
    first.leave();
    expect(order).toEqual(['a']);
    run();
    expect(order).toEqual(['a', 'b']);
    first.leave();
    run();
    expect(order).toEqual(['a', 'b']);
    second.leave();
    run();
    expect(order).toEqual(['a', 'b', 'c']);
  });

  test('whatever one address has under way, and has waiting, a small one of another is let in at once', () => {
    const { large, order, enter } = lane(1000);
    for (let at = 0; at < 50; at++) enter('stranger', 'far', at % 2 === 0 ? 1000 : 100);
    expect(large.size).toBeGreaterThan(40);
    order.length = 0;
    enter('controller', 'near', 50);
    expect(order).toEqual(['controller']);
  });

  test('what waits for others keeps no one waiting, and goes, that of the address which has most of it first, when room is needed', () => {
    const { large, order, enter } = lane(100);
    enter('a', 'near', 40).leaveToOthers();
    for (let at = 0; at < 10; at++) enter(`${at}`, 'far', 80).leaveToOthers();
    expect([large.usedBytes, large.size, large.keptBytes]).toEqual([0, 0, 200]);
    expect(order).toEqual(['a', '0', '1', '0 is out', '2', '1 is out', ...order.slice(6)]);
    expect(order.filter((name) => name.endsWith('out'))).toHaveLength(8);
    expect(order).not.toContain('a is out');
    enter('b', 'near', 100);
    expect([large.usedBytes, large.keptBytes]).toEqual([100, 40]);
    enter('c', 'third', 50);
    expect([large.usedBytes, large.keptBytes]).toEqual([150, 40]);
    enter('d', 'fourth', 25);
    expect([large.usedBytes, large.keptBytes]).toEqual([175, 0]);
  });

  test('who waits for his turn to ask ZooKeeper is left to others, and pushed out has none', () => {
    const { large, order, enter, run } = lane(100);
    const ask = (name: string, address: string, bytes: number): LargeRequest => {
      const request = enter(name, address, bytes);
      request.askZooKeeper(() => void order.push(`${name} asks`));
      return request;
    };
    // One in its room of 25 bytes, and one that overdraws.
    const asking = [ask('a', 'near', 12), ask('b', 'near', 70)];
    const [c] = [ask('c', 'near', 60), ask('d', 'far', 40)];
    expect([large.usedBytes, large.atZooKeeperBytes, large.keptBytes]).toEqual([0, 82, 100]);
    expect(order).toEqual(['a', 'a asks', 'b', 'b asks', 'c', 'd']);
    order.length = 0;
    enter('e', 'far', 50);
    expect([order, large.keptBytes]).toEqual([['c is out', 'e'], 40]);
    c.leave();
    for (const request of asking) request.leaveToOthers();
    run();
    expect(order).toEqual(['c is out', 'e', 'd asks']);
    expect([large.atZooKeeperBytes, large.keptBytes]).toEqual([40, 82]);
    for (const request of asking) request.leave();
    expect(large.keptBytes).toBe(0);
  });

  test('a heap is shared out: an eighth of it for clients, another for brokers, and as much again for those that overdraw', () => {
    expect(LargeRequests.forHeap(new SimulatedClock(), 8e9).maxBytes).toBe(1e9);
  });
});

test('what brokers ask for goes on beside a crowd of clients as if they were one', () => {
  const turnsOf = (clientId: string): number => {
    const { clock, turns, run } = busyClock();
    let isOver = false;
    function* crowd(): Steps<void> {
      while (!isOver) yield;
    }
    for (let at = 0; at < 30; at++) void runInSlices(clock, crowd());
    const fetch = handler(fetchRequest, fetchResponse, () => ({}));
    const partitions = names.slice(0, 5000).map((_, partition) => ({ partition }));
    const sent = sendAs(clientId, fetch, 12, { topics: [{ topic: 't', partitions }] }, services(clock));
    let count = 0;
    run(() => {
      if (sent.answer === null) count = turns();
      else isOver = true;
    });
    expect(sent.answer).not.toBeNull();
    return count;
  };
  expect(3 * turnsOf('broker-7-fetcher-0')).toBeLessThan(turnsOf('c'));
});
