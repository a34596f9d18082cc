import type { Connection } from '../../common/index.js';

/** An accepted connection that is not read from until someone sets handlers. */
export class PausedConnection implements Connection {
  private handlers: Parameters<Connection['setHandlers']>[0] | null = null;
  /** What was read all the same: a socket that begins to read when it gets handlers is paused only after its first bytes. */
  private held: Buffer[] | null = [];

  constructor(
    private readonly inner: Connection,
    onGone: () => void,
  ) {
    inner.setHandlers({
      readBuffer: () => (this.held === null && this.handlers?.readBuffer?.()) || Buffer.allocUnsafe(1024),
      onData: (bytes) => {
        if (this.held === null) return this.handlers!.onData(bytes);
        this.held.push(bytes);
        inner.pause();
      },
      onDrain: () => this.handlers?.onDrain?.(),
      onClose: (error) => (this.handlers ? this.handlers.onClose(error) : onGone()),
    });
    inner.pause();
  }

  get remote(): Connection['remote'] {
    return this.inner.remote;
  }

  get local(): Connection['local'] {
    return this.inner.local;
  }

  get bufferedBytes(): number {
    return this.inner.bufferedBytes;
  }

  get unsentBytes(): number {
    return this.inner.unsentBytes;
  }

  setHandlers(handlers: Parameters<Connection['setHandlers']>[0]): void {
    this.handlers = handlers;
    // Not before whoever sets them is ready for bytes.
    queueMicrotask(() => {
      const { held } = this;
      this.held = null;
      // Before they get any: from the first bytes on it is theirs to say whether more are read.
      this.inner.resume();
      for (const bytes of held ?? []) handlers.onData(bytes);
    });
  }

  write(buffers: readonly Buffer[], onFlushed?: () => void): boolean {
    return this.inner.write(buffers, onFlushed);
  }

  pause(): void {
    this.inner.pause();
  }

  resume(): void {
    this.inner.resume();
  }

  end(): void {
    this.inner.end();
  }

  destroy(): void {
    this.inner.destroy();
  }
}
