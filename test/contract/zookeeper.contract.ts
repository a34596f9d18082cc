import { createHash } from 'node:crypto';
import {
  nodeTransport,
  randomUuid,
  silentLogger,
  systemClock,
  systemRandom,
  type Random,
} from '../../src/common/index.js';
import {
  ANY_VERSION,
  CREATOR_ALL_ACL,
  isZkError,
  READ_ACL_UNSAFE,
  ZkStores,
  ZooKeeperClient,
  type WatchEvent,
  type ZooKeeperClientOptions,
} from '../../src/zookeeper/index.js';

/** A ZooKeeper of several members that can be hurt. Members are numbered from 0. */
export interface ZooKeeperHarness {
  /** `host:port` of each member. */
  readonly members: readonly string[];
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The member goes away at once; its clients lose their connections. */
  kill(member: number): Promise<void>;
  revive(member: number): Promise<void>;
  /** The member keeps its connections and answers nothing. */
  freeze(member: number): Promise<void>;
  thaw(member: number): Promise<void>;
}

/** Leaves the order of the servers as it is, so that a test knows which one serves. */
const keepOrder: Random = {
  nextInt: (bound) => bound - 1,
  nextDouble: () => 0.5,
  nextBytes: (length) => Buffer.alloc(length),
};

/** As long as the real one grants, so that a busy machine ends no session. */
const SESSION_TIMEOUT_MS = 30_000;
/** For tests that wait for a part of it. */
const SHORT_SESSION_TIMEOUT_MS = 4_000;

/** What every ZooKeeper must do for `ZkClient`: the real one and the embedded one pass the same tests. */
export function describeZooKeeper(harness: ZooKeeperHarness): void {
  let clients: ZooKeeperClient[] = [];
  const disconnected = new WeakSet<ZooKeeperClient>();
  let base = 0;

  const open = async (options: Partial<ZooKeeperClientOptions> = {}): Promise<ZooKeeperClient> => {
    const client = new ZooKeeperClient({
      connect: `${harness.members.join()}/t${base}`,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      connectionTimeoutMs: 60_000,
      transport: nodeTransport,
      clock: systemClock,
      random: keepOrder,
      logger: silentLogger,
      ...options,
    });
    clients.push(client);
    client.onStateChange((change) => change === 'disconnected' && disconnected.add(client));
    await client.connect();
    return client;
  };
  /** Creates a persistent node. One that was asked for twice because the connection broke may find what its first try has made. */
  const createOrFind = async (client: ZooKeeperClient, path: string): Promise<void> => {
    const code = await codeOf(client.create(path, null));
    expect(disconnected.has(client) ? ['none', 'NodeExists'] : ['none']).toContain(code);
  };
  /** Ends the client's session at the server, behind the client's back. */
  const expire = async (client: ZooKeeperClient): Promise<void> => {
    const other = await open({ resume: client.credentials });
    await other.close();
  };
  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await condition())) await new Promise((resolve) => systemClock.setTimer(10, () => resolve(null)));
  };
  const codeOf = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'none',
      (error: unknown) => (isZkError(error) ? error.code : String(error)),
    );
  const text = (value: string): Buffer => Buffer.from(value);

  beforeAll(() => harness.start());
  afterAll(() => harness.stop());
  beforeEach(() => {
    base++;
  });
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    clients = [];
  });

  describe('nodes', () => {
    test('a node is made, read, changed and deleted, and its stat follows', async () => {
      const zk = await open();
      const created = await zk.create('/a', text('one'));
      expect(created.path).toBe('/a');
      expect(created.stat).toMatchObject({ version: 0, dataLength: 3, ephemeralOwner: 0n, numChildren: 0 });
      const read = await zk.get('/a');
      expect(read.data).toEqual(text('one'));
      expect(read.stat).toEqual(created.stat);
      const changed = await zk.set('/a', text('three'), 0);
      expect(changed).toMatchObject({ version: 1, dataLength: 5, czxid: created.stat.czxid });
      expect(changed.mzxid).toBeGreaterThan(created.stat.czxid);
      await zk.create('/a/b', null);
      await zk.create('/a/c', Buffer.alloc(0));
      await zk.delete('/a/b', ANY_VERSION);
      const listed = await zk.children('/a');
      expect(listed.children).toEqual(['c']);
      expect(listed.stat).toMatchObject({ cversion: 3, numChildren: 1, version: 1 });
      await zk.delete('/a/c', 0);
      await zk.delete('/a', 1);
      expect(await zk.exists('/a')).toBeNull();
    });

    test('no data and empty data are told apart', async () => {
      const zk = await open();
      await zk.create('/null', null);
      await zk.create('/empty', Buffer.alloc(0));
      expect((await zk.get('/null')).data).toBeNull();
      expect((await zk.get('/empty')).data).toEqual(Buffer.alloc(0));
      await zk.set('/empty', null, ANY_VERSION);
      expect((await zk.get('/empty')).data).toBeNull();
    });

    test('what cannot be done is refused with its reason and path', async () => {
      const zk = await open();
      await zk.create('/a', null);
      await zk.create('/a/b', null);
      await zk.create('/e', null, { mode: 'ephemeral' });
      expect(await codeOf(zk.get('/missing'))).toBe('NoNode');
      expect(await codeOf(zk.create('/missing/child', null))).toBe('NoNode');
      expect(await codeOf(zk.create('/a', null))).toBe('NodeExists');
      expect(await codeOf(zk.set('/a', null, 7))).toBe('BadVersion');
      expect(await codeOf(zk.delete('/a/b', 7))).toBe('BadVersion');
      expect(await codeOf(zk.delete('/a', ANY_VERSION))).toBe('NotEmpty');
      expect(await codeOf(zk.create('/e/child', null))).toBe('NoChildrenForEphemerals');
      await expect(zk.get('/missing')).rejects.toMatchObject({ path: '/missing', code: 'NoNode' });
    });

    test('sequence nodes are numbered by all children ever made', async () => {
      const zk = await open();
      await zk.create('/q', null);
      expect((await zk.create('/q/n_', null, { mode: 'persistent_sequential' })).path).toBe('/q/n_0000000000');
      await zk.create('/q/other', null);
      expect((await zk.create('/q/n_', null, { mode: 'ephemeral_sequential' })).path).toBe('/q/n_0000000002');
      await zk.delete('/q/n_0000000002', ANY_VERSION);
      expect((await zk.create('/q/n_', null, { mode: 'persistent_sequential' })).path).toBe('/q/n_0000000003');
    });

    test('a path is made with its parents, once', async () => {
      const zk = await open();
      await Promise.all([zk.ensurePath('/x/y/z'), zk.ensurePath('/x/y/z')]);
      expect(await zk.exists('/x/y/z')).not.toBeNull();
    });
  });

  describe('multi', () => {
    test('does all its parts, under one zxid', async () => {
      const zk = await open();
      await zk.create('/epoch', text('0'));
      await zk.create('/old', null);
      const results = await zk.multi([
        { op: 'check', path: '/epoch', version: 0 },
        { op: 'create', path: '/new', data: null, mode: 'ephemeral' },
        { op: 'set', path: '/new', data: text('x'), version: 0 },
        { op: 'delete', path: '/old', version: 0 },
      ]);
      expect(results.map((result) => result.ok && result.op)).toEqual(['check', 'create', 'set', 'delete']);
      expect(results[1]).toMatchObject({ path: '/new' });
      const { stat } = await zk.get('/new');
      expect(results[2]).toMatchObject({ stat });
      expect(stat).toMatchObject({ version: 1, czxid: stat.mzxid, ephemeralOwner: zk.sessionId });
      expect(await zk.exists('/old')).toBeNull();
    });

    test('does none of its parts when one is refused, and says which', async () => {
      const zk = await open();
      await zk.create('/epoch', text('0'));
      await zk.set('/epoch', text('1'), 0);
      const refused = await zk.multi([
        { op: 'create', path: '/made', data: null },
        { op: 'set', path: '/epoch', data: text('9'), version: 1 },
        { op: 'check', path: '/epoch', version: 0 },
        { op: 'create', path: '/never', data: null },
      ]);
      expect(refused).toEqual([
        { ok: false, code: 'rolledBack' },
        { ok: false, code: 'rolledBack' },
        { ok: false, code: 'BadVersion' },
        { ok: false, code: 'RuntimeInconsistency' },
      ]);
      expect(await zk.exists('/made')).toBeNull();
      expect((await zk.get('/epoch')).data).toEqual(text('1'));
      expect((await zk.children('/')).stat.cversion).toBe(1);
    });
  });

  describe('stores', () => {
    test('of many changes of one configuration by three clients none is lost, and each is told', async () => {
      const all = await Promise.all([1, 2, 3].map(() => open({ random: systemRandom })));
      const stores = all.map((zk) => new ZkStores(zk, { clock: systemClock, logger: silentLogger }).configs);
      const names = Array.from({ length: 60 }, (_, i) => `name${i}`);
      const change = (name: string, i: number): Promise<void> =>
        stores[i % 3]!.changeConfig('topics', 'orders', (current) => new Map([...current, [name, String(i)]]));
      await Promise.all(names.map(change));
      await all[0]!.sync('/config');
      expect([...(await stores[0]!.config('topics', 'orders')).keys()].sort()).toEqual([...names].sort());
      expect((await all[0]!.children('/config/changes')).children).toHaveLength(names.length);
    });

    test('of three who create a topic at once one does, with his configuration', async () => {
      const all = await Promise.all([1, 2, 3].map(() => open({ random: systemRandom })));
      const stores = all.map((zk) => new ZkStores(zk, { clock: systemClock, logger: silentLogger }));
      const outcomes = await Promise.all(
        stores.map(({ topics }, i) =>
          codeOf(
            topics.createTopic('orders', randomUuid(systemRandom), new Map([[0, [i]]]), new Map([['name', String(i)]])),
          ),
        ),
      );
      expect([...outcomes].sort()).toEqual(['NodeExists', 'NodeExists', 'none']);
      const winner = outcomes.indexOf('none');
      const { partitions } = (await stores[winner]!.topics.assignment('orders'))!;
      expect(partitions.get(0)!.replicas).toEqual([winner]);
      expect(await stores[winner]!.configs.config('topics', 'orders')).toEqual(new Map([['name', String(winner)]]));
    });
  });

  describe('watches', () => {
    test('fire once for what was read', async () => {
      const zk = await open();
      const other = await open();
      const events: WatchEvent[] = [];
      const note = (event: WatchEvent): void => void events.push(event);
      expect(await zk.exists('/n', note)).toBeNull();
      await other.create('/n', text('1'));
      await until(() => events.length === 1);
      await zk.get('/n', note);
      await other.set('/n', text('2'), ANY_VERSION);
      await other.set('/n', text('3'), ANY_VERSION);
      await until(() => events.length === 2);
      await zk.children('/n', note);
      await other.create('/n/c', null);
      await other.delete('/n/c', ANY_VERSION);
      await until(() => events.length === 3);
      await zk.get('/n', note);
      await other.delete('/n', ANY_VERSION);
      await until(() => events.length === 4);
      await zk.sync('/');
      expect(events).toEqual([
        { type: 'created', path: '/n' },
        { type: 'dataChanged', path: '/n' },
        { type: 'childrenChanged', path: '/n' },
        { type: 'deleted', path: '/n' },
      ]);
    });

    test('a read of what is missing sets no watch', async () => {
      const zk = await open();
      const events: WatchEvent[] = [];
      expect(await codeOf(zk.get('/n', (event) => void events.push(event)))).toBe('NoNode');
      await zk.create('/n', null);
      await zk.set('/n', text('x'), ANY_VERSION);
      await zk.sync('/');
      expect(events).toEqual([]);
    });

    test('one who reads with a watch has the answer before the event', async () => {
      const zk = await open();
      await zk.create('/n', text('0'));
      const order: string[] = [];
      const reads = [];
      for (let i = 0; i < 20; i++) {
        reads.push(zk.get('/n', () => order.push(`event ${i}`)).then(() => order.push(`read ${i}`)));
        void zk.set('/n', text(String(i)), ANY_VERSION);
      }
      await Promise.all(reads);
      await until(() => order.length === 40);
      for (let i = 0; i < 20; i++) expect(order.indexOf(`read ${i}`)).toBeLessThan(order.indexOf(`event ${i}`));
    });

    test('registered handlers are armed by reads and disarmed by firing', async () => {
      const zk = await open();
      const other = await open();
      const seen: string[] = [];
      const handler = {
        path: '/n',
        handleCreation: () => void seen.push('created'),
        handleDataChange: () => void seen.push('changed'),
        handleDeletion: () => void seen.push('deleted'),
      };
      expect(await zk.registerZNodeChangeHandlerAndCheckExistence(handler)).toBe(false);
      zk.registerZNodeChildChangeHandler({ path: '/', handleChildChange: () => void seen.push('children') });
      await zk.children('/');
      await other.create('/n', null);
      await until(() => seen.length === 2);
      expect([...seen].sort()).toEqual(['children', 'created']);
      await other.set('/n', text('unseen'), ANY_VERSION);
      await zk.get('/n');
      await zk.children('/', undefined, { registered: false });
      await other.set('/n', text('seen'), ANY_VERSION);
      await until(() => seen.length === 3);
      await zk.get('/n');
      await other.delete('/n', ANY_VERSION);
      await until(() => seen.length === 4);
      expect(seen.slice(2)).toEqual(['changed', 'deleted']);
      zk.unregisterZNodeChangeHandler('/n');
      await zk.exists('/n');
      await other.create('/n', null);
      await zk.sync('/');
      expect(seen.length).toBe(4);
    });

    test('a refused multi fires and uses up no watch', async () => {
      const zk = await open();
      await zk.create('/n', null);
      const events: WatchEvent[] = [];
      await zk.get('/n', (event) => void events.push(event));
      await zk.multi([
        { op: 'set', path: '/n', data: null, version: 0 },
        { op: 'check', path: '/n', version: 99 },
      ]);
      await zk.sync('/');
      expect(events).toEqual([]);
      await zk.set('/n', null, 0);
      await until(() => events.length === 1);
    });
  });

  describe('the chroot', () => {
    test('is made with its parents and hides them', async () => {
      const inside = await open({ connect: `${harness.members.join()}/deep${base}/er/est` });
      const outside = await open({ connect: harness.members.join() });
      await inside.create('/n', text('x'));
      expect((await outside.get(`/deep${base}/er/est/n`)).data).toEqual(text('x'));
      expect((await inside.children('/')).children).toEqual(['n']);
      const events: WatchEvent[] = [];
      await inside.children('/', (event) => void events.push(event));
      await inside.get('/n', (event) => void events.push(event));
      await outside.delete(`/deep${base}/er/est/n`, ANY_VERSION);
      await until(() => events.length === 2);
      expect(events.map(({ type, path }) => `${type} ${path}`).sort()).toEqual(['childrenChanged /', 'deleted /n']);
      const created = await inside.create('/s_', null, { mode: 'persistent_sequential' });
      expect(created.path).toBe('/s_0000000001');
    });
  });

  describe('access', () => {
    test('a node of an authenticated creator can be read by all and changed by who has the password', async () => {
      const owner = await open();
      const other = await open();
      owner.addAuth('digest', text('kafka:secret'));
      await owner.create('/guarded', text('x'), { acl: [...CREATOR_ALL_ACL, ...READ_ACL_UNSAFE] });
      expect((await other.get('/guarded')).data).toEqual(text('x'));
      expect(await codeOf(other.set('/guarded', text('y'), ANY_VERSION))).toBe('NoAuth');
      const digest = createHash('sha1').update('kafka:secret').digest('base64');
      expect((await owner.getAcl('/guarded')).acl).toEqual([
        { perms: 31, scheme: 'digest', id: `kafka:${digest}` },
        { perms: 1, scheme: 'world', id: 'anyone' },
      ]);
      other.addAuth('digest', text('kafka:secret'));
      await other.set('/guarded', text('y'), ANY_VERSION);
      await other.setAcl('/guarded', CREATOR_ALL_ACL, 0);
      expect(await codeOf((await open()).get('/guarded'))).toBe('NoAuth');
    });
  });

  describe('sessions', () => {
    test('close takes the ephemeral nodes with it', async () => {
      const zk = await open();
      const other = await open();
      await zk.create('/e', null, { mode: 'ephemeral' });
      expect(await other.exists('/e')).not.toBeNull();
      await zk.close();
      await other.sync('/');
      expect(await other.exists('/e')).toBeNull();
      expect(await codeOf(zk.get('/e'))).toBe('Closed');
    });

    test('an expired session fails what waits, tells its handlers in order and opens a new one', async () => {
      const zk = await open();
      const story: string[] = [];
      zk.onStateChange((change) => void story.push(change));
      zk.registerStateChangeHandler({
        name: 'story',
        beforeInitializingSession: async () => {
          story.push(`before: ${await codeOf(zk.get('/'))}`);
        },
        afterInitializingSession: () => void story.push('after'),
      });
      await zk.create('/e', null, { mode: 'ephemeral' });
      const fired: WatchEvent[] = [];
      await zk.get('/e', (event) => void fired.push(event));
      const first = zk.sessionId;
      await expire(zk);
      // Requests are what a client learns it by; some of these may have been answered before.
      while (!story.includes('expired')) {
        expect(['none', 'NoNode', 'SessionExpired']).toContain(await codeOf(zk.get('/e')));
      }
      await until(() => story.includes('after'));
      expect(story.filter((entry) => entry !== 'disconnected' && entry !== 'connected')).toEqual([
        'expired',
        'before: SessionExpired',
        'reconnectedWithNewSession',
        'after',
      ]);
      expect(zk.sessionId).not.toBe(first);
      expect(await zk.exists('/e')).toBeNull();
      // The new session works, and has nothing of the old one's watches.
      await zk.create('/e', null, { mode: 'ephemeral' });
      await zk.set('/e', text('x'), ANY_VERSION);
      await zk.sync('/');
      expect(fired.filter(({ type }) => type === 'dataChanged')).toEqual([]);
    });

    test('an idle session is kept alive by pings', async () => {
      const zk = await open({ sessionTimeoutMs: SHORT_SESSION_TIMEOUT_MS });
      const other = await open();
      await zk.create('/e', null, { mode: 'ephemeral' });
      const started = systemClock.monotonicMs();
      await until(() => systemClock.monotonicMs() - started > 1.5 * SHORT_SESSION_TIMEOUT_MS);
      expect(await other.exists('/e')).not.toBeNull();
      expect(zk.state).toBe('connected');
    });
  });

  describe('failures of members', () => {
    test('a killed member is replaced by another, and no operation and no watch is lost', async () => {
      const zk = await open();
      const other = await open({ connect: `${harness.members[1]}/t${base}` });
      await zk.create('/watched', null);
      await zk.create('/e', null, { mode: 'ephemeral' });
      const events: WatchEvent[] = [];
      const note = (event: WatchEvent): void => void events.push(event);
      await zk.get('/watched', note);
      await zk.exists('/later', note);
      await zk.children('/', note);
      const session = zk.sessionId;
      await harness.kill(0);
      await until(() => other.set('/watched', text('x'), ANY_VERSION).then(() => true));
      await other.create('/later', null);
      await Promise.all(Array.from({ length: 50 }, (_, i) => createOrFind(zk, `/p${i}`)));
      for (let i = 0; i < 50; i++) expect(await zk.exists(`/p${i}`)).not.toBeNull();
      await until(() => events.length === 3);
      expect(events.map(({ type, path }) => `${type} ${path}`).sort()).toEqual([
        'childrenChanged /',
        'created /later',
        'dataChanged /watched',
      ]);
      expect(zk.sessionId).toBe(session);
      expect(await zk.exists('/e')).toMatchObject({ ephemeralOwner: session });
      await harness.revive(0);
    });

    test('a silent member is left before the session ends', async () => {
      const zk = await open({ sessionTimeoutMs: SHORT_SESSION_TIMEOUT_MS });
      await zk.create('/e', null, { mode: 'ephemeral' });
      const session = zk.sessionId;
      const changes: string[] = [];
      zk.onStateChange((change) => void changes.push(change));
      await harness.freeze(0);
      try {
        const read = zk.get('/e');
        expect((await read).stat.ephemeralOwner).toBe(session);
        expect(changes).toEqual(['disconnected', 'connected']);
        expect(zk.sessionId).toBe(session);
      } finally {
        await harness.thaw(0);
      }
    });

    test('an operation fails at its deadline when nobody answers', async () => {
      const zk = await open({ connect: `${harness.members[0]}/t${base}`, operationTimeoutMs: 3_000 });
      await harness.freeze(0);
      try {
        expect(await codeOf(zk.get('/'))).toBe('OperationTimeout');
      } finally {
        await harness.thaw(0);
      }
    });

    test('a session that ends while its client is cut off is over for the client once a server says so', async () => {
      const zk = await open({ connect: `${harness.members[0]}/t${base}`, sessionTimeoutMs: SHORT_SESSION_TIMEOUT_MS });
      const changes: string[] = [];
      zk.onStateChange((change) => void changes.push(change));
      await zk.create('/me', null, { mode: 'ephemeral' });
      const other = await open({ connect: `${harness.members.slice(1).join()}/t${base}` });
      const first = zk.sessionId;
      await harness.freeze(0);
      const waiting = codeOf(zk.get('/'));
      try {
        await until(async () => (await other.exists('/me')) === null);
        expect(changes).not.toContain('expired');
      } finally {
        await harness.thaw(0);
      }
      expect(await waiting).toBe('SessionExpired');
      await until(() => changes.includes('reconnectedWithNewSession'));
      expect(zk.sessionId).not.toBe(first);
    });

    test('connect gives up in time when there is no server', async () => {
      const lost = new ZooKeeperClient({
        connect: '127.0.0.1:1',
        sessionTimeoutMs: SESSION_TIMEOUT_MS,
        connectionTimeoutMs: 300,
        transport: nodeTransport,
        clock: systemClock,
        random: keepOrder,
        logger: silentLogger,
      });
      expect(await codeOf(lost.connect())).toBe('OperationTimeout');
      expect(lost.state).toBe('closed');
    });
  });

  describe('size', () => {
    test('10,000 operations are pipelined and answered in order, also when few may be in flight', async () => {
      const zk = await open({ maxInFlightRequests: 10 });
      await zk.create('/n', null);
      const order: number[] = [];
      const total = 10_000;
      await Promise.all(
        Array.from({ length: total }, (_, i) =>
          (i % 100 === 0 ? zk.set('/n', text(String(i)), ANY_VERSION) : zk.get('/n')).then(() => order.push(i)),
        ),
      );
      expect(order).toEqual(Array.from({ length: total }, (_, i) => i));
      // A write whose connection broke may be made twice.
      const { version } = (await zk.get('/n')).stat;
      if (disconnected.has(zk)) expect(version).toBeGreaterThanOrEqual(total / 100);
      else expect(version).toBe(total / 100);
    });

    test('a write that is larger than servers take fails, and all else goes on', async () => {
      const zk = await open();
      const events: string[] = [];
      await zk.create('/n', null);
      zk.onStateChange((change) => events.push(change));
      const large = zk.set('/n', Buffer.alloc(1_200_000), ANY_VERSION);
      const behind = zk.set('/n', text('behind'), ANY_VERSION);
      expect(await codeOf(large)).toBe('BadArguments');
      await behind;
      expect(String((await zk.get('/n')).data)).toBe('behind');
      expect(events).not.toContain('expired');
    });

    test('10,000 children with long names are listed', async () => {
      const zk = await open();
      const name = (i: number): string => `${'child-'.repeat(20)}${i}`;
      await createOrFind(zk, '/many');
      await Promise.all(Array.from({ length: 10_000 }, (_, i) => createOrFind(zk, `/many/${name(i)}`)));
      const { children } = await zk.children('/many');
      expect(new Set(children)).toEqual(new Set(Array.from({ length: 10_000 }, (_, i) => name(i))));
    });
  });
}
