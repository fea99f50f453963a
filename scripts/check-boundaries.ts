import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, posix, relative } from 'node:path';

/**
 * Who may import whom (the table of the architecture), one importing file per package, no lines made in targets outside their
 * printers. `node scripts/check-boundaries.ts [DIR]` checks `src` or DIR, prints every violation and exits 1 when there is one.
 */

/** What the files of a folder may import. Folder names are those under `src`; `self` is always allowed. */
interface Rule {
  readonly folders: readonly string[];
  /** Pure files of `lib`, or `all` of it. */
  readonly lib: readonly string[] | 'all';
  readonly node: boolean;
  readonly packages: boolean;
}

const PURE_LIB = ['sort', 'text', 'hash', 'quote', 'glob', 'regexp', 'ip', 'nearest', 'wildcard', 'go-url', 'host', 'memo'];
const pure = (folders: readonly string[]): Rule => ({ folders, lib: PURE_LIB, node: false, packages: false });
const effects = (folders: readonly string[]): Rule => ({ folders, lib: 'all', node: true, packages: true });

const RULES: Readonly<Record<string, Rule>> = {
  model: pure([]),
  dialects: pure(['model']),
  compile: pure(['model']),
  plan: pure(['model']),
  targets: pure(['model']),
  sources: effects(['model', 'nomad']),
  nomad: { folders: [], lib: ['undici'], node: true, packages: true },
  apply: effects(['model']),
  admin: effects(['model']),
  jobfiles: effects(['model']),
  verify: effects(['model', 'apply']),
  config: effects(['model']),
  controller: { folders: ['model', 'compile', 'plan'], lib: 'all', node: true, packages: false },
  lib: { folders: [], lib: 'all', node: true, packages: true },
  cli: effects([
    'model',
    'dialects',
    'compile',
    'plan',
    'targets',
    'sources',
    'nomad',
    'apply',
    'admin',
    'config',
    'controller',
    'jobfiles',
    'verify',
  ]),
  'start.js': effects(['cli']),
  'main.ts': effects(['start.js']),
};

/** Interfaces that folders may import although they may not import the folder. */
const INTERFACES: Readonly<Record<string, readonly string[]>> = {
  controller: ['dialects/dialect.ts', 'dialects/read-tags.ts', 'sources/source.ts', 'targets/target.ts', 'apply/deployer.ts'],
  apply: ['targets/target.ts'],
  admin: ['controller/views.ts'],
  jobfiles: ['dialects/convert.ts'],
  verify: ['targets/target.ts'],
};

/** Packages that more than one file may import. */
const SHARED_PACKAGES = new Set(['zod']);

const root = process.argv[2] ?? join(import.meta.dirname, '../src');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.[jt]s$/.test(path))
  .map((path) => path.replaceAll('\\', '/'))
  .toSorted();
const violations: string[] = [];
const importersOf = new Map<string, string[]>();

for (const file of files) checkFile(file, readFileSync(join(root, file), 'utf8'));
for (const [name, importers] of importersOf) {
  if (importers.length > 1 && !SHARED_PACKAGES.has(name))
    violations.push(`${importers.join(', ')}: package ${name} has more than one importing file`);
}
for (const violation of violations) console.error(violation);
console.error(violations.length === 0 ? `boundaries: ${files.length} files in order` : `boundaries: ${violations.length} violations`);
process.exitCode = violations.length === 0 ? 0 : 1;

function checkFile(file: string, text: string): void {
  const folder = file.includes('/') ? file.slice(0, file.indexOf('/')) : file;
  const rule = RULES[folder];
  if (!rule) {
    violations.push(`${file}: no rule for this folder, expected one of ${Object.keys(RULES).join(', ')}`);
    return;
  }
  for (const specifier of importsOf(text)) checkImport({ file, folder, rule, specifier });
  if (folder === 'targets' && file !== 'targets/target.ts' && !/\/(print|json|quote)\.ts$/.test(file) && makesLines(text)) {
    violations.push(`${file}: makes lines of text; only print.ts, json.ts and quote.ts of a target may`);
  }
}

function checkImport({
  file,
  folder,
  rule,
  specifier,
}: {
  readonly file: string;
  readonly folder: string;
  readonly rule: Rule;
  readonly specifier: string;
}): void {
  if (!specifier.startsWith('.')) {
    if (isBuiltin(specifier)) {
      const hashing = specifier === 'node:crypto' && file === 'lib/hash.ts';
      if (!rule.node && !hashing) violations.push(`${file}: imports ${specifier}, and ${folder} is pure`);
      return;
    }
    if (!rule.packages) violations.push(`${file}: imports package ${specifier}, and ${folder} may import none`);
    const name = specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/');
    importersOf.set(name, [...new Set(importersOf.get(name)).add(file)]);
    return;
  }
  const target = posix.normalize(posix.join(dirname(file), specifier));
  const targetFolder = target.includes('/') ? target.slice(0, target.indexOf('/')) : target;
  if (targetFolder === folder || INTERFACES[folder]?.includes(target)) return;
  if (targetFolder === 'lib') {
    const name = target.slice('lib/'.length, -'.ts'.length);
    if (rule.lib !== 'all' && !rule.lib.includes(name))
      violations.push(`${file}: imports ${target}, and ${folder} may use only lib/{${rule.lib.join(',')}}`);
    return;
  }
  if (!rule.folders.includes(targetFolder))
    violations.push(`${file}: imports ${relative('', target)}, and ${folder} may import only ${rule.folders.join(', ') || 'itself'}`);
}

function importsOf(text: string): string[] {
  return [
    ...text.matchAll(/(?:^|\n)\s*(?:import|export)\s[^'"`;]*?from\s+'([^']+)'|(?:^|\n)\s*import\s+'([^']+)'|import\('([^']+)'\)/g),
  ].flatMap((match) => match[1] ?? match[2] ?? match[3] ?? []);
}

/** Line ends in a string: the sign of configuration written as text instead of a syntax tree that the printer quotes. */
function makesLines(text: string): boolean {
  return /\\n/.test(text);
}
