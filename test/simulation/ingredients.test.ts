import { INGREDIENTS, type Ingredient } from './support/ingredients.js';
import { runSeed } from './support/run-seed.js';

/** Seeds that find what the mutants of these ingredients do (`test/mutants`), and that run quickly. */
const SEEDS: Readonly<Record<Ingredient, readonly number[]>> = {
  coldReads: [3],
  jumpingClocks: [3],
  oldClients: [119],
  lateTopicIds: [5],
  laggingMembers: [1],
  longOutages: [1],
  administrators: [9],
  coordinatorDirs: [1],
  clocksApart: [1],
  emptyDisks: [1],
};

describe('clusters keep their promises', () => {
  test.each(INGREDIENTS.flatMap((ingredient) => SEEDS[ingredient].map((seed) => ({ ingredient, seed }))))(
    'with $ingredient (seed $seed)',
    async ({ ingredient, seed }) => {
      const { error, traceTail, acknowledged } = await runSeed(seed, { ingredients: [ingredient] });
      if (error) error.message += `\n\n${traceTail}`;
      expect(error).toBeNull();
      expect(acknowledged).toBeGreaterThan(0);
    },
  );
});
