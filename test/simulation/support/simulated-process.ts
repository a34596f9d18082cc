import type { Clock, Connection, ConnectionHandlers, FileSystem, Timer, Transport } from '../../../src/common/index.js';
import type { SimulatedClock, SimulatedFileSystem } from '../../../src/testing/index.js';

/**
 * One life of a process on a simulated host: its view of the clock, the network and the disk. Killed, nothing that it set or holds does
 * anything any more. Paused (SIGSTOP), its timers and what comes in from the network wait, and all happen at once when it goes on.
 */
export class SimulatedProcess {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly fs: FileSystem;
  private isDead = false;
  private paused: (() => void)[] | null = null;
  /** Draining what a pause held back: later happenings must not overtake it. */
  private draining = false;

  constructor(
    private readonly base: SimulatedClock,
    transport: Transport,
    disk: SimulatedFileSystem,
    /** Told of each piece that comes in. */
    private readonly onBytes: (count: number) => void = () => undefined,
    /** How far the host's time of day is from the right one. */
    wallOffsetMs: () => number = () => 0,
  ) {
    this.clock = {
      nowMs: () => base.nowMs() + wallOffsetMs(),
      monotonicMs: () => base.monotonicMs(),
      setTimer: (delayMs, task) => this.setTimer(delayMs, task),
      defer: (task) => void this.setTimer(0, task),
    };
    this.transport = this.wrapTransport(transport);
    this.fs = this.wrapDisk(disk);
  }

  get isAlive(): boolean {
    return !this.isDead;
  }

  get isPaused(): boolean {
    return this.paused !== null;
  }

  kill(): void {
    this.isDead = true;
    this.paused = null;
  }

  pause(): void {
    this.paused ??= [];
  }

  /** What was held back happens now, one after another, with promises settling in between. */
  resume(): void {
    if (this.paused && !this.draining) this.drain();
  }

  private drain(): void {
    this.draining = true;
    const next = this.isDead ? undefined : this.paused?.shift();
    if (!next) {
      this.draining = false;
      this.paused = null;
      return;
    }
    this.runUnlessKilled(next);
    this.base.setTimer(0, () => this.drain());
  }

  /** Runs `task` in the process: now, after a pause, or never. */
  private run(task: () => void): void {
    if (this.isDead) return;
    if (this.paused) this.paused.push(task);
    else this.runUnlessKilled(task);
  }

  /** What is thrown by code whose process died under it is heard by no one. */
  private runUnlessKilled(task: () => void): void {
    try {
      task();
    } catch (error) {
      if (!this.isDead) throw error;
    }
  }

  private setTimer(delayMs: number, task: () => void): Timer {
    if (this.isDead) return { cancel: () => undefined };
    let cancelled = false;
    const timer = this.base.setTimer(delayMs, () => {
      this.run(() => {
        if (!cancelled) task();
      });
    });
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  private wrapTransport(transport: Transport): Transport {
    return {
      listen: async (endpoint, onConnection) =>
        transport.listen(endpoint, (connection) => {
          const held = new HeldHandlers((task) => this.run(task), this.onBytes);
          connection.setHandlers(held);
          this.run(() => onConnection(withHandlers(connection, held)));
        }),
      connect: (endpoint, handlers, options) => {
        const held = new HeldHandlers((task) => this.run(task), this.onBytes);
        held.target = handlers;
        return withHandlers(transport.connect(endpoint, held, options), held);
      },
    };
  }

  private wrapDisk(disk: SimulatedFileSystem): FileSystem {
    const ensureAlive = (): SimulatedFileSystem => {
      if (this.isDead) throw Object.assign(new Error('the process is dead'), { code: 'EKILLED', syscall: 'kill' });
      return disk;
    };
    return {
      open: (path, mode) => ensureAlive().open(path, mode),
      readFile: (path) => ensureAlive().readFile(path),
      replaceFile: (path, content) => ensureAlive().replaceFile(path, content),
      readDir: (path) => ensureAlive().readDir(path),
      stat: (path) => ensureAlive().stat(path),
      exists: (path) => ensureAlive().exists(path),
      makeDir: (path) => ensureAlive().makeDir(path),
      rename: (from, to) => ensureAlive().rename(from, to),
      remove: (path) => ensureAlive().remove(path),
      removeAsync: async (path, isOver) => ensureAlive().removeAsync(path, isOver),
      syncDir: (path) => ensureAlive().syncDir(path),
      lock: (path) => ensureAlive().lock(path),
    };
  }
}

/** Passes what a connection tells to the process, when the process runs. The kernel goes on receiving while the process stands. */
class HeldHandlers implements ConnectionHandlers {
  target: ConnectionHandlers | null = null;

  constructor(
    private readonly run: (task: () => void) => void,
    private readonly onBytes: (count: number) => void,
  ) {}

  onOpen(): void {
    this.run(() => this.target?.onOpen?.());
  }

  onData(bytes: Buffer): void {
    this.onBytes(bytes.length);
    this.run(() => this.deliver(bytes));
  }

  onDrain(): void {
    this.run(() => this.target?.onDrain?.());
  }

  onClose(error?: Error): void {
    this.run(() => {
      const { target } = this;
      this.target = null;
      target?.onClose(error);
    });
  }

  private deliver(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && this.target) {
      const into = this.target.readBuffer?.();
      const count = Math.min(bytes.length - at, into?.length ?? bytes.length);
      if (into) {
        bytes.copy(into, 0, at, at + count);
        this.target.onData(into.subarray(0, count));
      } else {
        this.target.onData(bytes.subarray(at, at + count));
      }
      at += count;
    }
  }
}

function withHandlers(connection: Connection, held: HeldHandlers): Connection {
  return {
    remote: connection.remote,
    local: connection.local,
    setHandlers: (handlers) => {
      held.target = handlers;
    },
    write: (buffers) => connection.write(buffers),
    get bufferedBytes() {
      return connection.bufferedBytes;
    },
    get unsentBytes() {
      return connection.unsentBytes;
    },
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    end: () => connection.end(),
    destroy: () => {
      connection.destroy();
    },
  };
}
