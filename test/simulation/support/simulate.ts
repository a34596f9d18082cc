import { SimulatedCluster, type ClusterOptions } from './simulated-cluster.js';

/**
 * A test that is a script: a cluster starts, `script` lets things happen to it, and all invariants are looked at meanwhile. A failure
 * shows the end of what happened.
 */
export function simulate(
  title: string,
  options: Omit<ClusterOptions, 'seed'> & { readonly seed?: number },
  script: (cluster: SimulatedCluster) => Promise<void>,
): void {
  test(
    title,
    async () => {
      const cluster = new SimulatedCluster({ seed: 1, ...options });
      try {
        await cluster.start();
        await script(cluster);
      } catch (error) {
        if (error instanceof Error) error.message += `\n\n${cluster.trace.tail(150)}`;
        throw error;
      } finally {
        cluster.close();
      }
    },
    60_000,
  );
}
