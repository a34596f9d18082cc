import type { Request } from '../network/index.js';
import { ApiKey } from '../protocol/index.js';

/** What only a controller sends. */
export function isControlRequest(apiKey: number): boolean {
  return apiKey === ApiKey.LeaderAndIsr || apiKey === ApiKey.StopReplica || apiKey === ApiKey.UpdateMetadata;
}

/**
 * Keeps the order in which a controller commands. It has one connection to each broker, and makes a new one when that breaks; what it had
 * sent on the old one may still arrive, held up in the network or in our own queue, after it was repeated on the new one and later
 * commands were carried out. A LeaderAndIsr that comes so late would make the replica of a deleted topic anew, an UpdateMetadata
 * would bring back what is over; neither carries anything by which it could be told. So once a controller has spoken on a connection,
 * none that was made before is listened to. Kafka has no such check.
 */
export class ControlOrder {
  /** By the name the controller gives itself, its broker id: the number of its newest connection. */
  private readonly newest = new Map<string, number>();
  private underWay: Promise<void> | null = null;

  admits({ header, connection }: Pick<Request, 'header' | 'connection'>): boolean {
    const controller = header.clientId ?? '';
    const number = connectionNumber(connection.id);
    const newest = this.newest.get(controller) ?? -1;
    if (number < newest) return false;
    this.newest.set(controller, number);
    return true;
  }

  /**
   * Carries out a command when those before it are done, at once when there are none. Commands of thousands of partitions let other
   * requests in between their steps, but no other command: Kafka holds `replicaStateChangeLock`. A command that waits for something
   * elsewhere must do so before its turn.
   */
  inTurn<T>(command: () => Promise<T>): Promise<T> {
    const turn = this.underWay ? this.underWay.then(command) : command();
    const end = (): void => {
      if (this.underWay === underWay) this.underWay = null;
    };
    // What it throws is for whoever gave the command; the next one is carried out all the same.
    const underWay = turn.then(end, end);
    this.underWay = underWay;
    return turn;
  }
}

/** Connections are numbered as they are accepted, at the end of their ids. */
function connectionNumber(id: string): number {
  return Number(id.slice(id.lastIndexOf('-') + 1));
}
