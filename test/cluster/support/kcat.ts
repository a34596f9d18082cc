import { execFileSync } from 'node:child_process';
import { run, type ToolResult } from '../../support/processes.js';

/** False where kcat is not installed; tests that need it say so once. In CI it must be there. */
export function canRunKcat(): boolean {
  try {
    execFileSync('kcat', ['-V'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    if (process.env['CI']) throw new Error('no kcat, which CI must have', { cause: error });
    return false;
  }
}

/** Runs kcat, the client of librdkafka, against a cluster. */
export function kcat(
  bootstrap: string,
  args: readonly string[],
  options: { input?: string; timeoutMs?: number } = {},
): Promise<ToolResult> {
  return run('kcat', ['-b', bootstrap, ...args], { timeoutMs: 30_000, ...options });
}
