#!/usr/bin/env node
/**
 * Starts the built program. Where it is not built yet (a fresh clone that was installed with `npm install -g .`, which
 * runs no build) the first start sets everything up. Plain JavaScript, because it runs before anything is compiled.
 * Layer: cli.
 */
const {spawnSync} = require('node:child_process');
const {existsSync} = require('node:fs');
const {join} = require('node:path');

const root = join(__dirname, '../..');
const program = join(root, 'dist/bin/dbos.cjs');

if (!existsSync(program)) {
  process.stderr.write('dbos is not built yet; setting it up, once.\n');
  const setup = spawnSync(process.execPath, [join(root, '.ci/setup.mjs')], {stdio: ['ignore', 2, 2]});
  if (setup.status !== 0) {
    process.stderr.write(
      `error: The setup failed (SETUP)\nhint: Run \`npm run setup\` in ${root} and see what it says.\n`,
    );
    process.exit(1);
  }
}
require(program);
