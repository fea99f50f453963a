#!/usr/bin/env node
import { lstatSync, mkdirSync, realpathSync } from 'node:fs';
import * as modules from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * Where the program begins. JavaScript, because a single file of TypeScript that is loaded before Node keeps compiled code brings in its
 * compiler: 15 MB, and 60 ms of every start. An older Node reads this file, and what it cannot do is asked of it by no name.
 */

const NEEDED_NODE = 26;

refuseOldNode(process.versions.node);
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

function refuseOldNode(version) {
  if (Number.parseInt(version, 10) >= NEEDED_NODE) return;
  const script = fileURLToPath(new URL('../scripts/hind-proxy', import.meta.url));
  console.error(
    `hind-proxy: Cannot run with Node ${version}: expected ${NEEDED_NODE} or newer. ${script} takes the one that npm ci installs`,
  );
  process.exit(2);
}

/**
 * Lets Node keep compiled code in `$XDG_CACHE_HOME/hind-proxy` or `~/.cache/hind-proxy`, which halves the time and a part of the memory
 * of every start but the first. What is there is run: a directory that others may write to or replace is not used. Without a home that is
 * there nothing is kept.
 */
function keepCompiledCode(env) {
  const caches = env['XDG_CACHE_HOME'] || (env['HOME'] && join(env['HOME'], '.cache'));
  if (!caches || !isAbsolute(caches)) return;
  const directory = join(caches, 'hind-proxy');
  try {
    // each by itself: in some places (/proc) Node makes parents without end
    for (const wanted of [caches, directory]) makeDirectory(wanted);
    if (isOurs(directory) && isSafe(realpathSync(caches))) modules.enableCompileCache(join(realpathSync(caches), 'hind-proxy'));
  } catch {
    // a home that cannot be written to costs only time
  }
}

function makeDirectory(path) {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
}

function isOurs(directory) {
  const stats = lstatSync(directory);
  return stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o022) === 0;
}

/** Whether nobody else may replace what is ours in a directory, nor the directory itself. */
function isSafe(directory) {
  const { uid, mode } = lstatSync(directory);
  const isTrusted = uid === 0 || uid === process.getuid?.();
  // in a sticky directory only the owner of what stands there replaces it
  const isKept = (mode & 0o022) === 0 || (mode & 0o1000) !== 0;
  return isTrusted && isKept && (directory === dirname(directory) || isSafe(dirname(directory)));
}
