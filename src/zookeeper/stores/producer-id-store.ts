import { isZkError } from '../core/errors.js';
import { producerIdBlockZnode, type ProducerIdBlock } from '../znodes/controller.js';
import { Store } from './store.js';

/** Producer ids in a block (`ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`). */
export const PRODUCER_ID_BLOCK_SIZE = 1000;

/** Hands out blocks of producer ids (`ZkProducerIdManager`). */
export class ProducerIdStore extends Store {
  /** The last block handed out (null before the first) and the version of its node. */
  async block(): Promise<{ block: ProducerIdBlock | null; zkVersion: number } | null> {
    const node = await this.read(producerIdBlockZnode.path);
    if (!node) return null;
    const { data, stat } = node;
    return {
      block: data === null || data.length === 0 ? null : producerIdBlockZnode.decode(data),
      zkVersion: stat.version,
    };
  }

  /** Writes the block if the node is still at that version; false when somebody else was faster. */
  async conditionalSet(block: ProducerIdBlock, zkVersion: number): Promise<boolean> {
    const data = producerIdBlockZnode.encode(block);
    try {
      await this.zk.set(producerIdBlockZnode.path, data, zkVersion);
      return true;
    } catch (error) {
      if (!isZkError(error, 'BadVersion')) throw error;
      // The answer to our own write may have been lost with the connection, and this was its second try.
      const node = await this.read(producerIdBlockZnode.path);
      return node?.data?.equals(data) ?? false;
    }
  }

  /** Takes the next block for `brokerId`, however many others want one too. */
  async nextBlock(brokerId: number): Promise<ProducerIdBlock> {
    for (;;) {
      const current = await this.block();
      if (!current) {
        await this.ensurePath(producerIdBlockZnode.path);
        continue;
      }
      const firstProducerId = current.block ? current.block.lastProducerId + 1 : 0;
      const next = { brokerId, firstProducerId, lastProducerId: firstProducerId + PRODUCER_ID_BLOCK_SIZE - 1 };
      if (!Number.isSafeInteger(next.lastProducerId))
        throw new RangeError(`producer ids are used up at ${firstProducerId}`);
      if (await this.conditionalSet(next, current.zkVersion)) return next;
    }
  }
}
