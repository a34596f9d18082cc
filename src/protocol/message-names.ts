import { APIS, type AnyMessage } from './apis.js';
import { consumerProtocolAssignment, consumerProtocolSubscription } from './messages/consumer-protocol.js';
import { controlRecordKey, endTxnMarker, leaderChangeMessage } from './messages/control-record.js';
import { defaultPrincipalData } from './messages/default-principal-data.js';
import { groupMetadataKey, groupMetadataValue } from './messages/group-metadata.js';
import { requestHeader, responseHeader } from './messages/header.js';
import { offsetCommitKey, offsetCommitValue } from './messages/offset-commit-record.js';
import { transactionLogKey, transactionLogValue } from './messages/transaction-log.js';

/** Every message under its name in Kafka (`FetchRequest`, `GroupMetadataKey`): requests and responses, headers, data. */
export const MESSAGES: ReadonlyMap<string, AnyMessage> = new Map(
  [
    ...APIS.flatMap(({ request, response }) => [request, response]),
    requestHeader,
    responseHeader,
    consumerProtocolSubscription,
    consumerProtocolAssignment,
    controlRecordKey,
    endTxnMarker,
    leaderChangeMessage,
    defaultPrincipalData,
    groupMetadataKey,
    groupMetadataValue,
    offsetCommitKey,
    offsetCommitValue,
    transactionLogKey,
    transactionLogValue,
  ].map((message: AnyMessage) => [message.name, message]),
);
