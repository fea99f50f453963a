#!/usr/bin/env node
import { keepCompiledCode } from './cli/compile-cache.ts';
import { saveMemory } from './cli/memory.ts';

saveMemory(process.argv.slice(2));
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
