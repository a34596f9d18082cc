import { apiVersionsRequest, apiVersionsResponse, ErrorCode } from '../../protocol/index.js';
import { handler } from '../handler.js';

/** What a client may call itself (`ApiVersionsRequest.SOFTWARE_NAME_VERSION_PATTERN`, KIP-511). */
const SOFTWARE_PATTERN = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

/** Says what this broker serves. An unsupported version of ApiVersions itself is answered by the dispatcher. */
export const apiVersions = handler(apiVersionsRequest, apiVersionsResponse, (body, context) => {
  const { apiVersion, offeredApis, finalizedFeaturesEpoch } = context;
  const { clientSoftwareName, clientSoftwareVersion } = body;
  if (apiVersion >= 3) {
    if (!SOFTWARE_PATTERN.test(clientSoftwareName) || !SOFTWARE_PATTERN.test(clientSoftwareVersion)) {
      return { errorCode: ErrorCode.INVALID_REQUEST };
    }
    context.request.connection.clientSoftwareName = clientSoftwareName;
    context.request.connection.clientSoftwareVersion = clientSoftwareVersion;
  }
  return { errorCode: ErrorCode.NONE, apiKeys: offeredApis, finalizedFeaturesEpoch: BigInt(finalizedFeaturesEpoch) };
});
