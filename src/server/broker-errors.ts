/** Why a broker does not start, or does not go on. */
export class StoppedWhileStartingError extends Error {
  override readonly name = 'StoppedWhileStartingError';

  constructor(options: ErrorOptions = {}) {
    super('The broker was told to stop while it was starting', options);
  }
}

export function allLogDirsFailed(): Error {
  return new Error('Shutdown broker because all log dirs have failed');
}
