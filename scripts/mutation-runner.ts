import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { INSTRUMENTER_CONSTANTS, type CoverageData, type StrykerOptions } from '@stryker-mutator/api/core';
import { commonTokens, declareFactoryPlugin, PluginKind, tokens, type Plugin } from '@stryker-mutator/api/plugin';
import {
  determineHitLimitReached,
  DryRunStatus,
  TestStatus,
  toMutantRunResult,
  type DryRunResult,
  type MutantRunOptions,
  type TestResult,
  type TestRunner,
} from '@stryker-mutator/api/test-runner';
import { compareText } from '../src/lib/sort.ts';

/**
 * Runs tests for StrykerJS inside its own process: a process for each file of tests costs twenty times as much. Every mutant gets new copies
 * of all our modules, as some keep what they found out, and many tests compute what they look at while they are loaded.
 */

type Body = (context: unknown) => unknown;

interface FoundTest {
  readonly id: string;
  readonly file: string;
  readonly run: Body;
}

/** What Stryker writes into the source shares with whoever runs it. */
interface Instruments {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
  mutantCoverage?: { readonly static: CoverageData; readonly perTest: Record<string, CoverageData> };
}

const COPY = 'copy';
const NODE_TEST = 'hind-proxy:node-test';
const NODE_TEST_SOURCE = 'export const test = (...args) => globalThis.hindProxyTest(...args);';

const world: { hindProxyTest?: (...args: readonly unknown[]) => void; [name: string]: unknown } = globalThis;

export const strykerValidationSchema = {
  properties: { nodeTest: { type: 'object', properties: { testFiles: { type: 'array', items: { type: 'string' } } } } },
};

export const strykerPlugins: readonly Plugin<PluginKind.TestRunner>[] = [
  declareFactoryPlugin(PluginKind.TestRunner, 'node-test', openRunner),
];

openRunner.inject = tokens(commonTokens.options);

function openRunner(options: StrykerOptions): TestRunner {
  const instruments: Instruments = {};
  let files: readonly string[] = [];
  let copies = 0;
  /** Of each mutated file, the tests that noticed something there, the last one first: they are likely to notice the next mutant too. */
  const noticing = new Map<string, readonly string[]>();
  return {
    capabilities: () => ({ reloadEnvironment: true }),
    init: async () => {
      world[INSTRUMENTER_CONSTANTS.NAMESPACE] = instruments;
      process.on('unhandledRejection', () => undefined);
      copyOwnModules(process.cwd());
      const { testFiles } = options['nodeTest'] as { readonly testFiles: readonly string[] };
      files = (await Array.fromAsync(glob([...testFiles]))).toSorted(compareText);
    },
    dryRun: async () => {
      instruments.activeMutant = undefined;
      return await coverageOf(files, instruments);
    },
    mutantRun: async ({ activeMutant, hitLimit, testFilter }: MutantRunOptions) => {
      copies += 1;
      Object.assign(instruments, { activeMutant: activeMutant.id, currentTestId: undefined, hitCount: 0, hitLimit });
      const asked = new Set(testFilter);
      const known = noticing.get(activeMutant.fileName) ?? [];
      const tests = await firstFailureOf(new Set([...known.filter((id) => asked.has(id)), ...asked]), `${copies}`);
      const noticed = tests.filter(({ status }) => status === TestStatus.Failed).map(({ id }) => id);
      noticing.set(activeMutant.fileName, [...new Set([...noticed, ...known])]);
      const endless = determineHitLimitReached(instruments.hitCount, hitLimit);
      return toMutantRunResult(endless ?? { status: DryRunStatus.Complete, tests });
    },
  };
}

/** Runs every test with new modules for every file. What a file reaches and takes while it is loaded, each of its tests does. The quick come first. */
async function coverageOf(files: readonly string[], instruments: Instruments): Promise<DryRunResult> {
  const results: TestResult[] = [];
  const reached: Record<string, CoverageData> = {};
  instruments.mutantCoverage = { static: {}, perTest: reached };
  for (const file of files) {
    instruments.currentTestId = file;
    const startedAtMs = performance.now();
    const tests = await testsOf(file, file);
    const loadMs = Math.round(performance.now() - startedAtMs);
    for (const one of tests) {
      instruments.currentTestId = one.id;
      const result = await resultOf(one);
      results.push({ ...result, timeSpentMs: result.timeSpentMs + loadMs });
      reached[one.id] = sumOf(reached[file] ?? {}, reached[one.id] ?? {});
    }
    delete reached[file];
  }
  const quickFirst = results.toSorted((left, right) => left.timeSpentMs - right.timeSpentMs);
  const perTest = Object.fromEntries(quickFirst.map(({ id }) => [id, reached[id] ?? {}]));
  return { status: DryRunStatus.Complete, tests: results, mutantCoverage: { static: {}, perTest } };
}

function sumOf(left: CoverageData, right: CoverageData): CoverageData {
  const sum = { ...left };
  for (const [mutant, count] of Object.entries(right)) sum[mutant] = (sum[mutant] ?? 0) + count;
  return sum;
}

/** The results of tests up to the first one that fails. A file that cannot be loaded fails as well. */
async function firstFailureOf(ids: ReadonlySet<string>, copy: string): Promise<TestResult[]> {
  const results: TestResult[] = [];
  const loaded = new Map<string, readonly FoundTest[]>();
  for (const id of ids) {
    const file = id.slice(0, id.indexOf('#'));
    try {
      const tests = loaded.get(file) ?? (await testsOf(file, copy));
      loaded.set(file, tests);
      const found = tests.find((one) => one.id === id);
      results.push(found ? await resultOf(found) : failed(id, new Error('There is no such test any more')));
    } catch (error) {
      results.push(failed(id, error));
    }
    if (results.at(-1)?.status === TestStatus.Failed) break;
  }
  return results;
}

/** The tests of a file, from new copies of all modules that have this name of a copy. */
async function testsOf(file: string, copy: string): Promise<readonly FoundTest[]> {
  const tests: FoundTest[] = [];
  world.hindProxyTest = (name, ...rest) => {
    const run = rest.at(-1);
    if (typeof name !== 'string' || typeof run !== 'function')
      throw new TypeError(`Cannot run test ${String(name)}: expected a name and a function`);
    tests.push({ id: `${file}#${tests.length} ${name}`, file, run: run as Body });
  };
  await import(`${pathToFileURL(resolve(file)).href}?${COPY}=${encodeURIComponent(copy)}`);
  return tests;
}

async function resultOf({ id, file, run }: FoundTest): Promise<TestResult> {
  const startedAtMs = performance.now();
  const end = new AbortController();
  const cleanups: Body[] = [];
  const context = {
    signal: end.signal,
    after: (cleanup: Body) => cleanups.push(cleanup),
    diagnostic: () => undefined,
    skip: () => undefined,
  };
  let result: TestResult = { id, name: id, fileName: file, timeSpentMs: 0, status: TestStatus.Success };
  try {
    await run(context);
  } catch (error) {
    result = failed(id, error);
  }
  for (const cleanup of cleanups) await cleanup(context);
  end.abort();
  return { ...result, timeSpentMs: Math.round(performance.now() - startedAtMs) };
}

function failed(id: string, error: unknown): TestResult {
  return {
    id,
    name: id,
    timeSpentMs: 0,
    status: TestStatus.Failed,
    failureMessage: error instanceof Error ? error.message : String(error),
  };
}

/** From now on a module that is imported by a copy of one of ours is a copy of the same name. */
function copyOwnModules(root: string): void {
  const sources = new Map<string, string>();
  const isOwn = (url: string): boolean => url.startsWith(pathToFileURL(`${root}/`).href) && !url.includes('/node_modules/');
  registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier === 'node:test') return { url: NODE_TEST, format: 'module', shortCircuit: true };
      const found = next(specifier, context);
      const copy = context.parentURL && new URL(context.parentURL).searchParams.get(COPY);
      if (!copy || !isOwn(found.url) || found.url.includes('?')) return found;
      return { ...found, url: `${found.url}?${COPY}=${encodeURIComponent(copy)}` };
    },
    load: (url, context, next) => {
      if (url === NODE_TEST) return { format: 'module', source: NODE_TEST_SOURCE, shortCircuit: true };
      if (!isOwn(url) || !url.includes(`.ts?${COPY}=`)) return next(url, context);
      const path = relative(root, fileURLToPath(url));
      const source = sources.get(path) ?? stripTypeScriptTypes(readFileSync(path, 'utf8'));
      sources.set(path, source);
      return { format: 'module', source, shortCircuit: true };
    },
  });
}
