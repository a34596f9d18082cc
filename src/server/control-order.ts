import { isBrokerEpochStale } from './broker-epoch.js';

/** What every command of a controller says of its sender, and of the life of this broker that it is for. */
interface Command {
  readonly controllerId: number;
  readonly controllerEpoch: number;
  readonly brokerEpoch: bigint;
}

/** What a handler of such commands has at hand. */
interface CommandContext {
  readonly request: {
    readonly connection: { readonly id: string };
    closeConnection(reason: string, detail?: unknown): void;
  };
  readonly replicas: { readonly controllerEpoch: number };
  readonly brokerEpoch: bigint;
}

/**
 * Keeps the order in which a controller commands. It has one connection to each broker, and makes a new one when that breaks; what it had
 * sent on the old one may still arrive, held up in the network or in our own queue, after it was repeated on the new one and later
 * commands were carried out. A LeaderAndIsr that comes so late would make the replica of a deleted topic again, an UpdateMetadata
 * would bring back what is over; neither carries anything by which it could be told. So once a controller has spoken on a connection,
 * none that was made before is listened to. Kafka has no such check.
 */
export class ControlOrder {
  /** Of the newest controller that commands, and the number of its newest connection. */
  private newest = { controllerId: -1, controllerEpoch: -1, connection: -1 };
  private underWay: Promise<void> | null = null;

  /**
   * True when the command counts; else its connection has been closed. To be asked once the sender is known to be allowed to command: whoever
   * is counted here cuts the connections that were made before. What is going to be refused for its epochs is not counted, and may be told so.
   */
  admits(command: Command, { request, replicas, brokerEpoch }: CommandContext): boolean {
    const { controllerId, controllerEpoch } = command;
    const isRefused =
      controllerEpoch < replicas.controllerEpoch || isBrokerEpochStale(command.brokerEpoch, brokerEpoch);
    if (isRefused) return true;
    const { newest } = this;
    // It is refused for its epoch when its turn has come: a newer controller's command is on its way.
    if (controllerEpoch < newest.controllerEpoch) return true;
    const connection = connectionNumber(request.connection.id);
    if (controllerId === newest.controllerId && connection < newest.connection) {
      request.closeConnection('Closed a connection that a controller has replaced', { controller: controllerId });
      return false;
    }
    this.newest = { controllerId, controllerEpoch, connection };
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
