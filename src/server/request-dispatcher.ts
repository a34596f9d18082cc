import type { Request } from '../network/index.js';
import { ApiKey, apiOf, ErrorCode } from '../protocol/index.js';
import type { ApiHandler } from './handler.js';
import type { BrokerServices } from './services.js';

/**
 * Hands each request to the handler of its API. What no handler serves, or in a version that is not offered, costs the connection,
 * except for ApiVersions: there the client learns what it may ask (KIP-511).
 */
export class RequestDispatcher {
  private readonly byKey: (ApiHandler | undefined)[] = [];

  constructor(
    handlers: readonly ApiHandler[],
    private readonly services: BrokerServices,
  ) {
    for (const handler of handlers) this.byKey[handler.api.key] = handler;
  }

  dispatch(request: Request): void {
    const { apiKey, apiVersion } = request.header;
    const handler = this.byKey[apiKey];
    const offered = handler?.api.advertised;
    if (handler && offered && apiVersion >= offered.min && apiVersion <= offered.max) {
      handler.handle(request, this.services);
    } else if (handler && offered && apiKey === ApiKey.ApiVersions) {
      const itself = { apiKey, minVersion: offered.min, maxVersion: offered.max };
      request.respond({ errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys: [itself] }, 0);
    } else {
      const api = apiOf(apiKey)?.name ?? apiKey;
      request.closeConnection('Closed a connection for an API or version that is not offered', `${api} v${apiVersion}`);
    }
  }
}
