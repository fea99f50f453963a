#!/usr/bin/env node
import { main } from './cli/main.ts';

process.exitCode = await main({
  args: process.argv.slice(2),
  env: process.env,
  onSignal(name, listener) {
    process.on(name, listener);
  },
  exit: (code) => process.exit(code),
});
