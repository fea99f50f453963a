#!/usr/bin/env node
import { lstatSync, mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

/*
 * Where the program begins. JavaScript, because a single file of TypeScript that is loaded before Node keeps compiled code brings in its
 * compiler: 15 MB, and 60 ms of every start.
 */

keepCompiledCode(process.env);
const { saveMemory } = await import('./cli/memory.ts');
saveMemory(process.argv.slice(2));
const { main } = await import('./cli/main.ts');
process.exitCode = await main({
  args: process.argv.slice(2),
  env: process.env,
  onSignal(name, listener) {
    process.on(name, listener);
  },
  exit: (code) => process.exit(code),
});

/**
 * Lets Node keep compiled code in `$XDG_CACHE_HOME/hind-proxy` or `~/.cache/hind-proxy`, which halves the time and a part of the memory
 * of every start but the first. What is there is run: a directory that others may write to is not used. Without a home nothing is kept.
 */
function keepCompiledCode(env) {
  const caches = env['XDG_CACHE_HOME'] || (env['HOME'] && join(env['HOME'], '.cache'));
  if (!caches) return;
  const directory = join(caches, 'hind-proxy');
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { uid, mode } = lstatSync(directory);
    if (uid === process.getuid?.() && (mode & 0o022) === 0) enableCompileCache(directory);
  } catch {
    // a home that cannot be written to costs only time
  }
}
