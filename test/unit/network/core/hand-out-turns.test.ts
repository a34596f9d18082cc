import { seededRandom } from '../../../../src/common/index.js';
import { HandOutTurns, type TurnTaker } from '../../../../src/network/core/hand-out-turns.js';

/** A loop of events in which only the handling of frames takes time. */
class Loop {
  nowMs = 0;
  /** What it takes to look at the clock. */
  lookMs = 0;
  private deferred: (() => void)[] = [];
  readonly turns = new HandOutTurns(
    () => (this.nowMs += this.lookMs),
    (step) => this.deferred.push(step),
  );
  /** Who handed out a frame, in order. */
  readonly handedOut: string[] = [];
  longestMs = 0;

  /** One turn: what is read first, then what was deferred before that ended. Gives how long it took. */
  turn(read: () => void = () => undefined): number {
    const startMs = this.nowMs;
    read();
    for (const step of this.deferred.splice(0)) step();
    const tookMs = this.nowMs - startMs;
    this.longestMs = Math.max(this.longestMs, tookMs);
    return tookMs;
  }

  untilRest(): void {
    for (let count = 0; this.deferred.length > 0; count++) {
      expect(count).toBeLessThan(100_000);
      this.turn();
    }
  }
}

/** A connection whose frames take so long each. */
class Client implements TurnTaker {
  closed = false;

  constructor(
    private readonly loop: Loop,
    private readonly name: string,
    private readonly frameMs: number,
    public left: number,
    readonly address = '10.0.0.1',
    readonly isOfBroker = false,
  ) {}

  goOn(): void {
    while (!this.closed && this.left > 0 && this.loop.turns.mayHandOut(this, this.isOfBroker)) {
      this.left--;
      this.loop.handedOut.push(this.name);
      this.loop.nowMs += this.frameMs;
    }
  }
}

test('short work is done at once, and who comes in the next turn has all of it', () => {
  const loop = new Loop();
  for (let turn = 0; turn < 3; turn++) {
    const client = new Client(loop, 'a', 1, 4);
    loop.turn(() => client.goOn());
    expect([client.left, loop.turns.waiting]).toEqual([0, 0]);
  }
});

test('one connection with hundreds of frames has a few of them a turn, and another is served between', () => {
  const loop = new Loop();
  const flood = new Client(loop, 'flood', 5, 400);
  loop.turn(() => flood.goOn());
  const other = new Client(loop, 'other', 0, 1);
  const handedOut = loop.handedOut.length;
  loop.turn(() => other.goOn());
  loop.turn();
  expect(loop.handedOut.indexOf('other') - handedOut).toBeLessThanOrEqual(1);
  loop.untilRest();
  expect(flood.left).toBe(0);
  // One of each turn's read and one of the line's.
  expect(loop.longestMs).toBeLessThanOrEqual(10);
});

test('who comes when there is no time left waits for one frame of each connection before him', () => {
  const loop = new Loop();
  const floods = Array.from({ length: 50 }, (_, at) => new Client(loop, `flood${at}`, 5, 100));
  const other = new Client(loop, 'other', 0, 1);
  loop.turn(() => {
    for (const flood of floods) flood.goOn();
    other.goOn();
  });
  while (other.left > 0) loop.turn();
  const before = loop.handedOut.slice(0, loop.handedOut.indexOf('other'));
  const counts = floods.map((_, at) => before.filter((name) => name === `flood${at}`).length);
  expect(Math.max(...counts)).toBeLessThanOrEqual(2);
  expect(loop.longestMs).toBeLessThanOrEqual(10);
});

test('who comes while others wait from the turn before is behind them, however early in his turn he is read', () => {
  const loop = new Loop();
  const waiting = Array.from({ length: 20 }, (_, at) => new Client(loop, `waiting${at}`, 5, 1));
  loop.turn(() => {
    for (const client of waiting) client.goOn();
  });
  const fresh = new Client(loop, 'fresh', 5, 20);
  while (waiting.some(({ left }) => left > 0)) loop.turn(() => fresh.goOn());
  expect(loop.handedOut.slice(0, 20)).toEqual(waiting.map((_, at) => `waiting${at}`));
});

test('many connections of one short frame each share a turn of the line', () => {
  const loop = new Loop();
  const clients = Array.from({ length: 100 }, (_, at) => new Client(loop, `${at}`, 0.1, 1));
  loop.turn(() => {
    for (const client of clients) client.goOn();
  });
  loop.untilRest();
  expect(loop.handedOut).toEqual(clients.map((_, at) => `${at}`));
  expect(loop.longestMs).toBeLessThanOrEqual(10.2);
});

test('each of those that wait has its share of a turn', () => {
  const loop = new Loop();
  const clients = ['a', 'b', 'c', 'd'].map((name) => new Client(loop, name, 0.1, 1000));
  loop.turn(() => {
    loop.turns.mayHandOut(clients[0]!, false);
    loop.nowMs += 5;
    for (const client of clients) client.goOn();
  });
  for (const name of ['a', 'b', 'c', 'd']) {
    expect(loop.handedOut.filter((other) => other === name).length).toBeGreaterThanOrEqual(12);
  }
});

test('one of so many that their share is over before they begin hands out a frame all the same', () => {
  const loop = new Loop();
  const clients = Array.from({ length: 1000 }, (_, at) => new Client(loop, `${at}`, 0, 1));
  loop.turn(() => {
    loop.turns.mayHandOut(clients[0]!, false);
    loop.nowMs += 5;
    for (const client of clients) client.goOn();
    loop.lookMs = 0.01;
  });
  expect(loop.handedOut.length).toBeGreaterThan(100);
});

test('whoever waits is called, though another throws or closes meanwhile', () => {
  const loop = new Loop();
  const first = new Client(loop, 'first', 5, 1);
  const broken: TurnTaker = {
    address: '10.0.0.1',
    goOn() {
      throw new Error('an invariant is broken');
    },
  };
  const gone = new Client(loop, 'gone', 0, 1);
  const last = new Client(loop, 'last', 0, 1);
  loop.turn(() => first.goOn());
  const again = new Client(loop, 'again', 5, 1);
  expect(() =>
    loop.turn(() => {
      again.goOn();
      expect(loop.turns.mayHandOut(broken, false)).toBe(false);
      gone.goOn();
      last.goOn();
    }),
  ).toThrow('an invariant is broken');
  gone.closed = true;
  loop.turns.leave(gone);
  expect(loop.turns.waiting).toBe(1);
  loop.untilRest();
  expect([last.left, gone.left, loop.turns.waiting]).toEqual([0, 1, 0]);
});

test('a newcomer waits for a share of an address, not for all the connections of it', () => {
  const loop = new Loop();
  const crowd = Array.from({ length: 200 }, (_, at) => new Client(loop, `crowd${at}`, 3, 100));
  loop.turn(() => {
    for (const client of crowd) client.goOn();
  });
  const [newcomer, late] = ['10.0.0.2', '10.0.0.1'].map((address) => new Client(loop, address, 3, 2, address));
  const before = loop.handedOut.length;
  loop.turn(() => {
    newcomer!.goOn();
    late!.goOn();
  });
  while (newcomer!.left > 0) loop.turn();
  expect(loop.handedOut.slice(before).filter((name) => name.startsWith('crowd'))).toHaveLength(2);
  expect(late!.left).toBe(2);
});

test('a broker waits for no client, and clients have half of a turn beside brokers that never end', () => {
  const loop = new Loop();
  const clients = Array.from({ length: 200 }, (_, at) => new Client(loop, `client${at}`, 1, 100, `10.0.1.${at}`));
  loop.turn(() => {
    for (const client of clients) client.goOn();
  });
  // At once where only clients wait, and before them where there is no time left to read.
  const broker = new Client(loop, 'broker', 1, 1, '10.0.0.2', true);
  const second = new Client(loop, 'broker', 5, 2, '10.0.0.3', true);
  const from = loop.handedOut.length;
  loop.turn(() => {
    broker.goOn();
    second.goOn();
  });
  expect(loop.handedOut.slice(from, from + 3)).toEqual(['broker', 'broker', 'broker']);

  const flood = new Client(loop, 'flood', 1, 1000, '10.0.0.4', true);
  loop.turn(() => flood.goOn());
  const start = loop.handedOut.length;
  for (let turn = 0; turn < 20; turn++) loop.turn(() => flood.goOn());
  const ofFlood = loop.handedOut.slice(start).filter((name) => name === 'flood').length;
  expect(ofFlood).toBeGreaterThanOrEqual(20 * 2);
  expect(loop.handedOut.length - start - ofFlood).toBeGreaterThanOrEqual(20 * 2);
});

test('one client’s frame has its turn in each turn of the loop, however long those of brokers take', () => {
  const loop = new Loop();
  const flood = new Client(loop, 'flood', 20, 10, '10.0.0.4', true);
  const client = new Client(loop, 'client', 20, 5);
  loop.turn(() => {
    flood.goOn();
    client.goOn();
  });
  for (let turn = 0; turn < 4; turn++) loop.turn();
  expect([flood.left, client.left]).toEqual([4, 0]);
});

test.each(Array.from({ length: 50 }, (_, seed) => seed))(
  'seed %i: whoever comes from an address of his own waits for one share of each other address of his line',
  (seed) => {
    const random = seededRandom(seed);
    const loop = new Loop();
    /** Of those who have handed out something since the newcomer came: the line and the address. */
    let shares: string[] = [];
    class Sharing extends Client {
      override goOn(): void {
        const before = this.left;
        super.goOn();
        if (this.left < before) shares.push(`${this.isOfBroker} ${this.address}`);
      }
    }
    const crowd = Array.from({ length: 200 }, (_, at) => {
      const frameMs = random.nextInt(10) === 0 ? 5 : 0.01 + random.nextInt(100) / 100;
      return new Sharing(loop, `${at}`, frameMs, 0, `10.0.0.${random.nextInt(1 + random.nextInt(5))}`, at % 10 === 0);
    });
    const read = (): void => {
      for (const client of crowd) {
        if (random.nextInt(10) > 0) continue;
        client.left = Math.max(client.left, 1 + random.nextInt(40));
        client.goOn();
      }
    };
    let waited = 0;
    for (let round = 0; round < 50; round++) {
      const newcomer = new Sharing(loop, 'new', 0.1, 1, `10.1.0.${round}`, random.nextInt(2) === 0);
      loop.turn(() => {
        read();
        shares = [];
        newcomer.goOn();
      });
      for (let turns = 0; newcomer.left > 0; turns++) {
        expect(turns).toBeLessThan(100);
        loop.turn(read);
      }
      const before = shares.slice(0, shares.indexOf(`${newcomer.isOfBroker} ${newcomer.address}`));
      const ofHisLine = before.filter((share) => share.startsWith(`${newcomer.isOfBroker} `));
      if (ofHisLine.length > 0) waited++;
      expect(new Set(ofHisLine).size).toBe(ofHisLine.length);
    }
    expect(waited).toBeGreaterThan(0);
  },
);

test.each(Array.from({ length: 50 }, (_, seed) => seed))(
  'seed %i: every frame is handed out, and no turn is long',
  (seed) => {
    const random = seededRandom(seed);
    const loop = new Loop();
    const clients = Array.from({ length: 300 }, (_, at) => {
      const frameMs = random.nextInt(10) === 0 ? 5 : random.nextInt(100) / 100;
      return new Client(loop, `${at}`, frameMs, 0);
    });
    let expected = 0;
    for (let turn = 0; turn < 100; turn++) {
      loop.turn(() => {
        for (const client of clients) {
          if (random.nextInt(20) > 0) continue;
          if (random.nextInt(30) === 0) {
            client.closed = true;
            loop.turns.leave(client);
          }
          if (client.closed) continue;
          const count = 1 + random.nextInt(4);
          client.left += count;
          expected += count;
          client.goOn();
        }
      });
    }
    loop.untilRest();
    const unserved = clients.filter(({ closed }) => closed).reduce((sum, { left }) => sum + left, 0);
    expect(loop.handedOut.length + unserved).toBe(expected);
    expect(clients.filter(({ closed, left }) => !closed && left > 0)).toEqual([]);
    // The read's and the line's, each with one frame of five milliseconds more.
    expect(loop.longestMs).toBeLessThanOrEqual(20);
  },
);
