// The layers of docs/architecture.md: each imports only those before it, `errors.ts` and `bytes.ts`.
const LAYERS = ['storage', 'objects', 'tree', 'state', 'repo', 'sql', 'worktree', 'sync', 'shell', 'cli'];

const layerRules = LAYERS.map((layer, index) => ({
  name: `${layer}-imports-only-lower-layers`,
  severity: 'error',
  from: {path: `^src/${layer}/`},
  to: {path: [...LAYERS.slice(index + 1).map(upper => `^src/${upper}/`), '^commands/', '^test/', '^src/index']},
}));

module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'base-imports-nothing',
      severity: 'error',
      from: {path: '^src/(errors|bytes)\\.ts$'},
      to: {path: ['^src/', '^commands/']},
    },
    {
      name: 'library-does-not-import-the-command-line',
      severity: 'error',
      from: {path: '^src/(?!cli/)'},
      to: {path: ['^node_modules/@oclif', '^src/cli/']},
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: {circular: true, viaOnly: {dependencyTypesNot: ['type-only']}},
    },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: {path: '^(src|commands)/'},
      to: {dependencyTypes: ['npm-dev']},
    },
    {name: 'resolvable', severity: 'error', from: {}, to: {couldNotResolve: true}},
  ],
  options: {
    doNotFollow: {path: 'node_modules'},
    tsPreCompilationDeps: true,
    tsConfig: {fileName: 'tsconfig.json'},
    enhancedResolveOptions: {exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types']},
  },
};
