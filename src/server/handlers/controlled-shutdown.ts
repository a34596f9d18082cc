import { controlledShutdownRequest, controlledShutdownResponse } from '../../protocol/index.js';
import { handler } from '../handler.js';

/** A broker that will stop asks the controller to move its leaders away. */
export const controlledShutdown = handler(
  controlledShutdownRequest,
  controlledShutdownResponse,
  (request, { authorizeClusterAction, controller }) => {
    authorizeClusterAction();
    return controller.controlledShutdown(request);
  },
);
