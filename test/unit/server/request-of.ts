import { Request, type ConnectionInfo } from '../../../src/network/index.js';
import type { RequestOwner } from '../../../src/network/request.js';
import { decodeRequestHeader, encodeRequestFrame } from '../../../src/protocol/index.js';

/** What a client sends, without the length. */
export function frameOf(apiKey: number, version: number, body: object, clientId = 'c'): Buffer {
  return Buffer.concat(encodeRequestFrame(apiKey, version, 9, clientId, body)).subarray(4);
}

/** A request as a connection hands it out. `owner` is told what a connection is; what it leaves out is nothing to it, and there is room. */
export function requestOf(
  frame: Buffer,
  owner: Partial<RequestOwner> = {},
  connection: Partial<ConnectionInfo> = {},
): Request {
  const info = {
    id: '1',
    listenerName: 'PLAINTEXT',
    clientAddress: '127.0.0.1',
    principal: { type: 'User', name: 'ANONYMOUS' },
    clientSoftwareName: 'unknown',
    clientSoftwareVersion: 'unknown',
    ...connection,
  };
  return new Request(decodeRequestHeader(frame), frame, info, 0, {
    answered: () => undefined,
    refused: () => undefined,
    allowNext: () => undefined,
    frameReleased: () => undefined,
    availableAnswerBytes: () => 1,
    claimAnswer: () => true,
    countRead: () => undefined,
    unclaimAnswer: () => undefined,
    ...owner,
  });
}
