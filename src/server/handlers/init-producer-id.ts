import { ErrorCode, initProducerIdRequest, initProducerIdResponse } from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { handler } from '../handler.js';

const NO_PRODUCER_ID = -1n;
const NO_PRODUCER_EPOCH = -1;

/** Gives an idempotent producer its id. Transactional ids need a transaction coordinator, which is not there. */
export const initProducerId = handler(initProducerIdRequest, initProducerIdResponse, (request, context) => {
  const { authorize, producerIds } = context;
  const { transactionalId, producerId, producerEpoch } = request;
  if (transactionalId !== null) {
    if (!authorize('WRITE', { type: 'TRANSACTIONAL_ID', name: transactionalId })) {
      return failed(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    }
  } else if (
    !authorize('IDEMPOTENT_WRITE', CLUSTER_RESOURCE) &&
    !context.authorizer.authorizeByResourceType(context, 'WRITE', 'TOPIC')
  ) {
    return failed(ErrorCode.CLUSTER_AUTHORIZATION_FAILED);
  }
  if ((producerId === NO_PRODUCER_ID) !== (producerEpoch === NO_PRODUCER_EPOCH)) {
    return failed(ErrorCode.INVALID_REQUEST);
  }
  if (transactionalId === '') return failed(ErrorCode.INVALID_REQUEST);
  if (transactionalId !== null) return failed(ErrorCode.UNSUPPORTED_VERSION);
  // Without a transactional id every call gets a new producer id, whatever the producer had before.
  const generated = producerIds.generateProducerId();
  if (generated.errorCode !== ErrorCode.NONE) return failed(generated.errorCode);
  return { errorCode: ErrorCode.NONE, producerId: BigInt(generated.producerId), producerEpoch: 0 };
});

function failed(errorCode: number): { errorCode: number; producerId: bigint; producerEpoch: number } {
  return { errorCode, producerId: NO_PRODUCER_ID, producerEpoch: NO_PRODUCER_EPOCH };
}
