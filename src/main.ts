#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { keepCompiledCode } from './cli/compile-cache.ts';

// the space for young objects keeps its first size: with 1,000 services 60 MB less memory, and no more time
setFlagsFromString('--semi-space-growth-factor=1');
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
