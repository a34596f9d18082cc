/** Why a broker does not start, or does not go on. */
export class StoppedWhileStartingError extends Error {
  override readonly name = 'StoppedWhileStartingError';

  constructor(options: ErrorOptions = {}) {
    super('The broker was told to stop while it was starting', options);
  }
}

class LogDirsFailedError extends Error {
  override readonly name = 'LogDirsFailedError';
}

export function allLogDirsFailed(): Error {
  return new LogDirsFailedError('Shutdown broker because all log dirs have failed');
}
