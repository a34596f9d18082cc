/**
 * Thousands of connections that do what clients do, and what they should not, under a clock that stands still and a seed: half frames, bytes
 * now and then, requests without a pause, clients that do not read, go away, or send no frames; handlers that answer at once, later, out of
 * their turn, hold on to their frames, or throw. The core's own assertions hold throughout (`RequestMemory`, `Frame`, `AnswerOrder`); what is
 * counted is the sum of what was taken; brokers are read at once whatever clients do; and when it is over all who behaved are answered.
 */
import { seededRandom, type Random } from '../../../src/common/index.js';
import type { Request } from '../../../src/network/index.js';
import type { FrameMemory } from '../../../src/network/core/request-memory.js';
import { SENDER_CLASSES } from '../../../src/network/core/sender-class.js';
import { Crowd, requestOf, type FakeConnection } from './support/crowd.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const CAPACITY_BYTES = 4 * MIB;
const MAX_FRAME_BYTES = 4 * MIB;
const CONNECTIONS = 2000;
const ROUNDS = 30;
const LARGE_HOST_BYTES = 30_000;
/** A broker's frame waits for other brokers' alone. */
const BROKER_READ_MS = 100;

const FIRST_SEED = Number(process.env['OTTLA_SEED'] ?? 1);
const SEEDS = Array.from({ length: 4 }, (_, i) => FIRST_SEED + i);

type Role = 'steady' | 'pipeliner' | 'half' | 'trickler' | 'deaf' | 'leaver' | 'liar' | 'broker';
const ROLES: readonly Role[] = ['steady', 'steady', 'pipeliner', 'half', 'half', 'trickler', 'deaf', 'leaver', 'liar'];

class Client {
  /** Correlation ids of what was sent whole, in order. */
  readonly asked: number[] = [];
  isExcused = false;

  constructor(
    readonly role: Role,
    readonly connection: FakeConnection,
  ) {}

  get isHonest(): boolean {
    return this.role === 'steady' || this.role === 'pipeliner' || this.role === 'broker';
  }

  get isWaiting(): boolean {
    return this.connection.answers.length < this.asked.length;
  }
}

class Simulation {
  readonly crowd: Crowd;
  readonly clients = new Map<string, Client>();
  /** Requests that wait for something that comes at the end. */
  private readonly unanswered: Request[] = [];
  private readonly accounts = new Set<FrameMemory>();
  private readAheadBytes = 0;
  private readonly sentMs = new Map<number, number>();
  private nextId = 1;
  longestBrokerReadMs = 0;
  peakBytes = 0;

  constructor(private readonly random: Random) {
    this.crowd = new Crowd(
      random,
      { maxRequestBytes: MAX_FRAME_BYTES, requestMemoryBytes: CAPACITY_BYTES },
      (request) => this.handle(request),
    );
    const { memory } = this.crowd.server;
    const take = memory.take.bind(memory);
    jest.spyOn(memory, 'take').mockImplementation((senderClass, bytes, owner) => {
      const account = take(senderClass, bytes, owner);
      this.accounts.add(account);
      return account;
    });
    const release = memory.release.bind(memory);
    jest.spyOn(memory, 'release').mockImplementation((account) => {
      this.accounts.delete(account);
      release(account);
    });
    const countReadAhead = memory.countReadAhead.bind(memory);
    jest.spyOn(memory, 'countReadAhead').mockImplementation((change) => {
      this.readAheadBytes += change;
      countReadAhead(change);
    });
  }

  async start(): Promise<void> {
    await this.crowd.bind('CLIENTS', 'BROKERS');
  }

  connect(): void {
    const role = this.clients.size % 500 === 0 ? 'broker' : ROLES[this.random.nextInt(ROLES.length)]!;
    const host = `h${this.clients.size}`;
    const client = new Client(role, this.crowd.connect(host, role === 'broker' ? 2 : 1));
    client.connection.isDeaf = role === 'deaf';
    this.clients.set(host, client);
  }

  act(): void {
    const hosts = [...this.clients.values()];
    const { random } = this;
    for (let count = 0; count < 400; count++) {
      const client = hosts[random.nextInt(hosts.length)]!;
      const { connection } = client;
      if (connection.isClosed) continue;
      switch (client.role) {
        case 'steady':
        case 'deaf':
          if (!client.isWaiting) this.ask(client, this.size());
          break;
        case 'leaver':
          if (random.nextInt(3) === 0) connection.vanish();
          else this.ask(client, this.size());
          break;
        case 'pipeliner':
          if (!client.isWaiting)
            for (let i = random.nextInt(20); i >= 0; i--) this.ask(client, 100 + random.nextInt(20_000), i === 0);
          break;
        case 'half':
          if (connection.unreadByServer === 0 && client.asked.length === 0) this.sendHalf(client);
          break;
        case 'trickler':
          if (client.asked.length === 0) this.sendHalf(client);
          else connection.send(Buffer.alloc(1));
          break;
        case 'liar':
          connection.send(random.nextInt(2) === 0 ? Buffer.alloc(4, 0xff) : Buffer.alloc(10_000, 0x7f));
          break;
        case 'broker':
          break;
      }
    }
    for (const client of hosts) if (client.role === 'broker' && !client.isWaiting) this.ask(client, this.size());
  }

  /** Moves on, and looks at what must hold. */
  moveOn(ms: number): void {
    this.crowd.run(ms);
    const { memory } = this.crowd.server;
    let held = this.readAheadBytes;
    for (const { isGranted, bytes } of this.accounts) if (isGranted) held += bytes;
    expect(memory.used).toBe(held);
    this.peakBytes = Math.max(this.peakBytes, held);
    for (const name of SENDER_CLASSES) {
      // Whoever waits at rest waits for someone: for one that overdraws, at the least.
      if (memory.isShortFor(name)) expect(memory.heldBy(name)).toBeGreaterThan(0);
    }
  }

  end(): void {
    for (const { role, connection } of this.clients.values()) {
      if (role === 'deaf') connection.listen();
      else if (role !== 'steady' && role !== 'pipeliner' && role !== 'broker') connection.vanish();
    }
    for (let round = 0; round < 200 && (this.isAnyoneWaiting() || round === 0); round++) {
      for (const request of this.unanswered.splice(0)) request.respond({});
      this.moveOn(1000);
    }
  }

  waitingClients(): string[] {
    return [...this.clients]
      .filter(([, client]) => client.isHonest && !client.isExcused && (client.isWaiting || client.connection.isClosed))
      .map(([host, { role, asked, connection }]) => `${role} ${host}: ${connection.answers.length} of ${asked.length}`);
  }

  private isAnyoneWaiting(): boolean {
    return this.waitingClients().length > 0 || this.unanswered.length > 0;
  }

  private size(): number {
    const { random } = this;
    const most = [200, 200, 4 * KIB, 60 * KIB, 60 * KIB, 300 * KIB, MAX_FRAME_BYTES - 100][random.nextInt(7)]!;
    return 50 + random.nextInt(most);
  }

  private ask(client: Client, bytes: number, endsLater = false): void {
    const { random } = this;
    const { clock } = this.crowd;
    const id = this.nextId++;
    client.asked.push(id);
    this.sentMs.set(id, clock.monotonicMs());
    const frame = requestOf(bytes, id);
    // Soon enough that it is not cut off. Meanwhile those before it may be answered, also before their turn.
    const at = endsLater ? 1 + random.nextInt(frame.length) : frame.length;
    client.connection.send(frame.subarray(0, at));
    if (at < frame.length) clock.setTimer(random.nextInt(400), () => client.connection.send(frame.subarray(at)));
  }

  private sendHalf(client: Client): void {
    const id = this.nextId++;
    client.asked.push(id);
    const frame = requestOf(this.size() + 100, id);
    client.connection.send(frame.subarray(0, 1 + this.random.nextInt(frame.length - 1)));
  }

  private handle(request: Request): void {
    const { random, crowd } = this;
    const client = this.clients.get(request.connection.clientAddress)!;
    const later = (maxMs: number, step: () => void): void =>
      void crowd.clock.setTimer(random.nextInt(maxMs), () => step());
    if (client.role === 'broker') {
      const waitedMs = crowd.clock.monotonicMs() - this.sentMs.get(request.header.correlationId)!;
      this.longestBrokerReadMs = Math.max(this.longestBrokerReadMs, waitedMs);
      request.respond({});
      return;
    }
    if (client.role === 'deaf') {
      respondLarge(request, Math.min(20, Math.floor(request.availableAnswerBytes / LARGE_HOST_BYTES)));
      return;
    }
    const dice = random.nextInt(100);
    if (client.role === 'pipeliner' && random.nextInt(4) === 0) {
      request.allowNext();
      later(3000, () => respondLarge(request, random.nextInt(4)));
    } else if (dice < 60) request.respond({});
    else if (dice < 75) later(3000, () => request.respond({}));
    else if (dice < 85) {
      request.allowNext();
      later(3000, () => request.respond({}));
    } else if (dice < 92) {
      request.holdMemory();
      later(2000, () => {
        request.letMemoryGo();
        later(2000, () => request.respond({}));
      });
    } else if (dice < 97) {
      this.unanswered.push(request);
    } else {
      client.isExcused = true;
      if (dice < 98) throw new Error('a handler that throws');
      request.closeConnection('cut off');
    }
  }
}

function respondLarge(request: Request, hosts: number): void {
  request.respond({ brokers: Array.from({ length: hosts }, () => ({ host: 'h'.repeat(LARGE_HOST_BYTES) })) });
}

test.each(SEEDS)(
  'all who behave are served, and what they hold is counted and comes back (OTTLA_SEED=%d)',
  async (seed) => {
    const random = seededRandom(seed);
    const simulation = new Simulation(random);
    await simulation.start();
    for (let round = 0; round < ROUNDS; round++) {
      for (let count = 0; count < CONNECTIONS / ROUNDS; count++) simulation.connect();
      simulation.act();
      simulation.moveOn(random.nextInt(700));
    }
    const { server, connections } = simulation.crowd;
    expect(server.memory.waiters).toBeGreaterThan(0);
    simulation.end();
    expect(simulation.waitingClients()).toEqual([]);
    for (const { asked, connection, isHonest, isExcused } of simulation.clients.values())
      if (isHonest && !isExcused) expect(connection.answers).toEqual(asked);
    expect(simulation.longestBrokerReadMs).toBeLessThan(BROKER_READ_MS);
    // What `docs/own-mechanisms.md` promises.
    expect(simulation.peakBytes).toBeLessThanOrEqual(1.25 * CAPACITY_BYTES + 2 * MAX_FRAME_BYTES + 64 * KIB);
    for (const connection of connections) connection.vanish();
    simulation.moveOn(10_000);
    const { fetches, others } = server.unread;
    expect([server.connectionCount, server.memory.used, server.memory.waiters]).toEqual([0, 0, 0]);
    expect([fetches.totalBytes, others.totalBytes]).toEqual([0, 0]);
  },
);
