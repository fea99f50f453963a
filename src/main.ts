#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { keepCompiledCode } from './cli/compile-cache.ts';

// with 1,000 services 60 MB less memory for the one, 15 MB for the other, and no more time
for (const flag of ['--semi-space-growth-factor=1', '--optimize-for-size']) setFlagsFromString(flag);
keepCompiledCode(process.env);
const { main } = await import('./cli/main.ts');
process.exitCode = await main({
  args: process.argv.slice(2),
  env: process.env,
  onSignal(name, listener) {
    process.on(name, listener);
  },
  exit: (code) => process.exit(code),
});
