import tseslint from 'typescript-eslint';

const CLOCK_GLOBALS = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
].map((name) => ({ name, message: 'Time and timers come from common/clock, so that a simulation can run them.' }));

export default tseslint.config(
  {
    ignores: [
      'node_modules',
      'dist',
      '.cache',
      'test/fixtures',
      'test/.fixtures',
      'zk/.runtime',
      '**/*.cjs',
      '**/*.mjs',
      '**/*.js',
    ],
  },
  {
    files: ['src/**/*.ts', 'test/**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { project: './tsconfig.json' } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/ban-ts-comment': 'error',
      'no-empty': ['error', { allowEmptyCatch: false }],
      eqeqeq: 'error',
      'prefer-const': 'error',
    },
  },
  {
    // A property that starts from another seed each time is green again after it was red.
    files: ['test/**/*.ts'],
    ignores: ['test/support/fast-check.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { paths: [{ name: 'fast-check', message: 'Import fc from test/support/fast-check, which fixes the seed.' }] },
      ],
    },
  },
  {
    // Whole brokers run under a simulated clock, so nothing else may read time, set timers or draw randomness.
    files: ['src/**/*.ts'],
    ignores: ['src/common/clock.ts', 'src/testing/simulated-clock.ts', 'src/common/random.ts'],
    rules: {
      'no-restricted-globals': ['error', ...CLOCK_GLOBALS],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Read time from common/clock.' },
        { object: 'performance', property: 'now', message: 'Read time from common/clock.' },
        { object: 'process', property: 'hrtime', message: 'Read time from common/clock.' },
        { object: 'Math', property: 'random', message: 'Draw randomness from common/random.' },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Read time from common/clock.' },
      ],
    },
  },
  {
    // Decisions are synchronous: a core that awaits could act on a state that has changed meanwhile.
    files: ['src/*/core/**/*.ts', 'src/cluster/**/*.ts', 'src/protocol/**/*.ts', 'src/records/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'AwaitExpression', message: 'A core decides without awaiting.' },
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Read time from common/clock.' },
      ],
    },
  },
);
