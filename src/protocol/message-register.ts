import * as front from './messages/all.js';
import type { AnyMessage } from './notation.js';

/** Every message under its name in Kafka (`FetchRequest`, `GroupMetadataKey`): requests and responses, headers, data. */
export const MESSAGES: ReadonlyMap<string, AnyMessage> = new Map(
  Object.values(front).map((message: AnyMessage) => [message.name, message]),
);
