import { apiVersionsRequest, apiVersionsResponse, ErrorCode } from '../../protocol/index.js';
import { handler } from '../handler.js';

/** What a client may call itself (`ApiVersionsRequest.SOFTWARE_NAME_VERSION_PATTERN`, KIP-511). */
const SOFTWARE_PATTERN = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

/** It is kept for as long as its connection lives. */
const MAX_KEPT_LENGTH = 255;

/** Says what this broker serves. An unsupported version of ApiVersions itself is answered by the dispatcher. */
export const apiVersions = handler(apiVersionsRequest, apiVersionsResponse, (body, context) => {
  const { apiVersion, offeredApis, finalizedFeaturesEpoch } = context;
  const { clientSoftwareName, clientSoftwareVersion } = body;
  if (apiVersion >= 3) {
    if (!SOFTWARE_PATTERN.test(clientSoftwareName) || !SOFTWARE_PATTERN.test(clientSoftwareVersion)) {
      return { errorCode: ErrorCode.INVALID_REQUEST };
    }
    context.request.connection.clientSoftwareName = headOf(clientSoftwareName);
    context.request.connection.clientSoftwareVersion = headOf(clientSoftwareVersion);
  }
  return { errorCode: ErrorCode.NONE, apiKeys: offeredApis, finalizedFeaturesEpoch: BigInt(finalizedFeaturesEpoch) };
});

/** A copy: what V8 cuts off a text keeps all of it. */
function headOf(asciiText: string): string {
  return Buffer.from(asciiText.slice(0, MAX_KEPT_LENGTH), 'latin1').toString('latin1');
}
